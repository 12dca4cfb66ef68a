"""Flags of the command line, read without importing what the command itself needs."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.commands.open_files import allow_connections
from remediate.core.host_names import shortened
from remediate.errors import ConfigurationError, flag_line
from remediate.inventory.selection import Inventory
from remediate.masking.writer import self_test
from remediate.project.project import Project
from remediate.transport.dialing import AT_ONCE, Connections

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal
    from remediate.core.host import Host
    from remediate.core.options import Options
    from remediate.inventory.selection import Addresses
    from remediate.transport.session import Session

Flags = Mapping[str, object]

OPTIONS: Final = (
    "plan",
    "yes",
    "hold",
    "timeout",
    "wait",
    "max_hosts",
    "serial",
    "max_fail",
    "forks",
    "approved",
    "reason",
    "incident",
)


class Begun(NamedTuple):
    """A run described by its flags, while the connections to its hosts are being opened."""

    hosts: "tuple[Host, ...]"
    options: "Options"
    connect: "Callable[[Host], Session]"


@contextmanager
def beginning(flags: Flags, project: Project, terminal: "Terminal") -> Iterator[Begun]:
    """Select the hosts and start connecting to them.

    The models of settings, and the rest of the command, are imported meanwhile. Raises ConfigurationError before that
    for unusable flags, for a file that cannot be written, and for hosts that do not exist.
    """
    file_of(flags, "junit")
    with Connections(client=project.ssh_client()) as connect:

        def dial(addresses: "Addresses") -> None:
            connect.begin(addresses[: allow_connections(len(addresses), _early_forks(flags), lambda _: None)])
            self_test()
            # Say it now: the imports that follow take as long as the login.
            terminal.progress(f"connecting to {shortened([name for name, _ in addresses])}")

        hosts = selected(flags, project, terminal, dial)
        options = options_of(flags)
        if len(hosts) > 1:
            forks = allow_connections(len(hosts), options.forks, terminal.warn)
            options = options.model_copy(update={"forks": forks})
        yield Begun(hosts, options, connect)


def selected(
    flags: Flags, project: Project, terminal: "Terminal", addressed: "Callable[[Addresses], None]" = lambda _: None
) -> "tuple[Host, ...]":
    """Return the hosts that --host names in the chosen inventories. Raises ConfigurationError.

    `addressed` gets their addresses first (`Inventory.select`). From now on the terminal hides what is encrypted in
    their inventory.
    """
    inventory = Inventory.load(inventory_of(flags, project), project.root)
    hosts = inventory.select(target_of(flags, inventory), terminal.warn, addressed)
    terminal.hide(*(secret for host in hosts for secret in host.secrets))
    return hosts


def options_of(flags: Flags) -> "Options":
    """Return the flags as Options. Raises ConfigurationError naming the flag and what it accepts."""
    from pydantic import ValidationError

    from remediate.core.options import Options

    given = {name: flags[name] for name in OPTIONS if flags.get(name) not in {None, False}}
    try:
        return Options.model_validate({**given, "overrides": dict(map(_override, _texts(flags.get("override"))))})
    except ValidationError as error:
        raise ConfigurationError(flag_line(error, {"overrides": "override"})) from None


def _early_forks(flags: Flags) -> int:
    """Return how many hosts to connect to now. A mistake in a flag costs no login, so values are validated first.

    A line without values does not wait for the validation's imports. Raises ConfigurationError.
    """
    if flags.get("override"):
        return 0  # Which codes can be overridden is known once the playbook is imported.
    return options_of(flags).forks if any(isinstance(flags.get(name), str) for name in OPTIONS) else AT_ONCE


def target_of(flags: Flags, inventory: Inventory) -> str:
    """Return the value of --host. Raises ConfigurationError with the hosts that exist when it is missing."""
    target = flags.get("host")
    if not isinstance(target, str):
        raise ConfigurationError(f"--host is missing; {inventory.what_exists()}")
    return target


def inventory_of(flags: Flags, project: Project) -> tuple[Path, ...]:
    """Return the inventories to read: the given one, else the project's."""
    given = flags.get("inventory")
    return (Path(given),) if isinstance(given, str) else project.inventories()


def _override(text: str) -> tuple[str, str]:
    code, equals, why = text.partition("=")
    if not equals or not why.strip():
        raise ConfigurationError(f"--override takes CODE=why, not {text!r}")
    return code, why


def text_of(flags: Flags, name: str) -> str | None:
    """Return the value of a flag; None if it was not given."""
    value = flags.get(name)
    return value if isinstance(value, str) else None


def file_of(flags: Flags, name: str) -> Path | None:
    """Return the file that a flag names for writing. Raises ConfigurationError if it is not writable."""
    given = text_of(flags, name)
    if given is None:
        return None
    path = Path(given)
    why = "it is a directory" if path.is_dir() else f"{path.parent} is no directory" if not path.parent.is_dir() else ""
    if why or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"--{name}: {given} cannot be written: {why or 'permission denied'}")
    return path


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
