"""Ansible's own programs, for inventories that only Ansible can read.

Running them is running code: an inventory script, a plugin, the script that prints a vault's password. So it happens
only for an inventory inside the marked project. Nothing that they print is stored or repeated in an error.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_values import Sealed, SourceLocation, shown

INVENTORY: Final = "ansible-inventory"
VAULT: Final = "ansible-vault"
SECONDS: Final = 60
"""Seconds that one of the programs may take. A cloud answers within seconds."""

_PLAIN: Final[Mapping[str, str]] = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    # Files of variables are read by remediate, which merges them and knows their lines.
    "ANSIBLE_VARS_ENABLED": "",
    "ANSIBLE_LOG_PATH": os.devnull,
    "ANSIBLE_NOCOLOR": "True",
    "ANSIBLE_FORCE_COLOR": "False",
    # Otherwise messages would stand before the JSON.
    "ANSIBLE_VERBOSITY": "0",
    "ANSIBLE_DEBUG": "False",
}


class OnlyAnsibleError(ConfigurationError):
    """An inventory that only Ansible can read. `place` is where that was seen, `what` what it is."""

    def __init__(self, place: SourceLocation, what: str) -> None:
        super().__init__(str(place.error(what)))
        self.place = place
        self.what = what


@dataclass(frozen=True, slots=True)
class AnsiblePrograms:
    """Runs Ansible's programs for inventories inside `root`, the marked project. Without one, none is run."""

    root: Path | None = None

    def allowed(self, path: Path) -> bool:
        """Return whether a file or directory is inside the project, links resolved."""
        return self.root is not None and path.resolve().is_relative_to(self.root.resolve())

    def listed(self, path: Path, reason: OnlyAnsibleError) -> object:
        """Return what `ansible-inventory --list` says of an inventory.

        Raises ConfigurationError if it or the file of the reason is not in the project, or if the program is missing,
        fails or takes too long.
        """
        if not (self.allowed(path) and self.allowed(reason.place.file)):
            raise reason.place.error(
                f"{reason.what}, which {INVENTORY} reads, and only for an inventory inside a marked project,"
                " never for an alert: move it there, or convert it with --list --yaml"
            )
        import json

        argv = (INVENTORY, "-i", str(path.absolute()), "--list", "--export")
        printed = self._output(argv, b"", reason.place, reason.what)
        try:
            return json.loads(printed)
        except (ValueError, RecursionError):
            raise reason.place.error(f"{reason.what}, and {INVENTORY} printed no JSON") from None

    def decrypted(self, sealed: Sealed) -> str:
        """Return a vaulted value in the clear. Raises ConfigurationError as `listed` does."""
        what = f"is encrypted ({shown(sealed.tag)}), and remediate needs its value"
        argv = (VAULT, "decrypt", "--output", "-")
        return self._output(argv, sealed.text.encode(), sealed.place, what).decode("utf-8", "backslashreplace")

    def _output(self, argv: tuple[str, ...], given: bytes, place: SourceLocation, what: str) -> bytes:
        # Most inventories need none of this.
        import signal
        import subprocess

        program = argv[0]
        try:
            # In a session of its own it has no terminal to ask for a password, and all of it can be ended.
            process = subprocess.Popen(
                argv,
                cwd=self.root,
                env={**os.environ, **_PLAIN},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            why = "is not installed" if isinstance(error, FileNotFoundError) else f"cannot be run ({error.strerror})"
            raise place.error(f"{what}; {program} {why}: install ansible-core, or write it out") from None
        with process:
            try:
                printed, _ = process.communicate(given, timeout=SECONDS)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                raise place.error(f"{what}; {program} gave no answer within {SECONDS} s") from None
        if process.returncode != 0:
            # What it said may hold parts of the inventory.
            raise place.error(
                f"{what}; {program} ended with {process.returncode}: run {program} in {shown(str(self.root), 400)}"
                " to see why (a vault's password has to come from ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE)"
            )
        return printed
