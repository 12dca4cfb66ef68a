"""The user's ssh configuration for a host, with its jump hosts.

If an ssh client is installed, `ssh -G` reads it: that knows Include, Match and every default. Otherwise paramiko's
parser reads the same files, and supports less of them.
"""

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from socket import gethostname
from typing import Any, Final, cast

from remediate.core.home import at_home
from remediate.core.ssh_target import SshTarget
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode

# A leading dash would be an ssh option; shell characters could reach a command in the user's own Match exec.
_NAME = re.compile(r"[^\s\x00-\x1f\x7f'\"`$\\;&<>|(){},@/\-][^\s\x00-\x1f\x7f'\"`$\\;&<>|(){},@/]*")
# This is ssh's own check of a login name: a backslash, as in CORP\\ana, may be anywhere but at its ends.
_USER = re.compile(r"[^\s\x00-\x1f\x7f'\"`$\\;&<>|(){},\-]([^\s\x00-\x1f\x7f'\"`$\\;&<>|(){},]|\\(?=.))*")
_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>.*)@)?(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:@\[\]]+)|(?P<bare6>[^@\[\]]*:[^@\[\]]*:[^@\[\]]*))"
    r"(?::(?P<port>[0-9]+))?"
)
_FILLED = re.compile(r"%(?P<token>.)|\$\{(?P<variable>[^}]*)\}")
"""Tokens and environment variables that ssh -G leaves unexpanded."""
_AGENT = re.compile(r"none|SSH_AUTH_SOCK|\$\w+|\$\{\w+\}")
"""An IdentityAgent that is not a path."""
_USUAL_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_USUAL_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_NOWHERE: Final = ".invalid"
"""A top-level domain that never exists (RFC 6761, 6.4). Inventories use it for an address that is not known yet."""
_USUAL_KEYS = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A host as a user names it: `[user@]host[:port]`."""

    name: str
    user: str | None = None
    port: int | None = None

    def __post_init__(self) -> None:
        """Reject values that ssh could take for an option or a command. Raises ConfigurationError."""
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"{self.name!r} is not a host name or address")
        if self.user is not None and not _USER.fullmatch(self.user):
            raise ConfigurationError(f"{self.user!r} is not a login name")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ConfigurationError(f"{self.port} is not a TCP port: 1 to 65535 is accepted")


def parse_jump(text: str) -> HostSpec:
    """Read one jump host, `[user@]host[:port]` with IPv6 in brackets. Raises ConfigurationError."""
    found = _JUMP.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{text!r} is not a jump host: [user@]host[:port] is accepted")
    port = int(found["port"]) if found["port"] else None
    return HostSpec(found["v6"] or found["host"] or found["bare6"], found["user"], port)


@dataclass(frozen=True, slots=True)
class SshOptions:
    """The options of a host's ssh configuration that remediate respects."""

    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    identity_agent: str | None = None
    proxy_jump: tuple[str, ...] = ()
    proxy_command: str | None = None
    known_hosts: tuple[Path, ...] = ()
    revoked_host_keys: Path | None = None
    host_key_alias: str | None = None
    connect_timeout: float | None = None


