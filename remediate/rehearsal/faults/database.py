"""Faults of a database server, and of what an application knows of it."""

from typing import Final, Literal

from pydantic import Field

from remediate.fields import AbsolutePath, ProgramName, UserName
from remediate.host import DatabaseUser
from remediate.rehearsal.faults.fault import Fault, kept, restored
from remediate.rehearsal.faults.units import OfUnit

_SESSIONS = r"""
export MYSQL_PWD
MYSQL_PWD=$(sed -n 's/^DB_PASSWORD=//p' {app}/.env)
session() {{
  {{ printf '%s\n' "$2"; sleep 600; }} 2>/dev/null </dev/null |
    setsid mariadb -h 127.0.0.1 -u "$1" {database} >/dev/null 2>&1 &
}}
"""
"""A session that does what it is told and then nothing, for ten minutes."""

SESSIONS: Final = "database sessions"
"""What sessions disturb that nobody else can work beside."""
_CONNECTED: Final = (
    "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'THREADS_CONNECTED'"
)

_DatabaseName = Field(description="database name", pattern=r"^[A-Za-z0-9_]+$")

_BEYOND: Final = "sleep 5"
"""Until sessions are beyond the limits of the staging host's inventory, however quick the host is."""


class _OfDatabase(Fault):
    """Whatever is wrong with one application's database."""

    app: AbsolutePath = Field(description="directory that holds artisan")
    database: str = _DatabaseName
    user: DatabaseUser = Field(description="the application's user there")

    def disturbs(self) -> tuple[str, ...]:
        """See Fault."""
        return (SESSIONS,)

    def mending(self) -> str:
        """See Fault."""
        return "pkill -x mariadb || true"

    @property
    def _sessions(self) -> str:
        return _SESSIONS.format(app=self.app, database=self.database)


class ServerCrashed(OfUnit):
    """The server is killed with -9 and not started again: systemd was told not to, or has given up."""

    kind: Literal["server-crashed"] = "server-crashed"

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} was killed with -9 and stays down"

    def breaking(self) -> str:
        """See Fault."""
        return f"{self._with('Restart=no')}kill -KILL $(systemctl show -p MainPID --value {self.unit})\nsleep 0.3"

    def mending(self) -> str:
        """See Fault."""
        return f"{self._without}systemctl restart {self.unit}"


class ServerFrozen(OfUnit):
    """The server is there, takes connections and says nothing."""

    kind: Literal["server-frozen"] = "server-frozen"

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} runs and does not answer"

    def breaking(self) -> str:
        """See Fault."""
        return f"systemctl kill --signal=STOP {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl kill --signal=CONT {self.unit}"


class PasswordChanged(_OfDatabase):
    """The application's password was changed on the server, and in .env or not; its cached configuration is old."""

    kind: Literal["password-changed"] = "password-changed"
    program: ProgramName = Field(description="supervisor group of the workers, which have the old one in memory")
    in_env: bool = Field(default=True, description="whether .env has the new one")
    line: str = Field(default="", description="a further line of .env", pattern=r"^[^'\x00-\x1f]*$")

    def describe(self) -> str:
        """See Fault."""
        where = "the server and .env, not in the cached configuration" if self.in_env else "the server only"
        return f"the database password was changed on {where}{f', and .env has {self.line!r}' if self.line else ''}"

    def disturbs(self) -> tuple[str, ...]:
        """See Fault."""
        return (f"{self.app}/.env", f"{self.app}/bootstrap/", self.program)

    def breaking(self) -> str:
        """See Fault."""
        env = f"{self.app}/.env"
        edit = f'sed -i "s/^DB_PASSWORD=.*/DB_PASSWORD=$new/" {env}\n' if self.in_env else ""
        more = f"printf '%s\\n' '{self.line}' >> {env}\n" if self.line else ""
        return (
            f"{kept(env)}new=$(openssl rand -hex 16)\n"
            f"{self._password('new')}\n"
            # sed makes another file: that keeps its owner only when it says so.
            f"{edit}{more}chown --reference={env}.remediate-fault {env}\nchmod --reference={env}.remediate-fault {env}"
        )

    def _password(self, variable: str) -> str:
        change = f"ALTER USER '{self.user}'@'$at' IDENTIFIED BY '${variable}'"
        return f'for at in 127.0.0.1 localhost; do mariadb -e "{change}"; done'

    def mending(self) -> str:
        """See Fault."""
        env = f"{self.app}/.env"
        back = f"old=$(sed -n 's/^DB_PASSWORD=//p' {env})"
        return (
            f"{restored(env)}{back}\n"
            f"{self._password('old')}\n"
            f"runuser -u $(stat -c %U {env}) -- php {self.app}/artisan config:cache\n"
            f"supervisorctl restart '{self.program}:*'"
        )


class DatabaseMissing(_OfDatabase):
    """The application asks for a database that the server does not have, with .env and the cache agreeing."""

    kind: Literal["database-missing"] = "database-missing"
    owner: UserName = Field(default="forge", description="user the application runs as")

    def describe(self) -> str:
        """See Fault."""
        return f"the application asks for a database {self.database}_old that is not there"

    def disturbs(self) -> tuple[str, ...]:
        """See Fault."""
        return (f"{self.app}/.env", f"{self.app}/bootstrap/")

    def breaking(self) -> str:
        """See Fault."""
        return f"{self._named(f'{self.database}_old')}\n{self._cached}"

    def mending(self) -> str:
        """See Fault."""
        return f"{self._named(self.database)}\n{self._cached}"

    def _named(self, name: str) -> str:
        env = f"{self.app}/.env"
        return f"runuser -u {self.owner} -- sed -i 's/^DB_DATABASE=.*/DB_DATABASE={name}/' {env}\nchmod 640 {env}"

    @property
    def _cached(self) -> str:
        return f"runuser -u {self.owner} -- php {self.app}/artisan config:cache"


class ConnectionsHeld(_OfDatabase):
    """Every connection of the server is held by sessions that do nothing: the application's own, or another user's."""

    kind: Literal["connections-held"] = "connections-held"
    holder: str | None = Field(
        default=None, description="another user who holds them; made for it", pattern=r"^[a-z]{1,16}$"
    )
    limit: int = Field(default=12, ge=10, le=151, description="how many connections the server gives")

    def describe(self) -> str:
        """See Fault."""
        return f"all {self.limit} connections are held by idle sessions of {self.holder or self.user}"

    def breaking(self) -> str:
        """See Fault."""
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

    def mending(self) -> str:
        """See Fault."""
        gone = f"\nmariadb -e \"DROP USER IF EXISTS '{self.holder}'@'127.0.0.1'\"" if self.holder else ""
        return f"pkill -x mariadb || true\nsleep 0.5\nmariadb -e 'SET GLOBAL max_connections = 151'{gone}"


class ConnectionsBusy(_OfDatabase):
    """Every connection of the server is at a long query of the application's, but for one of a backup."""

    kind: Literal["connections-busy"] = "connections-busy"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")
    limit: int = Field(default=20, ge=10, le=151, description="how many connections the server gives")

    def describe(self) -> str:
        """See Fault."""
        return f"all {self.limit} connections are at a long query of {self.user}'s, but for one of a backup"

    def breaking(self) -> str:
        """See Fault."""
        # A client that leaves when its query is ended, as a page does.
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

    def mending(self) -> str:
        """See Fault."""
        return (
            "pkill -x mariadb || true\nsleep 0.5\nmariadb -e 'SET GLOBAL max_connections = 151'\n"
            "mariadb -e 'DROP USER IF EXISTS backup@127.0.0.1'"
        )


class AccountElsewhere(_OfDatabase):
    """The server lets the application's user in from another host only; its password is what it was."""

    kind: Literal["account-elsewhere"] = "account-elsewhere"

    def describe(self) -> str:
        """See Fault."""
        return f"the database lets {self.user} in from another host only"

    def breaking(self) -> str:
        """See Fault."""
        return self._renamed(("127.0.0.1", "web7.example.com"), ("localhost", "web8.example.com"))

    def mending(self) -> str:
        """See Fault."""
        return self._renamed(("web7.example.com", "127.0.0.1"), ("web8.example.com", "localhost"))

    def _renamed(self, *hosts: tuple[str, str]) -> str:
        pairs = ", ".join(f"'{self.user}'@'{old}' TO '{self.user}'@'{new}'" for old, new in hosts)
        return f'mariadb -e "RENAME USER {pairs}"'


class TransactionForgotten(_OfDatabase):
    """A transaction of the application's does nothing and keeps the rows it asked for, and an update waits for them."""

    kind: Literal["transaction-forgotten"] = "transaction-forgotten"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")

    def describe(self) -> str:
        """See Fault."""
        return f"an idle transaction keeps the rows of {self.table}, and an update of them waits"

    def breaking(self) -> str:
        """See Fault."""
        begun = f"START TRANSACTION; SELECT id FROM {self.table} FOR UPDATE;"  # noqa: S608  # its pattern is a name
        waits = f"SET innodb_lock_wait_timeout = 600; UPDATE {self.table} SET id = id;"  # noqa: S608
        return f"{self._sessions}session {self.user} '{begun}'\nsleep 0.7\nsession {self.user} '{waits}'\n{_BEYOND}"


class QueryRunaway(_OfDatabase):
    """A query of the application's does not end and holds locks, and a short one waits for them."""

    kind: Literal["query-runaway"] = "query-runaway"
    table: str = Field(description="table with at least one row", pattern=r"^[A-Za-z0-9_]+$")
    modest: bool = Field(default=True, description="whether it only reads; else it changes rows")

    def describe(self) -> str:
        """See Fault."""
        what = "reads" if self.modest else "writes"
        return f"a query that {what} {self.table} does not end, and an update of it waits"

    def breaking(self) -> str:
        """See Fault."""
        reads = f"SELECT SLEEP(600) FROM {self.table} FOR UPDATE;"  # noqa: S608  # its pattern is a name
        writes = f"UPDATE {self.table} SET id = id + SLEEP(600);"  # noqa: S608
        waits = f"SET innodb_lock_wait_timeout = 600; UPDATE {self.table} SET id = id;"  # noqa: S608
        return (
            f"{self._sessions}session {self.user} '{reads if self.modest else writes}'\nsleep 0.7\n"
            f"session {self.user} '{waits}'\n{_BEYOND}"
        )
