"""The host that `init` looks at, named by an inventory or as for ssh."""

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from remediate.core.host import Host, SshTarget
from remediate.errors import ConfigurationError, UnreachableCode
from remediate.inventory.selection import Inventory

_TARGET: Final = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_SECONDS: Final = 5
"""Seconds for `ssh -G`, which tells the address behind a name."""


def host_of(
    text: str, inventories: Sequence[Path], project: Path | None, warn: Callable[[str], None]
) -> tuple[Host, Path | None]:
    """Return the host, NAME of an inventory or `[user@]host[:port]`, and where an inventory has its variables.

    Inventories are read as for a run, so that NAME is the same host. `warn` is called for those that cannot be read.
    Raises ConfigurationError for anything else, for a group, and if none can be read.
    """
    if inventories:
        inventory = Inventory.load(inventories, project)
        if text in inventory.host_names:
            (host,) = inventory.select(text, warn)
            if host.vaulted:
                raise ConfigurationError(
                    f"the inventory encrypts how {text} is reached, and init would write it in the clear:"
                    " give [user@]host[:port]"
                )
            return host, inventory.variables_file(text)
        for line in inventory.unread:
            warn(line)
        if text in inventory.group_names:
            raise ConfigurationError(f"init looks at one host, and {text} is a group: name a host of it")
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"--host takes a host of an inventory, or [user@]host[:port], not {text!r}")
    name = found["six"] or found["host"]
    port = None if found["port"] is None else int(found["port"])
    try:
        return Host(name=name, ssh=SshTarget(address=name, port=port, user=found["user"])), None
    except ValueError as error:
        raise ConfigurationError(f"--host: {error}") from None


def key_advice(target: SshTarget, code: UnreachableCode) -> tuple[str, ...]:
    """Return the commands that store an unknown host key after a person compared it."""
    if code is not UnreachableCode.HOST_KEY_UNKNOWN:
        return ()
    login = target.address if target.user is None else f"{target.user}@{target.address}"
    ssh = ["ssh"]
    ssh += ["-F", str(target.config_file)] if target.config_file else []
    ssh += ["-J", ",".join(target.jumps)] if target.jumps else []
    ssh += ["-p", str(target.port)] if target.port else []
    lines = (
        "The key has to be compared by a person; nothing here accepts it. On the host's own console:",
        '  for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$key"; done',
        "Then connect once, and answer yes only if it shows the same fingerprint:",
        f"  {shlex.join([*ssh, login])}",
    )
    direct = _direct(target)
    if direct is None:
        return lines
    scan = shlex.join(["ssh-keyscan", "-p", str(direct[1]), direct[0]])
    return (
        *lines,
        "Or look at the fingerprints first, and keep the keys if they are the same:",
        f"  {scan} 2>/dev/null | ssh-keygen -lf -",
        *(() if Path("~/.ssh").expanduser().is_dir() else ("  mkdir -m 700 ~/.ssh",)),
        f"  {scan} 2>/dev/null >> ~/.ssh/known_hosts",
    )


def _direct(target: SshTarget) -> tuple[str, int] | None:
    """Return address and port of a name; None behind other hosts or programs."""
    from remediate.transport.ssh.config import resolve, route  # imports paramiko, which only a failure needs

    try:
        *before, last = route(target, lambda asked: resolve(asked, _SECONDS, target.config_file), commands=True)
    except (ConfigurationError, TimeoutError):
        return None
    if before or last.options.proxy_command or last.options.host_key_alias:
        return None
    return last.options.hostname, last.options.port
