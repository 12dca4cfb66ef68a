"""Lists and ends sessions of a MariaDB server, as its root over the server's own socket."""

from typing import Final

from remediate.command import ROOT, Run
from remediate.host import DatabaseLimits
from remediate.programs import program_text

CLIENT: Final = "/usr/bin/mariadb"
_TURNED_AWAY: Final = r"ERROR (1040 |2002 .* 1040 - )"
"""ER_CON_COUNT_ERROR, which newer clients wrap in an error of their own, as it comes before any encryption.

While all connections are in use root has one more, but who else asks for one takes that until he is told that there is
none: pages, workers, and the other questions of one survey."""


def list_sessions(limits: DatabaseLimits) -> Run:
    """Return the command that lists the sessions which block others or are beyond a limit, statements masked."""
    return _asked("list_sessions.sql", limits, "", seconds=8)


def longest_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names the connection of one user that is idle for longest while the server is full."""
    return _asked("longest_idle.sql", limits, user, seconds=8)


def end_queries(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends long queries and blocking transactions of one user, judged as it ends them."""
    return _asked("end_queries.sql", limits, user, seconds=20)


def end_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends idle connections of one user while the server is full, judged as it ends them."""
    return _asked("end_idle.sql", limits, user, seconds=20)


def _asked(program: str, limits: DatabaseLimits, user: str, *, seconds: float) -> Run:
    # What differs is a variable of the session; the program is the same text every time.
    given = {f"@{name}": str(value) for name, value in limits.model_dump().items()}
    if user:
        given["@application"] = f"'{user}'"
    return Run.of(
        *(CLIENT, "--batch", "--raw", "--skip-column-names", "--delimiter=%%"),
        f"--init-command=SET {', '.join(f'{name} = {value}' for name, value in given.items())}",
        *("--execute", program_text("remediate.programs", program)),
        user=ROOT,
        seconds=seconds,
        retry=_TURNED_AWAY,
    )
