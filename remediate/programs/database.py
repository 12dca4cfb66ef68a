"""Lists and ends sessions of a MariaDB server, through an account limited to that."""

from typing import Final, NamedTuple

from remediate.core.command import Run
from remediate.core.host import PROTECTED_USERS, DatabaseLimits
from remediate.core.program_text import program_text

CLIENT: Final = "/usr/bin/mariadb"
ACCOUNT: Final = "remediate-db"
"""User of the host and account of the server, by the same name: the server lets the one in as the other over its
socket (unix_socket), without a password."""
GRANTS: Final = {"PROCESS, CONNECTION ADMIN": "*.*", "SELECT (Host, User)": "mysql.global_priv"}
"""The first shows every session with its transaction, the second ends one, and lets in where all connections are in
use (MariaDB 10.5); the third shows from where each user is let in, never a password. They show and end what others do;
none reads or writes their data."""
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
        + " ".join(f"GRANT {what} ON {where} TO {name};" for what, where in GRANTS.items())
    )


def list_sessions(limits: DatabaseLimits) -> Run:
    """Return the command that lists the sessions which block others or are beyond a limit, statements masked."""
    return _asked("list_sessions", limits, "", seconds=8)


def longest_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names the connection of one user that is idle for longest while the server is full."""
    return _asked("longest_idle", limits, user, seconds=8)


def first_query(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names what `end_queries` would end first."""
    return _asked("first_query", limits, user, seconds=8)


def account_hosts(user: str) -> Run:
    """Return the command that lists the hosts from which the server lets one user in."""
    return _asked("account_hosts", DatabaseLimits(), user, seconds=8)


def end_queries(limits: DatabaseLimits, user: str, *, few: bool = False) -> Run:
    """Return the command that ends long queries and blocking transactions of one user, judged as it ends them.

    With `few` it ends no more queries than a server has connections too few.
    """
    return _asked("end_queries", limits, user, seconds=20, more=f", @few = {int(few)}")


def end_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends idle connections of one user while the server is full, judged as it ends them."""
    return _asked("end_idle", limits, user, seconds=20)


def look_session(limits: DatabaseLimits, user: str | None, session: "SessionId") -> Run:
    """Return the command that tells what one session is at, and whether others wait for it."""
    return _about("look_session", limits, user, session, seconds=8)


def end_session(limits: DatabaseLimits, user: str | None, session: "SessionId") -> Run:
    """Return the command that ends one session which is still the same one, judged as it ends it."""
    return _about("end_session", limits, user, session, seconds=20)


class SessionId(NamedTuple):
    """Which connection of a server is meant, and what it is at: another one, or a later statement, is not."""

    id: int
    user: str
    started: int


def _asked(program: str, limits: DatabaseLimits, user: str, *, seconds: float, more: str = "") -> Run:
    text = program_text("remediate.programs", f"{program}.sql")
    words = ("--no-defaults", "--batch", "--raw", "--skip-column-names", "--delimiter=%%", "--execute", text)
    asked = Run.of(CLIENT, *words, user=ACCOUNT, seconds=seconds, retry=_TURNED_AWAY)
    return asked.helped(program.replace("_", "-"), _variables(limits, user) + more)


def _about(program: str, limits: DatabaseLimits, user: str | None, session: SessionId, *, seconds: float) -> Run:
    # Which session it is nobody knows beforehand, so it is no argument that a helper could declare.
    shell, text = (program_text("remediate.programs", name) for name in ("session.sh", f"{program}.sql"))
    given = f"{session.id} {session.user} {session.started}\n"
    asked = Run.of("/bin/sh", "-c", shell, "sh", text, user=ACCOUNT, seconds=seconds, stdin=given)
    words = f"{_variables(limits, user or '')}, @protected = '{PROTECTED_USERS}'"
    return asked.helped(program.replace("_", "-"), words)


def _variables(limits: DatabaseLimits, user: str) -> str:
    # What differs is a variable of the session; the program is the same text every time.
    given = {f"@{name}": str(value) for name, value in limits.model_dump().items()}
    if user:
        given["@application"] = f"'{user}'"
    return f"--init-command=SET {', '.join(f'{name} = {value}' for name, value in given.items())}"
