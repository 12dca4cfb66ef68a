"""The SSH address of a host. Nothing else is needed to connect, so nothing else is imported before that."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remediate.core.home import at_home

USER_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*(\\[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@[A-Za-z0-9.-]+)?$"
"""A user name as in passwd(5), or as in a directory: `ana@corp.example.com`, `CORP\\ana`."""
USER_NAME_LIMIT: Final = 128
"""The most characters of a user name."""
USER_NAME_WORDS: Final = (
    "a user's name: letters, digits, '_', '.' and '-', at most 128, no digit first; also ana@corp.example.com"
)


@dataclass(frozen=True, slots=True)
class SshTarget:
    """The SSH address of a host. Absent values come from the user's ssh configuration.

    Raises ValueError for an impossible port, user or path.
    """

    address: str
    """The name or address to connect to (ansible_host)."""
    port: int | None = None
    """The TCP port (ansible_port)."""
    user: str | None = None
    """The login name (ansible_user)."""
    key_file: Path | None = None
    """The private key (ansible_ssh_private_key_file); `~` is the user's home."""
    config_file: Path | None = None
    """The ssh configuration in the place of one's own (ssh -F); `~` is the user's home."""
    jumps: tuple[str, ...] = ()
    """`[user@]host[:port]` of each jump host, outermost first."""
    host_key: str | None = None
    """The pinned host key, SHA256:…"""

    def __post_init__(self) -> None:
        """Check the values, and complete the paths."""
        # A caller without a type checker may give anything, and must not be misunderstood.
        if self.port is not None and not (type(self.port) is int and 1 <= self.port <= 65535):
            raise ValueError(f"port {self.port!r}: takes a number from 1 to 65535")
        if self.user is not None and not _is_user_name(self.user):
            raise ValueError(f"user {self.user!r}: takes {USER_NAME_WORDS}")
        object.__setattr__(self, "jumps", tuple(self.jumps))
        for name in ("key_file", "config_file"):
            path: Path | None = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, at_home(Path(path)))


def _is_user_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= USER_NAME_LIMIT and re.fullmatch(USER_NAME, value) is not None
