"""Lists and ends sessions of a MariaDB server, through an account that may do that and nothing else."""

from typing import Final

from remediate.command import Run
from remediate.host import DatabaseLimits
from remediate.programs import program_text

CLIENT: Final = "/usr/bin/mariadb"
ACCOUNT: Final = "remediate-db"
"""User of the host and account of the server, by the same name: the server lets the one in as the other over its
socket (unix_socket), without a password."""
GRANTS: Final = ("PROCESS", "CONNECTION ADMIN")
"""The first shows every session with its transaction, the second ends one, and lets in where all connections are in
use (MariaDB 10.5). They show and end what others do; neither reads nor writes their data."""
_TURNED_AWAY: Final = r"ERROR (1040 |2002 .* 1040 - )"
"""ER_CON_COUNT_ERROR, which newer clients wrap in an error of their own, as it comes before any encryption.

While all connections are in use this account has one more, but who else asks for one takes that until he is told that
there is none: pages, workers, and the other questions of one survey."""


def create_account() -> str:
    """Return the SQL that makes the account as it has to be, whatever it was before."""
    name = f"'{ACCOUNT}'@'localhost'"
    return (
        f"CREATE USER IF NOT EXISTS {name} IDENTIFIED VIA unix_socket; "
        f"ALTER USER {name} IDENTIFIED VIA unix_socket; "
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {name}; "
        f"GRANT {', '.join(GRANTS)} ON *.* TO {name};"
    )


def list_sessions(limits: DatabaseLimits) -> Run:
    """Return the command that lists the sessions which block others or are beyond a limit, statements masked."""
    return _asked("list_sessions", limits, "", seconds=8)


def longest_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names the connection of one user that is idle for longest while the server is full."""
    return _asked("longest_idle", limits, user, seconds=8)


def end_queries(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends long queries and blocking transactions of one user, judged as it ends them."""
    return _asked("end_queries", limits, user, seconds=20)


def end_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends idle connections of one user while the server is full, judged as it ends them."""
    return _asked("end_idle", limits, user, seconds=20)


def _asked(program: str, limits: DatabaseLimits, user: str, *, seconds: float) -> Run:
    # What differs is a variable of the session; the program is the same text every time.
    given = {f"@{name}": str(value) for name, value in limits.model_dump().items()}
    if user:
        given["@application"] = f"'{user}'"
    text = program_text("remediate.programs", f"{program}.sql")
    words = ("--no-defaults", "--batch", "--raw", "--skip-column-names", "--delimiter=%%", "--execute", text)
    asked = Run.of(CLIENT, *words, user=ACCOUNT, seconds=seconds, retry=_TURNED_AWAY)
    values = ", ".join(f"{name} = {value}" for name, value in given.items())
    return asked.helped(program.replace("_", "-"), f"--init-command=SET {values}")
