"""The `ssh` process that connects to a host, and the strict configuration that it is given.

In ssh's configuration the first value of an option wins. So our file begins with what must hold, and then includes the
user's and the machine's own. `ssh` passes the file to the jump hosts' processes, too.
"""

import os
import re
import shutil
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from remediate.core.ssh_target import SshTarget
from remediate.errors import ConfigurationError
from remediate.transport.ssh.config import HostSpec, parse_jump, resolve

STRICT: Final = """\
BatchMode yes
StrictHostKeyChecking yes
VerifyHostKeyDNS no
NoHostAuthenticationForLocalhost no
FingerprintHash sha256
UpdateHostKeys no
PermitLocalCommand no
RemoteCommand none
RequestTTY no
ForwardAgent no
ForwardX11 no
GSSAPIDelegateCredentials no
ClearAllForwardings yes
Tunnel no
AddKeysToAgent no
ControlMaster no
ControlPath none
ControlPersist no
ConnectionAttempts 1
TCPKeepAlive yes
ServerAliveInterval 15
ServerAliveCountMax 3
VisualHostKey no
SetEnv LC_ALL=C
"""
"""The options that no configuration may change: host keys, nothing forwarded or started, one attempt, keep-alives.

A host that is gone is noticed within a minute. One under high load may be silent for as long.
"""

FILES: Final = ("~/.ssh/config", "/etc/ssh/ssh_config")
"""The user's and the machine's configuration, as in ssh_config(5)."""

LAST: Final = """
Match all
ConnectTimeout 10
"""
"""The last values: they hold only if no file has others."""

_KEYS: Final = ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk")
"""The kinds of ssh's default key files. It reads none of them once another one is named."""

_SOCKET_LIMIT: Final = 80
"""The longest path of a control socket. ssh adds 17 characters for a moment, and macOS allows 104."""

PERSIST: Final = 60
"""Seconds for which a connection waits for this process to use it, and outlives it if it is killed."""

_PLAIN: Final = re.compile(r"/[^\x00-\x1f\x7f\"'\\$%#]*")
"""A path that ssh neither expands nor takes apart when it is quoted."""
_PLAIN_JUMP: Final = re.compile(r"[A-Za-z0-9_.:-]+")
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/=]+")


class Unusable(Exception):
    """OpenSSH cannot be used for a host here, or on this machine; the text says why."""


def asked_of(target: SshTarget) -> HostSpec:
    """Return the part of a target that ssh looks up. Raises ConfigurationError."""
    return HostSpec(target.address, target.user, target.port)


def demand_program() -> str:
    """Return the path of the ssh client. Raises Unusable."""
    program = shutil.which("ssh")
    if program is None:
        raise Unusable("no ssh client is installed")
    return program


