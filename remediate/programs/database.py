"""Commands that list and end sessions of a MariaDB server, through a limited account."""

from typing import Final, NamedTuple

from remediate.core.command import Run
from remediate.core.program_text import program_text
from remediate.core.services import PROTECTED_USERS, DatabaseLimits

CLIENT: Final = "/usr/bin/mariadb"
ACCOUNT: Final = "remediate-db"
"""The host user and the server account, which share this name.

The server accepts this user as that account over its socket (unix_socket), without a password.
"""
GRANTS: Final = {"PROCESS, CONNECTION ADMIN": "*.*", "SELECT (Host, User)": "mysql.global_priv"}
"""The rights of the account.

PROCESS shows every session with its transaction. CONNECTION ADMIN ends a session, and connects even when all
connections are in use (MariaDB 10.5). SELECT on mysql.global_priv shows the hosts from which each user may connect,
never a password. None of them reads or writes other users' data.
"""
_TURNED_AWAY: Final = r"ERROR (1040 |2002 .* 1040 - )"
"""ER_CON_COUNT_ERROR, too many connections.

Newer clients wrap it in an error of their own, because it arrives before any encryption. While all connections are in
use, this account has one more. Any other client that tries to connect occupies that one until the server refuses it: a
page, a worker, another question of the same survey. So the command is tried again.
"""


def create_account() -> str:
    """Return the SQL that creates the account, or resets an existing one to these rights."""
    name = f"'{ACCOUNT}'@'localhost'"
    return (
        f"CREATE USER IF NOT EXISTS {name} IDENTIFIED VIA unix_socket; "
        f"ALTER USER {name} IDENTIFIED VIA unix_socket; "
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {name}; "
        + " ".join(f"GRANT {what} ON {where} TO {name};" for what, where in GRANTS.items())
    )


def list_sessions(limits: DatabaseLimits) -> Run:
    """Return the command that lists the sessions that block others or exceed a limit.

    Statements come without their literals.
    """
    return _asked("list_sessions", limits, "", seconds=8)


def longest_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names a user's longest idle connection on a nearly full server."""
    return _asked("longest_idle", limits, user, seconds=8)


def first_query(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that names the query or transaction that `end_queries` would end first."""
    return _asked("first_query", limits, user, seconds=8)


def account_hosts(user: str) -> Run:
    """Return the command that lists the hosts from which a user may connect."""
    return _asked("account_hosts", DatabaseLimits(), user, seconds=8)


def end_queries(limits: DatabaseLimits, user: str, *, few: bool = False) -> Run:
    """Return the command that ends a user's long queries and blocking transactions.

    The server decides at that moment which ones qualify. With `few`, it ends only as many queries as the server has
    connections too few.
    """
    return _asked("end_queries", limits, user, seconds=20, more=f", @few = {int(few)}")


def end_idle(limits: DatabaseLimits, user: str) -> Run:
    """Return the command that ends a user's idle connections while the server is nearly full.

    The server decides at that moment which ones qualify.
    """
    return _asked("end_idle", limits, user, seconds=20)


def look_session(limits: DatabaseLimits, user: str | None, session: "SessionId") -> Run:
    """Return the command that shows one session, and whether others wait for it."""
    return _about("look_session", limits, user, session, seconds=8)


def end_session(limits: DatabaseLimits, user: str | None, session: "SessionId") -> Run:
    """Return the command that ends one session, if it still is the same one.

    The server checks at that moment that the session blocks others, may block them, or runs a long write of `user`. It
    never ends a session of a protected user.
    """
    return _about("end_session", limits, user, session, seconds=20)


class SessionId(NamedTuple):
    """The identity of a session: its connection, its user, and the start of its statement.

    Another connection, or a later statement of the same one, is not this session. `started` is in seconds since 1970,
    by the server's clock.
    """

    id: int
    user: str
    started: int


def _asked(program: str, limits: DatabaseLimits, user: str, *, seconds: float, more: str = "") -> Run:
    text = program_text("remediate.programs", f"{program}.sql")
    words = ("--no-defaults", "--batch", "--raw", "--skip-column-names", "--delimiter=%%", "--execute", text)
    asked = Run.of(CLIENT, *words, user=ACCOUNT, seconds=seconds, retry=_TURNED_AWAY)
    return asked.helped(program.replace("_", "-"), _variables(limits, user) + more)


def _about(program: str, limits: DatabaseLimits, user: str | None, session: SessionId, *, seconds: float) -> Run:
    # The session is known only at run time, so a helper cannot declare it as an argument: it goes to standard input.
    shell, text = (program_text("remediate.programs", name) for name in ("session.sh", f"{program}.sql"))
    given = f"{session.id} {session.user} {session.started}\n"
    asked = Run.of("/bin/sh", "-c", shell, "sh", text, user=ACCOUNT, seconds=seconds, stdin=given)
    words = f"{_variables(limits, user or '')}, @protected = '{PROTECTED_USERS}'"
    return asked.helped(program.replace("_", "-"), words)


def _variables(limits: DatabaseLimits, user: str) -> str:
    # The limits are variables of the session, so that the program is the same text every time.
    given = {f"@{name}": str(value) for name, value in limits.model_dump().items()}
    if user:
        given["@application"] = f"'{user}'"
    return f"--init-command=SET {', '.join(f'{name} = {value}' for name, value in given.items())}"
