"""The names of hosts in messages."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from remediate.core.host import Host

NAMED: Final = 8
"""The most hosts that a message names one by one."""


def names_of(hosts: "Iterable[Host]") -> str:
    """Return the names for a message: all, or the first few and the number of others."""
    return shortened([host.name for host in hosts])


def shortened(names: list[str]) -> str:
    """Return names of hosts for a message, as `names_of` does."""
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED // 2])} and {len(names) - NAMED // 2} more"