def parse_options(text: str, asked: HostSpec) -> SshOptions:
    """Read the output of `ssh -G` for `asked`: one keyword and value per line."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        found.setdefault(keyword.lower(), []).append(value.strip())
    return _options(found, asked)


def _options(found: Mapping[str, list[str]], asked: HostSpec) -> SshOptions:
    def first(keyword: str) -> str | None:
        value = found.get(keyword, [""])[0]
        return None if value.lower() in ("", "none") else value

    def paths(keyword: str, usual: str) -> tuple[Path, ...]:
        # ssh -G separates paths by spaces without quotes, so a path begins at a word that starts like one.
        return tuple(expanded(path) for path in re.split(r" +(?=[/~])", first(keyword) or usual))

    hostname = first("hostname") or asked.name
    # An alias called "none" is not a missing user. A user that was asked for wins anyway.
    user = asked.user or first("user") or getpass.getuser()
    port = asked.port or int(first("port") or 22)
    tokens = {"%": "%", "d": str(Path.home()), "h": hostname, "n": asked.name, "p": str(port), "r": user}
    tokens |= {"u": getpass.getuser(), "k": first("hostkeyalias") or asked.name, "i": str(os.getuid())}
    tokens |= {"l": gethostname(), "L": gethostname().partition(".")[0], "j": first("proxyjump") or ""}

    def filled(found: re.Match[str]) -> str:
        if found["token"]:
            return tokens.get(found["token"], found[0])
        if (value := os.environ.get(found["variable"])) is None:
            raise ConfigurationError(
                f"the ssh configuration of {asked.name} names ${{{found['variable']}}}, which is not set"
            )
        return value

    def expanded(path: str) -> Path:
        # Expand the tilde first, as ssh does: a tilde inside a variable stays.
        try:
            return Path(_FILLED.sub(filled, str(at_home(Path(path)))))
        except ValueError as why:
            raise ConfigurationError(f"the ssh configuration of {asked.name}: {path} {why}") from None

    timeout = first("connecttimeout")
    agent = found.get("identityagent", [""])[0] or None
    no_known_hosts = found.get("userknownhostsfile", [""])[0].lower() == "none"
    return SshOptions(
        hostname=hostname,
        port=port,
        user=user,
        identity_files=tuple(expanded(path.strip('"')) for path in found.get("identityfile", ()) if path != "none"),
        identities_only=first("identitiesonly") == "yes",
        identity_agent=agent if agent is None or _AGENT.fullmatch(agent) else str(expanded(agent)),
        proxy_jump=tuple((first("proxyjump") or "").split(",")) if first("proxyjump") else (),
        proxy_command=first("proxycommand"),
        known_hosts=(() if no_known_hosts else paths("userknownhostsfile", _USUAL_KNOWN_HOSTS))
        + paths("globalknownhostsfile", _USUAL_GLOBAL_KNOWN_HOSTS),
        revoked_host_keys=expanded(revoked) if (revoked := first("revokedhostkeys")) else None,
        host_key_alias=first("hostkeyalias"),
        connect_timeout=float(timeout) if timeout and timeout.isdecimal() else None,
    )


def resolve(asked: HostSpec, seconds: float, file: Path | None = None) -> SshOptions:
    """Return the user's ssh configuration for `asked`. Raises ConfigurationError, TimeoutError.

    `file` replaces the user's and the machine's files, as with ssh -F. `seconds` is the deadline.
    """
    program = shutil.which("ssh")
    if program is None:
        return _resolve_without_ssh(asked, file)
    argv = [program, "-G", *(() if file is None else ("-F", str(file)))]
    argv += ["-p", str(asked.port)] if asked.port is not None else []
    argv += ["-l", asked.user] if asked.user is not None else []
    try:
        done = subprocess.run(
            [*argv, "--", asked.name], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"ssh -G {asked.name} did not answer") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines() or ["no reason given"]
        raise ConfigurationError(f"the ssh configuration cannot be used for {asked.name}: {said[0]}")
    return parse_options(done.stdout.decode("utf-8", "surrogateescape"), asked)


def login_of(target: SshTarget) -> str:
    """Return the login name for a connection to `target`, as `route` finds it. Raises ConfigurationError."""
    if target.user is not None:
        return target.user
    try:
        return resolve(HostSpec(target.address, None, target.port), seconds=10, file=target.config_file).user
    except TimeoutError as error:
        raise ConfigurationError(f"{target.address}: {error}: set ansible_user") from None


def _resolve_without_ssh(asked: HostSpec, file: Path | None) -> SshOptions:
    try:
        getpass.getuser()  # Every lookup needs the login name.
    except (KeyError, OSError):
        raise ConfigurationError(f"uid {os.getuid()} has no login name on this machine: set LOGNAME to one") from None
    # Only this needs paramiko, which takes 100 ms to import.
    from paramiko.config import SSHConfig
    from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

    config: Any = cast("Any", SSHConfig)()
    try:
        usual = (Path("~/.ssh/config").expanduser(), Path("/etc/ssh/ssh_config"))
        for path in usual if file is None else (file,):
            if path.is_file():
                config.parse(path.read_text(errors="surrogateescape").splitlines())
        found = config.lookup(asked.name)
    except (OSError, ConfigParseError, CouldNotCanonicalize) as error:
        raise ConfigurationError(f"the ssh configuration cannot be used for {asked.name}: {error}") from None
    values = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
    return _options({"identityfile": list(_USUAL_KEYS), **values}, asked)


@dataclass(frozen=True, slots=True)
class Hop:
    """One resolved host on the way: its address, login, keys, and required host key."""

    options: SshOptions
    pin: str | None = None
    key_file: Path | None = None
    is_jump: bool = False

    @property
    def place(self) -> str:
        """Its name in messages: `host:port`."""
        host = f"[{self.options.hostname}]" if ":" in self.options.hostname else self.options.hostname
        return f"{'jump host ' if self.is_jump else ''}{host}:{self.options.port}"

    @property
    def nowhere(self) -> Unreachable | None:
        """The reason why its name cannot lead anywhere; None if it can."""
        if not self.options.hostname.endswith(_NOWHERE):
            return None
        return Unreachable(
            UnreachableCode.NAME,
            f"{self.place}: a name under {_NOWHERE} leads nowhere; if this is the staging host, it has its "
            "address once it is up: staging.up",
        )


def route(target: SshTarget, lookup: Callable[[HostSpec], SshOptions], *, commands: bool = False) -> tuple[Hop, ...]:
    """Return the way to `target`, the outermost jump host first. Raises ConfigurationError.

    Jump hosts given with the target replace ProxyJump. As with ssh, only the ProxyJump of the outermost one is
    followed. With `commands`, a ProxyCommand is accepted as the beginning of the way.
    """
    asked = HostSpec(target.address, target.user, target.port)
    options = lookup(asked)
    jumps = target.jumps or _own_jumps(asked, options, commands=commands)
    last = Hop(options, pin=target.host_key, key_file=target.key_file)
    return (*_before(jumps, frozenset({asked.name}), last.key_file, lookup, commands=commands), last)


def _before(
    jumps: tuple[str, ...],
    seen: frozenset[str],
    key_file: Path | None,
    lookup: Callable[[HostSpec], SshOptions],
    *,
    commands: bool,
) -> tuple[Hop, ...]:
    if not jumps:
        return ()
    asked = [parse_jump(jump) for jump in jumps]
    options = [lookup(spec) for spec in asked]
    seen |= {spec.name for spec in asked}
    further = _own_jumps(asked[0], options[0], commands=commands)
    own = tuple(jump for jump in further if parse_jump(jump).name not in seen)
    hops = tuple(Hop(option, key_file=key_file, is_jump=True) for option in options)
    return (*_before(own, seen, key_file, lookup, commands=commands), *hops)


def _own_jumps(asked: HostSpec, options: SshOptions, *, commands: bool) -> tuple[str, ...]:
    if options.proxy_command is not None and not commands:
        raise ConfigurationError(
            f"the ssh configuration of {asked.name} has a ProxyCommand, which is not supported: use ProxyJump"
        )
    return options.proxy_jump


def target_of(connection: Any, host_key: str | None) -> SshTarget:
    """Return the target of a `fabric.Connection` that is not open. Raises ConfigurationError."""
    jumps: list[str] = []
    gateway = connection.gateway
    while gateway:
        if isinstance(gateway, str):
            raise ConfigurationError(f"{connection.original_host}: a ProxyCommand is not supported, use a jump host")
        jumps.insert(0, f"{gateway.user}@[{gateway.original_host}]:{gateway.port}")
        gateway = gateway.gateway
    files = connection.connect_kwargs.get("key_filename") or [None]
    file = files if isinstance(files, str) else files[0]
    try:
        return SshTarget(
            address=connection.original_host,
            port=int(connection.port),
            user=connection.user,
            key_file=None if file is None else Path(file),
            jumps=tuple(jumps),
            host_key=host_key,
        )
    except ValueError:
        raise ConfigurationError(f"{connection!r} names a host, user, port or key file that cannot be used") from None


def options_of(connection: Any, seconds: float) -> SshOptions:
    """Return the options for the host of an open `fabric.Connection`. Raises ConfigurationError, TimeoutError."""
    asked = HostSpec(connection.original_host, connection.user, int(connection.port))
    # Verify the host that Fabric connected to, even if ssh would resolve the name differently.
    return replace(resolve(asked, seconds), hostname=connection.host)
