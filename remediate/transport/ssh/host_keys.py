"""Accepted keys of a host, from known_hosts files, revocations and pins.

After the files are read, everything here is pure. Only `HostKeyRule.check` judges a host's key.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.transport.ssh.config import SshOptions

_RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")


class OfferedKey(Protocol):
    """The key that a server shows; its fingerprint tells it from every other key."""

    @property
    def kind(self) -> str:
        """The name of its type, such as `ssh-ed25519`."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint `SHA256:…`, as `ssh-keygen -l` prints it."""


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A public key from a server or a file."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint `SHA256:…`, as `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file: hosts, key, and a marker such as @revoked."""

    marker: str
    patterns: tuple[str, ...]
    key: ServerKey

    def covers(self, name: str) -> bool:
        """Return whether the line is about `name` (`host` or `[host]:port`, lower case)."""
        if any(_matches(pattern[1:], name) for pattern in self.patterns if pattern.startswith("!")):
            return False
        return any(_matches(pattern, name) for pattern in self.patterns if not pattern.startswith("!"))


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in pattern.split("|")[2:])
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
    # fnmatch would take the brackets of [host]:port for a set of characters.
    wild = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, name, re.DOTALL) is not None


def _key(kind: str, encoded: str) -> ServerKey | None:
    """Return the key of one line, None if it is broken or of another kind."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None
    name = kind.encode("ascii", "replace")
    return ServerKey(kind, blob) if blob.startswith(len(name).to_bytes(4, "big") + name) else None


def parse_known_hosts(text: str) -> tuple[KnownKey, ...]:
    """Read the text of a known_hosts file. A broken line is skipped and never spoils the others."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        key = _key(fields[1], fields[2])
        if key is not None:
            found.append(KnownKey(marker, tuple(fields[0].split(",")), key))
    return tuple(found)


def load_known_hosts(paths: Iterable[Path]) -> tuple[KnownKey, ...]:
    """Read known_hosts files in order. A missing or unreadable file counts as empty."""
    found: list[KnownKey] = []
    for path in paths:
        try:
            found += parse_known_hosts(path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return tuple(found)


def revocations(paths: Iterable[Path]) -> str:
    """Return the lines of known_hosts files that revoke a key, as they are."""
    found: list[str] = []
    for path in paths:
        with suppress(OSError):
            lines = path.read_bytes().decode("utf-8", "surrogateescape").splitlines()
            found += [line for line in lines if line.split(maxsplit=1)[:1] == ["@revoked"]]
    return "".join(f"{line}\n" for line in found)


def load_revoked(path: Path) -> tuple[KnownKey, ...]:
    """Read the public keys of a RevokedHostKeys file, revoked for every host.

    Raises ConfigurationError if it cannot be read or is a binary KRL: continuing would trust revoked keys.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"RevokedHostKeys {path} cannot be read: {error.strerror}") from None
    if data.startswith(b"SSHKRL"):
        raise ConfigurationError(f"RevokedHostKeys {path} is a binary KRL; only a list of public keys is read here")
    lines = (line.split() for line in data.decode("utf-8", "replace").splitlines())
    keys = (_key(fields[0], fields[1]) for fields in lines if len(fields) >= 2)
    return tuple(KnownKey("@revoked", ("*",), key) for key in keys if key is not None)


def known_names(host: str, port: int, alias: str | None) -> tuple[str, ...]:
    """Return the names under which a host is looked up, the exact one first.

    ssh does the same. On another port than 22, a key known for the plain name is also accepted, but a different one
    proves no change.
    """
    if alias:
        return (alias.lower(),)
    host = host.lower()
    return (host,) if port == 22 else (f"[{host}]:{port}", host)


@dataclass(frozen=True, slots=True)
class HostKeyRule:
    """The requirement for one host's key. `place` names the host in messages."""

    place: str
    names: tuple[str, ...]
    known: tuple[KnownKey, ...]
    files: tuple[Path, ...]
    pin: str | None = None

    def algorithms(self, available: Iterable[str]) -> tuple[str, ...]:
        """Order key algorithms so that the server shows the known key, if possible."""
        wanted = [key.kind for key in self._expected()]
        if self.pin is not None:
            wanted = [line.key.kind for line in self.known if line.key.fingerprint == self.pin] + wanted
        first = [name for kind in wanted for name in (_RSA_ALGORITHMS if kind == "ssh-rsa" else (kind,))]
        offered = tuple(available)
        return tuple(dict.fromkeys([name for name in first if name in offered] + list(offered)))

    def check(self, key: OfferedKey) -> None:
        """Accept the host's key, or raise Unreachable with HOST_KEY_UNKNOWN, _CHANGED or _REVOKED."""
        if any(
            line.key.fingerprint == key.fingerprint
            for line in self.known
            if line.marker == "@revoked" and self._covers(line)
        ):
            raise self._refusal(
                UnreachableCode.HOST_KEY_REVOKED,
                f"{self.place} offers the host key {key.kind} {key.fingerprint}, which is revoked",
                "give the host a new key, or take it out of service",
            )
        if self.pin is not None:
            if key.fingerprint != self.pin:
                raise self._refusal(
                    UnreachableCode.HOST_KEY_CHANGED,
                    f"{self.place} offers the host key {key.kind} {key.fingerprint}, but {self.pin} is pinned",
                    "find out why it changed; when that was planned, change host_key in the inventory",
                )
            return
        self._check_known(key)

    def _check_known(self, key: OfferedKey) -> None:
        expected = self._expected()
        if any(known.fingerprint == key.fingerprint for known in expected):
            return
        exact = self._known_as(self.names[0])
        offered = f"the host key {key.kind} {key.fingerprint}"
        files = ", ".join(map(str, self.files)) or "no file"
        if exact:
            fingerprints = ", ".join(f"{known.kind} {known.fingerprint}" for known in exact)
            raise self._refusal(
                UnreachableCode.HOST_KEY_CHANGED,
                f"{self.place} offers {offered}, but {self.names[0]} is known by {fingerprints} ({files})",
                f"find out why it changed; when that was planned, ssh-keygen -R '{self.names[0]}' forgets the old key",
            )
        certified = any(line.marker == "@cert-authority" and self._covers(line) for line in self.known)
        raise self._refusal(
            UnreachableCode.HOST_KEY_UNKNOWN,
            f"{self.place} offers {offered}, and {self.names[0]} is not in {files}"
            + (" (@cert-authority lines are not read)" if certified else ""),
            "compare the fingerprint with the host's own (ssh-keygen -l), then connect with ssh once or pin host_key",
        )

    def _covers(self, line: KnownKey) -> bool:
        return any(line.covers(name) for name in self.names)

    def _expected(self) -> tuple[ServerKey, ...]:
        return next((keys for keys in map(self._known_as, self.names) if keys), ())

    def _known_as(self, name: str) -> tuple[ServerKey, ...]:
        return tuple(line.key for line in self.known if not line.marker and line.covers(name))

    @staticmethod
    def _refusal(code: UnreachableCode, what: str, advice: str) -> Unreachable:
        return Unreachable(code, f"{what}; nothing was sent to it: {advice}")


def rule_of(place: str, options: SshOptions, pin: str | None) -> HostKeyRule:
    """Read the files that an ssh configuration names. Raises ConfigurationError like `load_revoked`."""
    known = load_known_hosts(options.known_hosts)
    if options.revoked_host_keys is not None:
        known += load_revoked(options.revoked_host_keys)
    names = known_names(options.hostname, options.port, options.host_key_alias)
    return HostKeyRule(place=place, names=names, known=known, files=options.known_hosts, pin=pin)
