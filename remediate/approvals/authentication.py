"""The protocol by which a person proves an approval, and its implementation with SSH signatures.

`ssh-keygen -Y` signs and verifies. The project's allowed_signers file names the persons and their public keys, as
ssh-keygen(1) describes it.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, Protocol

from typing_extensions import override

from remediate.approvals.listed_persons import allows
from remediate.approvals.proposal import ApprovalMeans, Approver
from remediate.errors import ConfigurationError, RemediateError

NAMESPACE: Final = "remediate-approval"
"""The purpose of the signature. One that was made for git or for a file is not accepted."""
_SIGNING_SECONDS: Final = 120
"""A person types a passphrase, or touches a hardware key."""
_VERIFYING_SECONDS: Final = 20
_LIMIT: Final = 64 * 1024
SERVICE: Final = "remediate-service"
"""The name in allowed_signers whose key vouches for who logged in to the service. It is no person."""
_GOOD: Final = re.compile(
    r'^Good "(?P<namespace>[a-z-]+)" signature for .* with (?P<key>\S+ key SHA256:\S+)$', re.MULTILINE
)
_PERSON: Final = re.compile(r"[^\s*?!,]{1,200}")
"""The name of a person in allowed_signers. A pattern names nobody."""
_KEYS: Final = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")


class UnprovenApprover(RemediateError):
    """A proof that is not accepted. The text says why."""


class Authenticator(Protocol):
    """One way to find out for certain who approves."""

    @property
    def how(self) -> ApprovalMeans:
        """The way, as records name it."""

    def authenticate(self, statement: str, proof: str) -> Approver:
        """Return the person who approved exactly this statement. Raises UnprovenApprover."""


class SshSigners(Authenticator):
    """The persons of an allowed_signers file. Without a project there is none, whatever lies in the directory."""

    def __init__(self, allowed_signers: Path | None) -> None:
        self._file = allowed_signers

    @property
    @override
    def how(self) -> ApprovalMeans:
        return ApprovalMeans.SSH_SIGNATURE

    @property
    def exists(self) -> bool:
        """Return whether there is such a file."""
        return self._file is not None and self._file.is_file()

    @override
    def authenticate(self, statement: str, proof: str) -> Approver:
        name, key = self.signer(statement, proof, NAMESPACE)
        if name == SERVICE:
            raise UnprovenApprover(f"{name} is the service and not a person: sign with a person's key")
        return Approver(name, self.how, key)

    def demand_listed(self, person: str) -> None:
        """Raise UnprovenApprover unless the file lets this person approve now."""
        try:
            text = "" if self._file is None else self._file.read_bytes().decode(errors="replace")
        except OSError:
            text = ""
        if not is_person(person) or not allows(text, person, NAMESPACE, datetime.now(UTC)):
            raise UnprovenApprover(f"{self._file or 'no project'} does not let {person!r} approve now")

    def signer(self, statement: str, proof: str, namespace: str) -> tuple[str, str]:
        """Return who signed this statement for this purpose, and with which key. Raises UnprovenApprover."""
        if self._file is None or not self.exists:
            raise UnprovenApprover(
                f"{self._file or 'a project'} does not exist, so nobody may approve: list each person there with a "
                "public key, as `ana ssh-ed25519 AAAA…` (docs/approvals.md)"
            )
        if len(proof) > _LIMIT:
            raise UnprovenApprover("the signature is too long to be one")
        with _stored(proof) as path:
            found = _ssh_keygen(("find-principals", "-s", path, "-f", str(self._file)), "", _VERIFYING_SECONDS)
            names = found.stdout.splitlines()
            if found.returncode != 0 or not names:
                raise UnprovenApprover(f"no key of {self._file} made this signature: {_last(found.stderr)}")
            name = names[0]
            if not _PERSON.fullmatch(name):
                raise UnprovenApprover(f"{self._file} lists this key for {name!r}, which names no person")
            words = ("verify", "-f", str(self._file), "-I", name, "-n", namespace, "-s", path)
            verified = _ssh_keygen(words, statement, _VERIFYING_SECONDS)
        good = _GOOD.search(verified.stdout)
        if verified.returncode != 0 or good is None or good["namespace"] != namespace:
            raise UnprovenApprover(f"this is no valid signature of {name} for this plan: {_last(verified.stderr)}")
        return name, good["key"]


def is_person(name: str) -> bool:
    """Return whether this can be the name of a person in allowed_signers."""
    return name != SERVICE and _PERSON.fullmatch(name) is not None


def signed(statement: str, key: Path, namespace: str = NAMESPACE) -> str:
    """Sign a statement with an SSH key. ssh-keygen asks for its passphrase, or an agent has it.

    Raises ConfigurationError.
    """
    if not key.is_file():
        raise ConfigurationError(f"{key} does not exist: it would be the SSH key that signs")
    done = _ssh_keygen(("sign", "-f", str(key), "-n", namespace), statement, _SIGNING_SECONDS)
    if done.returncode != 0:
        raise ConfigurationError(f"{key} did not sign: {_last(done.stderr)}")
    return done.stdout


def usual_key() -> Path:
    """Return the person's SSH key that ssh tries first. Raises ConfigurationError if there is none."""
    try:
        places = [Path("~/.ssh").expanduser() / name for name in _KEYS]
    except RuntimeError:
        places = []
    for place in places:
        # With the public part alone, ssh-keygen asks the agent.
        for path in (place, place.with_name(f"{place.name}.pub")):
            if path.is_file():
                return path
    raise ConfigurationError("no SSH key was found: name one with --key PATH; its public part is enough with an agent")


@contextmanager
def _stored(proof: str) -> Iterator[str]:
    """Store a signature in a temporary file, because ssh-keygen reads no other. Raises ConfigurationError."""
    try:
        with NamedTemporaryFile("w", suffix=".sig", encoding="utf-8", errors="replace") as file:
            file.write(proof)
            file.flush()
            yield file.name
    except OSError as error:
        raise ConfigurationError(
            f"a signature is verified in a temporary file ({error.strerror}): free some space, or set TMPDIR"
        ) from None


def _ssh_keygen(words: Sequence[str], text: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run `ssh-keygen -Y`. Raises ConfigurationError if it cannot run or does not end."""
    try:
        return subprocess.run(
            ("ssh-keygen", "-Y", *words),
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise ConfigurationError(
            f"ssh-keygen cannot be run ({error.strerror}): install OpenSSH's client, 8.2 or later"
        ) from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"ssh-keygen gave no answer within {seconds:g} s") from None


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh-keygen does not say why"
