"""The SSH address of a host, from the variables of Ansible's ssh connection.

Host keys are always verified. A setting that would disable this is refused, not ignored, so that nobody believes that
it works.
"""

import re
import shlex
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

from remediate.core.ssh_target import SshTarget
from remediate.inventory.ansible_values import Leaf, Tree, Value, local_path, plain_text, readable, shown

# If several names for one thing are present, the last one wins, as in Ansible.
_ADDRESS = ("ansible_host", "ansible_ssh_host")
_PORT = ("ansible_port", "ansible_ssh_port")
_USER = ("ansible_user", "ansible_ssh_user")
_KEY_FILE = ("ansible_private_key_file", "ansible_ssh_private_key_file")
_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_KEY_CHECKING = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
ENCRYPTED = frozenset((*_ADDRESS, *_PORT, *_USER, *_KEY_FILE))
"""The variables that may be encrypted: each is one value, which can be masked."""

_SSH = {"ssh", "smart", "paramiko", "paramiko_ssh"}

_ONLY_JUMP = "of ssh's arguments only ProxyJump (-J) and -F are used"
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_JUMP = re.compile(
    r"([A-Za-z0-9_][A-Za-z0-9_.@\\-]*@)?([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
)
_VERIFIED = "host keys are always verified: add the key to known_hosts or pin it with remediate.host_key"

# These options do not affect remediate: its connection has its own deadlines and is never multiplexed.
_HARMLESS_FLAGS = "46ACKTakqtvxXYnN"
_HARMLESS = (
    *("AddKeysToAgent", "AddressFamily", "BatchMode", "CheckHostIP", "Ciphers", "Compression", "ConnectionAttempts"),
    *("ConnectTimeout", "ControlMaster", "ControlPath", "ControlPersist", "ForwardAgent", "ForwardX11"),
    *("GSSAPIAuthentication", "HostKeyAlgorithms", "IdentitiesOnly", "IPQoS", "KbdInteractiveAuthentication"),
    *("KexAlgorithms", "LogLevel", "MACs", "NumberOfPasswordPrompts", "PasswordAuthentication"),
    *("PreferredAuthentications", "PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes", "PubkeyAuthentication"),
    *("RekeyLimit", "RequestTTY", "SendEnv", "ServerAliveCountMax", "ServerAliveInterval", "SetEnv", "TCPKeepAlive"),
    *("UpdateHostKeys", "VisualHostKey"),
)
_REFUSED = {
    "UserKnownHostsFile": _VERIFIED,
    "GlobalKnownHostsFile": _VERIFIED,
    "KnownHostsCommand": _VERIFIED,
    "HostKeyAlias": _VERIFIED,
    "VerifyHostKeyDNS": _VERIFIED,
    "NoHostAuthenticationForLocalhost": _VERIFIED,
    "ProxyCommand": "what a command connects to cannot be verified; use ProxyJump",
    "IdentityFile": "use ansible_ssh_private_key_file",
    "Port": "use ansible_port",
    "User": "use ansible_user",
    "HostName": "use ansible_host",
}
_FLAGS = {"-i": "IdentityFile", "-p": "Port", "-l": "User"}


def ssh_target(name: str, variables: Tree, folder: Path, host_key: str | None) -> SshTarget:
    """Return the SSH address of the host `name`. A relative key file begins at `folder`.

    Raises ConfigurationError for a connection other than SSH, for arguments that would weaken it or are not supported,
    and for values that only Ansible could compute.
    """
    _only_ssh(name, variables)
    address = _present(variables, _ADDRESS)
    if address is None and not _reachable(name):
        raise variables.place.error(f"'{shown(name)}' is neither a host name nor an address: it needs ansible_host")
    port = _present(variables, _PORT)
    user = _present(variables, _USER)
    key_file = _present(variables, _KEY_FILE)
    return SshTarget(
        address=name if address is None else _address(address),
        port=None if port is None else _port(port),
        user=None if user is None else _user(user),
        key_file=None if key_file is None else _key_file(key_file, folder),
        config_file=_config_file(variables, folder),
        jumps=_jumps(variables),
        host_key=host_key,
    )


def _present(variables: Tree, names: tuple[str, ...]) -> Value | None:
    for name in reversed(names):
        value = variables.get(name)
        if value is not None and not (isinstance(value, Leaf) and value.value is None):
            return value
    return None


