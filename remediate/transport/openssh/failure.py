"""The reason why `ssh` did not connect, in the words of Fabric's connection."""

import os
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from remediate.core.ssh_target import SshTarget
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.masking.masker import strip_control
from remediate.transport.deadline import Deadline
from remediate.transport.ssh.config import Hop, resolve, route
from remediate.transport.ssh.host_keys import rule_of

_DIAGNOSIS_SECONDS: Final = 5
"""Seconds for `ssh -G`, which names the hosts on the way, after a failure."""

_REACHED: Final = re.compile(
    r"debug1: (?:Connecting to (?P<asked>\S+) .*port (?P<asked_port>\d+)"
    r"|Authenticating to (?P<met>\S+):(?P<met_port>\d+) as )|"
    r"(?P<entered>Authenticated to )"
)
_OFFERED_HOST_KEY: Final = re.compile(
    r"debug1: Server host (?:key|certificate): (?P<kind>\S+) (?P<print>SHA256:[^\s,]+)"
)
_OFFERED_KEY: Final = re.compile(r"debug1: Offering public key: (?P<label>.+) \S+ SHA256:\S+(?P<source>.*)")
_DENIED: Final = re.compile(r"\S+: Permission denied \((?P<methods>[^)]*)\)\.")
_OWN: Final = re.compile(r"command-line(?::)? line \d+|command-line: |Bad owner or permissions on ")
"""Complaints about what ssh was started with; also an Include demands stricter permissions than ssh by itself."""
_IGNORED_OPTION: Final = re.compile(r".* line \d+: Unsupported option \"[^\"]*\"")
"""A warning about an option of an older or differently built ssh, with which this one goes on."""
_BAD_CONFIGURATION: Final = re.compile(
    r"Bad configuration option|terminating, \d+ bad configuration|Can't open user config|^/.*:? line \d+: "
)
_HOST_KEY: Final = "Host key verification failed."
_NAME: Final = re.compile(r"ssh: Could not resolve hostname (?P<host>\S+): (?P<why>.*)")
_TCP: Final = re.compile(r"ssh: connect to host (?P<host>\S+) port (?P<port>\d+): (?P<why>.*)")
_FORWARD: Final = re.compile(r"channel \d+: open failed: (?P<why>.*)")
_LATE: Final = re.compile(r"Connection timed out|Operation timed out|Connection to \S+ port \d+ timed out")
_ALGORITHMS: Final = re.compile(r"Unable to negotiate with .*: (?P<why>no matching .*)")
_TOO_MANY: Final = re.compile(r"Received disconnect from .*: (?P<why>Too many authentication failures.*)")


class ShownKey(NamedTuple):
    """The host key that a server showed, as `ssh` names it."""

    kind: str
    fingerprint: str


class Said:
    """The standard error of one connection's `ssh` processes."""

    def __init__(self, text: str) -> None:
        self.lines = [" ".join(strip_control(line).split()) for line in text.splitlines()]

    @property
    def plain(self) -> list[str]:
        """The lines that are not about its progress."""
        found = [
            line
            for line in self.lines
            if line
            and not line.startswith(("debug", "OpenSSH_", "Authenticated to "))
            and not _IGNORED_OPTION.fullmatch(line)
        ]
        return found or ["no reason given"]

    @property
    def host_key(self) -> ShownKey | None:
        """The host key that was shown last."""
        found = list(filter(None, map(_OFFERED_HOST_KEY.match, self.lines)))
        return ShownKey(found[-1]["kind"], found[-1]["print"]) if found else None

    @property
    def jumps(self) -> int:
        """The number of processes that were started for jump hosts."""
        return sum(line.startswith("debug1: Executing proxy command") for line in self.lines)

    def concerns(self, folder: str) -> str | None:
        """Return the first line that complains about an option or file of ours, or None."""
        if _HOST_KEY in self.plain:
            return None
        return next((line for line in self.plain if _OWN.match(line) or folder in line), None)


def place_of(said: Said, hops: Sequence[Hop]) -> Hop:
    """Return the host on the way that `ssh` was busy with."""
    here = 0
    for found in filter(None, map(_REACHED.match, said.lines)):
        if found["entered"]:
            here = min(here + 1, len(hops) - 1)
            continue
        name, port = (found["met"] or found["asked"]).lower(), int(found["met_port"] or found["asked_port"])
        # ssh shows an address without the brackets of IPv6.
        matching = [n for n, hop in enumerate(hops) if (hop.options.hostname.lower(), hop.options.port) == (name, port)]
        here = next((n for n in matching if n >= here), here)
    return hops[here]


def failure(said: Said, target: SshTarget, deadline: Deadline, *, late: bool) -> Unreachable:
    """Return why `target` was not entered; `late` if the deadline ended it. Raises ConfigurationError."""
    try:
        hops = route(target, lambda asked: resolve(asked, _DIAGNOSIS_SECONDS, target.config_file), commands=True)
    except TimeoutError:  # Not even `ssh -G` told the way there in time.
        if late:
            return _late(target.address, deadline)
        return Unreachable(UnreachableCode.NETWORK, f"{target.address}: {said.plain[-1][:300]}")
    if hops[-1].nowhere is not None:
        return hops[-1].nowhere
    hop = place_of(said, hops)
    if late:
        return _late(hop.place, deadline)
    for line in said.plain:
        reason = _reason(line, said, hop, hops, deadline)
        if reason is not None:
            return reason
    return Unreachable(UnreachableCode.NETWORK, f"{hop.place}: {said.plain[-1][:300]}")