def private_folder() -> Path:
    """Return a folder that only this user can enter, for control sockets. Raises Unusable.

    It stays, and is used by every run: a process that is killed leaves nothing else behind.
    """
    for place in (os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR"), "/tmp"):  # noqa: S108  # It is checked.
        folder = Path(place or "/") / f"remediate-{os.geteuid()}"
        if place is None or not _PLAIN.fullmatch(str(folder)) or len(f"{folder}/{socket_name()}") > _SOCKET_LIMIT:
            continue
        with suppress(OSError):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            if _is_safe(folder.parent.stat()) and _is_private(folder.lstat()):
                return folder
    raise Unusable("there is no private folder for its control socket")


def _is_private(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _is_safe(parent: os.stat_result) -> bool:
    """Return whether nobody else can replace our folder in it; root may have a user's environment."""
    writable = parent.st_mode & 0o022 and not parent.st_mode & stat.S_ISVTX
    return parent.st_uid in {0, os.geteuid()} and not writable


def socket_name() -> str:
    """Return a new name for a control socket."""
    return os.urandom(8).hex()


def kept(folder: Path, text: str) -> Path:
    """Store a text in the folder under the name of its contents. Raises Unusable."""
    path = folder / sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
    data = text.encode(errors="surrogateescape")
    try:
        if not path.exists() or path.read_bytes() != data:
            fresh = folder / f"{socket_name()}.new"
            fresh.write_bytes(data)
            fresh.replace(path)
    except OSError as error:
        raise Unusable(f"{folder} cannot be written: {error.strerror}") from None
    return path


def configuration(target: SshTarget) -> str:
    """Return the configuration for a target. Raises ConfigurationError, Unusable."""
    return f"{STRICT}{_own(target)}\n{_jump_keys(target)}{LAST}"


def _own(target: SshTarget) -> str:
    if target.config_file is None:
        return "".join(f"Include {file}\n" for file in FILES)
    try:
        # Its text and not an Include, which would demand stricter permissions than ssh -F does.
        return target.config_file.read_text(errors="surrogateescape")
    except OSError as error:
        raise ConfigurationError(
            f"the ssh configuration cannot be used for {target.address}: "
            f"Can't open user config file {target.config_file}: {error.strerror}"
        ) from None


def _jump_keys(target: SshTarget) -> str:
    """Return the part that offers the target's key file to jump hosts, after their own."""
    if target.key_file is None or not target.jumps:
        return ""
    names = [parse_jump(jump).name for jump in target.jumps]
    if not all(_PLAIN_JUMP.fullmatch(name) for name in names):
        raise Unusable("a jump host's name has unusual characters")
    files = [f'"{key_path(target.key_file)}"', *(f"~/.ssh/id_{kind}" for kind in _KEYS)]
    return f"\nHost {' '.join(names)}\n" + "".join(f"IdentityFile {file}\n" for file in files)


def key_path(path: Path) -> str:
    """Return the path of a key file as ssh reads it. Raises Unusable."""
    full = str(path.absolute())
    if not _PLAIN.fullmatch(full):
        raise Unusable("the name of the key file has unusual characters")
    return full


def arguments(target: SshTarget, folder: Path, control: Path, seconds: float) -> list[str]:
    """Return what `ssh` is started with. Raises ConfigurationError, TimeoutError, Unusable.

    It tells its progress on standard error, opens no session, goes to the background once it is logged in, and ends
    when it has had no control connection for some seconds.
    """
    asked = asked_of(target)
    words = ["-v", "-N", "-F", str(kept(folder, configuration(target)))]
    words += ["-oControlMaster=yes", f"-oControlPath={control}", f"-oControlPersist={PERSIST}"]
    words += ["-p", str(asked.port)] if asked.port is not None else []
    words += ["-l", asked.user] if asked.user is not None else []
    if target.key_file is not None:
        words += [f'-oIdentityFile="{key_path(target.key_file)}"', "-oIdentitiesOnly=yes"]
    if target.jumps:
        for jump in target.jumps:
            parse_jump(jump)
        words.append(f"-oProxyJump={','.join(target.jumps)}")
    words += _pinned(target, folder, seconds)
    return [*words, "--", asked.name]


def _pinned(target: SshTarget, folder: Path, seconds: float) -> list[str]:
    """Return the options that accept one key only; keys that known_hosts revokes stay revoked."""
    pin = target.host_key
    if pin is None:
        return []
    if not _FINGERPRINT.fullmatch(pin):
        raise Unusable("the pinned host key is no SHA256 fingerprint")
    from remediate.transport.ssh.host_keys import revocations

    revoked = revocations(resolve(asked_of(target), seconds, target.config_file).known_hosts)
    file = kept(folder, revoked) if revoked else "/dev/null"
    return [
        f"-oUserKnownHostsFile={file}",
        "-oGlobalKnownHostsFile=/dev/null",
        f'-oKnownHostsCommand=/bin/sh -c \'[ "$1" = {pin} ] && echo "$2 $3 $4" || :\' sh %f %H %t %K',
    ]
