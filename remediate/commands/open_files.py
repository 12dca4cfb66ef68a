"""The limit of open files, raised for many connections."""

import resource
from collections.abc import Callable
from typing import Final

_EACH: Final = 6
"""The most files of one host: a connection, the pipes of an ssh client, a request to its site."""
_OWN: Final = 64
"""Files of the process itself: the journal, the terminal, modules being imported."""


def allow_connections(hosts: int, forks: int, warn: Callable[[str], None]) -> int:
    """Raise the soft limit for `forks` hosts at work and as many that wait. Return how many forks fit.

    `warn` gets one line if the hard limit allows fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = min(hosts, 2 * forks) * _EACH + _OWN
    if _allows(soft, needed):
        return forks
    if _allows(hard, needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        return forks
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fitting = max(1, (hard - _OWN) // (2 * _EACH))
    if fitting < forks:
        warn(f"{fitting} hosts are asked at the same time, not {forks}: the limit of open files (ulimit -Hn) is {hard}")
    return min(fitting, forks)


def _allows(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed
