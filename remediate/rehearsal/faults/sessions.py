"""Faults of a database's sessions: held, busy, forgotten and runaway."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath
from remediate.core.services import DatabaseUser
from remediate.rehearsal.faults.fault import CLIENTS_ENDED, Fault

_SESSIONS = r"""
export MYSQL_PWD
MYSQL_PWD=$(sed -n 's/^DB_PASSWORD=//p' {app}/.env)
session() {{
  {{ printf '%s\n' "$2"; sleep 600; }} 2>/dev/null </dev/null |
    setsid mariadb -h 127.0.0.1 -u "$1" {database} >/dev/null 2>&1 &
}}
"""
"""A session that runs its statement and then idles for ten minutes."""


SESSIONS: Final = "database sessions"
"""Name for what these faults disturb. No other fault of a database can run meanwhile."""


_CONNECTED: Final = (
    "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'THREADS_CONNECTED'"
)


_DatabaseName = Field(description="database name", pattern=r"^[A-Za-z0-9_]+$")


_BEYOND: Final = "sleep 5"
"""Wait until sessions exceed the limits of the staging inventory, even on a fast host."""


class DatabaseFault(Fault):
    """A base for faults of one application's database."""

    app: AbsolutePath = Field(description="directory that holds artisan")
    database: str = _DatabaseName
    user: DatabaseUser = Field(description="the application's user there")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (SESSIONS,)

    @override
    def mending(self) -> str:
        return CLIENTS_ENDED

    @property
    def _sessions(self) -> str:
        return _SESSIONS.format(app=self.app, database=self.database)


class ConnectionsHeld(DatabaseFault):
    """Idle sessions hold every connection: the application's own, or another user's."""

    kind: Literal["connections-held"] = "connections-held"
    holder: str | None = Field(
        default=None, description="another user who holds them; made for it", pattern=r"^[a-z]{1,16}$"
    )
    limit: int = Field(default=12, ge=10, le=151, description="how many connections the server gives")

    @override
    def describe(self) -> str:
        return f"all {self.limit} connections are held by idle sessions of {self.holder or self.user}"

    @override
    def breaking(self) -> str:
        made = (
            f"mariadb -e \"CREATE OR REPLACE USER '{self.holder}'@'127.0.0.1' IDENTIFIED BY '$MYSQL_PWD';"
            f" GRANT ALL ON {self.database}.* TO '{self.holder}'@'127.0.0.1'\"\n"
            if self.holder
            else ""
        )
        return (
            f"{self._sessions}{made}mariadb -e 'SET GLOBAL max_connections = {self.limit}'\n"
            f'for i in $(seq 60); do [ $(mariadb -NBe "{_CONNECTED}") -le {self.limit} ] || break\n'
            f"session {self.holder or self.user} ''; sleep 0.1; done"
        )

    @override
    def mending(self) -> str:
        gone = f"\nmariadb -e \"DROP USER IF EXISTS '{self.holder}'@'127.0.0.1'\"" if self.holder else ""
        return f"{CLIENTS_ENDED}\nsleep 0.5\nmariadb -e 'SET GLOBAL max_connections = 151'{gone}"


class ConnectionsBusy(DatabaseFault):
    """Every connection runs a long query of the application's, except one of a backup."""

    kind: Literal["connections-busy"] = "connections-busy"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")
    limit: int = Field(default=20, ge=10, le=151, description="how many connections the server gives")

    @override
    def describe(self) -> str:
        return f"all {self.limit} connections run a long query of {self.user}, except one of a backup"

    @override
    def breaking(self) -> str:
        # Like a page, this client disconnects when its query is ended.
        busy = f"SELECT SLEEP(600) FROM {self.table} LIMIT 1"  # noqa: S608  # its pattern is a name
        asks = f"setsid mariadb -h 127.0.0.1 -u \"$1\" -e '{busy}' {self.database} >/dev/null 2>&1 </dev/null &"
        made = (
            "CREATE OR REPLACE USER backup@127.0.0.1 IDENTIFIED BY '$MYSQL_PWD'; "
            f"GRANT SELECT ON {self.database}.* TO backup@127.0.0.1"
        )
        return (
            f'{self._sessions}busy() {{\n{asks}\n}}\nmariadb -e "{made}"\n'
            f"mariadb -e 'SET GLOBAL max_connections = {self.limit}'\nbusy backup\n"
            f'for i in $(seq 90); do [ $(mariadb -NBe "{_CONNECTED}") -le {self.limit} ] || break\n'
            f"busy {self.user}; sleep 0.1; done\n{_BEYOND}"
        )

    @override
    def mending(self) -> str:
        return (
            f"{CLIENTS_ENDED}\nsleep 0.5\nmariadb -e 'SET GLOBAL max_connections = 151'\n"
            "mariadb -e 'DROP USER IF EXISTS backup@127.0.0.1'"
        )


class TransactionForgotten(DatabaseFault):
    """An idle transaction of the application's keeps its rows locked, and an update waits."""

    kind: Literal["transaction-forgotten"] = "transaction-forgotten"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")

    @override
    def describe(self) -> str:
        return f"an idle transaction locks the rows of {self.table}, and an update of them waits"

    @override
    def breaking(self) -> str:
        begun = f"START TRANSACTION; SELECT id FROM {self.table} FOR UPDATE;"  # noqa: S608  # its pattern is a name
        waits = f"SET innodb_lock_wait_timeout = 600; UPDATE {self.table} SET id = id;"  # noqa: S608
        return f"{self._sessions}session {self.user} '{begun}'\nsleep 0.7\nsession {self.user} '{waits}'\n{_BEYOND}"


class QueryRunaway(DatabaseFault):
    """An endless query of the application's holds locks that a short one waits for."""

    kind: Literal["query-runaway"] = "query-runaway"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")
    modest: bool = Field(default=True, description="whether it only reads; else it changes rows")

    @override
    def describe(self) -> str:
        what = "reads" if self.modest else "writes"
        return f"a query that {what} {self.table} does not end, and an update of it waits"

    @override
    def breaking(self) -> str:
        reads = f"SELECT SLEEP(600) FROM {self.table} FOR UPDATE;"  # noqa: S608  # its pattern is a name
        writes = f"UPDATE {self.table} SET id = id + SLEEP(600);"  # noqa: S608
        waits = f"SET innodb_lock_wait_timeout = 600; UPDATE {self.table} SET id = id;"  # noqa: S608
        return (
            f"{self._sessions}session {self.user} '{reads if self.modest else writes}'\nsleep 0.7\n"
            f"session {self.user} '{waits}'\n{_BEYOND}"
        )