def _only_ssh(name: str, variables: Tree) -> None:
    connection = _present(variables, ("ansible_connection",))
    if connection is not None and plain_text(connection).removeprefix("ansible.builtin.") not in _SSH:
        raise connection.place.error(f"'{shown(name)}' is not reached over ssh, and remediate knows no other way")
    for key in _KEY_CHECKING:
        checking = _present(variables, (key,))
        if checking is None:
            continue
        readable(checking)
        said = checking.value if isinstance(checking, Leaf) else None
        said = said.lower() in {"true", "yes", "on", "1", "y", "t"} if isinstance(said, str) else said
        if said != 1:  # True is 1, too.
            raise checking.place.error(f"is refused: {_VERIFIED}")


def _address(value: Value) -> str:
    text = plain_text(value, "a host name or an address")
    if not _reachable(text):
        raise value.place.error("is neither a host name nor an address")
    return text


def _reachable(text: str) -> bool:
    if ":" not in text:
        return _NAME.fullmatch(text) is not None
    try:
        return IPv6Address(text).version == 6
    except ValueError:
        return False


def _port(value: Value) -> int:
    readable(value)
    number = value.value if isinstance(value, Leaf) else None
    if isinstance(number, str) and re.fullmatch(r"[0-9]{1,5}", number):
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 65535:
        raise value.place.error("must be a port, a number from 1 to 65535")
    return number


def _user(value: Value) -> str:
    text = plain_text(value, "a user's name")
    try:
        SshTarget(address="localhost", user=text)
    except ValueError:
        raise value.place.error("is not a possible name for a user") from None
    return text


def _key_file(value: Value, folder: Path) -> Path:
    return _path(plain_text(value, "a file name"), value, folder)


def _path(text: str, value: Value, folder: Path) -> Path:
    if not text or not text.isprintable():
        raise value.place.error("is not a possible file name")
    try:
        return local_path(text, folder)
    except ValueError as error:
        raise value.place.error(str(error)) from error


def _jumps(variables: Tree) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for name in _ARGUMENTS:
        value = _present(variables, (name,))
        if value is None:
            continue
        for option, argument in _options(value):
            if option == "-f":
                continue
            if option != "proxyjump":
                _judge(option, argument, value)
                continue
            jumps = tuple(_jump(part, value) for part in argument.split(","))
            if found not in {(), jumps}:
                raise value.place.error("ProxyJump is given twice, and differently")
            found = jumps
    return found


def _config_file(variables: Tree, folder: Path) -> Path | None:
    found: Path | None = None
    for name in _ARGUMENTS:
        value = _present(variables, (name,))
        for option, argument in () if value is None else _options(value):
            if option == "-f" and value is not None:
                found = _path(argument, value, folder)
    return found


def _options(value: Value) -> Iterator[tuple[str, str]]:
    """Yield each option of ssh's command line as its lower-case name and its argument."""
    try:
        words = iter(shlex.split(plain_text(value, "ssh's arguments as text")))
    except ValueError as error:
        raise value.place.error("has a quotation mark that is never closed") from error
    for word in words:
        flag, rest = word[:2], word[2:]
        if flag in {"-o", "-J", "-F"}:
            argument = rest or next(words, "")
            name, given = {"-J": ("ProxyJump", argument), "-F": ("-F", argument)}.get(flag) or _assignment(argument)
            if not given:
                raise value.place.error(f"{flag} lacks what it should set")
            yield name.lower(), given
        elif not re.fullmatch(f"-[{_HARMLESS_FLAGS}]+", word):
            why = _REFUSED[_FLAGS[flag]] if flag in _FLAGS else _ONLY_JUMP
            raise value.place.error(f"{shown(flag)} is not supported: {why}")


def _assignment(text: str) -> tuple[str, str]:
    """Return name and value of `Name=value` or `Name value`, as in ssh_config(5)."""
    match = re.fullmatch(r"\s*(\w+)(?:\s*=\s*|\s+)(.*\S)\s*", text)
    return (match.group(1), match.group(2).strip('"')) if match else ("", "")


def _judge(option: str, argument: str, value: Value) -> None:
    if option == "stricthostkeychecking":
        if argument.lower() not in {"yes", "ask"}:
            raise value.place.error(f"StrictHostKeyChecking={shown(argument, 20)} is refused: {_VERIFIED}")
        return
    for name, why in _REFUSED.items():
        if name.lower() == option:
            raise value.place.error(f"{name} is refused: {why}")
    if option not in {name.lower() for name in _HARMLESS}:
        raise value.place.error(f"-o {shown(option, 40)} is not supported: {_ONLY_JUMP}")


def _jump(text: str, value: Value) -> str:
    jump = text.strip().removeprefix("ssh://").removesuffix("/")
    match = _JUMP.fullmatch(jump)
    port = match.group("port") if match else None
    if match is None or jump.lower() == "none" or (port is not None and not 1 <= int(port) <= 65535):
        raise value.place.error("ProxyJump must be [user@]host[:port], several joined by commas")
    return jump