def _late(place: str, deadline: Deadline) -> Unreachable:
    return Unreachable(
        UnreachableCode.TIMEOUT, f"{place}: no connection within {deadline.seconds:g} s; nothing was changed"
    )


def _reason(line: str, said: Said, hop: Hop, hops: Sequence[Hop], deadline: Deadline) -> Unreachable | None:
    """Return the reason that one line names, None if it names none. Raises ConfigurationError."""
    if _LATE.search(line):
        return _late(hop.place, deadline)
    if found := _NAME.match(line):
        named = next((each for each in hops if each.options.hostname.lower() == found["host"].lower()), hop)
        return Unreachable(UnreachableCode.NAME, f"{named.place}: the name cannot be resolved ({found['why'][:300]})")
    if found := _TCP.match(line):
        if "refused" in found["why"]:
            return Unreachable(
                UnreachableCode.REFUSED, f"{hop.place}: connection refused; nothing listens on that port"
            )
        return Unreachable(UnreachableCode.NETWORK, f"{hop.place}: {found['why'][:300]}")
    if found := _FORWARD.match(line):
        return _not_forwarded(found["why"], hop)
    if line == _HOST_KEY:
        return _host_key(said, hop)
    if (found := _DENIED.fullmatch(line)) or (found := _TOO_MANY.match(line)):
        return _denied(found.groupdict().get("methods"), said, hop)
    if found := _ALGORITHMS.match(line):
        return Unreachable(UnreachableCode.NETWORK, f"{hop.place}: no algorithm in common ({found['why'][:300]})")
    if _BAD_CONFIGURATION.search(line):
        raise ConfigurationError(f"the ssh configuration cannot be used for {hop.options.hostname}: {line[:300]}")
    return None


def _not_forwarded(why: str, hop: Hop) -> Unreachable:
    if why.startswith("connect failed"):
        return Unreachable(UnreachableCode.REFUSED, f"{hop.place}: the jump host before it could not connect to it")
    return Unreachable(UnreachableCode.NETWORK, f"{hop.place}: the jump host before it does not forward to it")


def _host_key(said: Said, hop: Hop) -> Unreachable:
    """Return why the host's key was refused. The rule names both keys and the way out; ssh has decided already."""
    why = next((line for line in reversed(said.plain) if line != _HOST_KEY), "no reason given")
    if said.host_key is not None:
        try:
            rule_of(hop.place, hop.options, hop.pin).check(said.host_key)
        except Unreachable as refusal:
            return refusal
        except ConfigurationError:
            pass  # ssh itself can read a binary list of revoked keys.
    revoked = any("revoked" in line.lower() for line in said.plain)
    code = UnreachableCode.HOST_KEY_REVOKED if revoked else UnreachableCode.HOST_KEY_UNKNOWN
    return Unreachable(code, f"{hop.place}: the host key was refused; nothing was sent to it: {why[:300]}")


def _denied(methods: str | None, said: Said, hop: Hop) -> Unreachable:
    user, labels, silent = hop.options.user, list[str](), list[str]()
    begun = max((n for n, line in enumerate(said.lines) if " Authenticating to " in line), default=0)
    for line in said.lines[begun:]:
        if found := _OFFERED_KEY.match(line):
            by_agent = "agent" in found["source"] and not found["label"].startswith("/")
            labels.append(f"agent key {found['label']}" if by_agent else found["label"])
        elif line.startswith("debug1: Server accepts key: ") and labels:
            silent.append(labels.pop())  # It was accepted, but there is no signature.
    accepted = (methods or "publickey").replace(",", ", ")
    if any("with partial success" in line for line in said.lines[begun:]):
        why = f"wants more than a key for user {user}: {accepted}"
    elif "publickey" not in accepted:
        why = f"does not accept a key for user {user}, only: {accepted}"
    else:
        unusable = _unusable_key(hop, labels)
        if unusable is not None:
            return unusable
        why = f"refused user {user} with {', '.join(dict.fromkeys(labels))}"
        if silent:
            why = f"accepts {silent[-1]} for user {user}, which did not sign: unlock or touch it, or ask its agent"
    return Unreachable(UnreachableCode.AUTHENTICATION, f"{hop.place} {why}")


def _unusable_key(hop: Hop, offered: Sequence[str]) -> Unreachable | None:
    """Return why no key, or not the given one, can be used; None if one can. ssh offers a locked one, too."""
    if offered and (hop.is_jump or hop.key_file is None):
        return None
    # Only this needs paramiko, which takes 100 ms to import.
    from remediate.transport.ssh.identities import identities

    try:
        with identities(hop, os.environ.get("SSH_AUTH_SOCK"), _DIAGNOSIS_SECONDS):
            return None
    except Unreachable as error:
        return error
