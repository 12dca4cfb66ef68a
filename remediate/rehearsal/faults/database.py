"""Faults of a database server, and of the application's settings for it."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import ProgramName, UserName
from remediate.rehearsal.faults.fault import kept, restored
from remediate.rehearsal.faults.sessions import DatabaseFault
from remediate.rehearsal.faults.units import OfUnit


class ServerCrashed(OfUnit):
    """The server is killed with -9 and stays down: systemd does not restart it."""

    kind: Literal["server-crashed"] = "server-crashed"

    @override
    def describe(self) -> str:
        return f"{self.unit} was killed with -9 and stays down"

    @override
    def breaking(self) -> str:
        return f"{self._with('Restart=no')}kill -KILL $(systemctl show -p MainPID --value {self.unit})\nsleep 0.3"

    @override
    def mending(self) -> str:
        return f"{self._without}systemctl start {self.unit}"


class ServerFrozen(OfUnit):
    """The server runs, accepts connections and does not answer."""

    kind: Literal["server-frozen"] = "server-frozen"

    @override
    def describe(self) -> str:
        return f"{self.unit} runs and does not answer"

    @override
    def breaking(self) -> str:
        return f"systemctl kill --signal=STOP {self.unit}"

    @override
    def mending(self) -> str:
        return f"systemctl kill --signal=CONT {self.unit}"


class PasswordChanged(DatabaseFault):
    """The application's password was changed on the server; the cached configuration has the old one.

    .env has the new one or not.
    """

    kind: Literal["password-changed"] = "password-changed"
    program: ProgramName = Field(description="supervisor group of the workers, which have the old one in memory")
    in_env: bool = Field(default=True, description="whether .env has the new one")
    line: str = Field(default="", description="a further line of .env", pattern=r"^[^'\x00-\x1f]*$")

    @override
    def describe(self) -> str:
        where = "the server and .env, not in the cached configuration" if self.in_env else "the server only"
        return f"the database password was changed on {where}{f', and .env has {self.line!r}' if self.line else ''}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.app}/.env", f"{self.app}/bootstrap/", self.program)

    @override
    def breaking(self) -> str:
        env = f"{self.app}/.env"
        edit = f'sed -i "s/^DB_PASSWORD=.*/DB_PASSWORD=$new/" {env}\n' if self.in_env else ""
        more = f"printf '%s\\n' '{self.line}' >> {env}\n" if self.line else ""
        return (
            f"{kept(env)}new=$(openssl rand -hex 16)\n"
            f"{self._password('new')}\n"
            # sed writes a new file, so its owner and mode have to be restored.
            f"{edit}{more}chown --reference={env}.remediate-fault {env}\nchmod --reference={env}.remediate-fault {env}"
        )

    def _password(self, variable: str) -> str:
        change = f"ALTER USER '{self.user}'@'$at' IDENTIFIED BY '${variable}'"
        return f'for at in 127.0.0.1 localhost; do mariadb -e "{change}"; done'

    @override
    def mending(self) -> str:
        env = f"{self.app}/.env"
        back = f"old=$(sed -n 's/^DB_PASSWORD=//p' {env})"
        return (
            f"{restored(env)}{back}\n"
            f"{self._password('old')}\n"
            f"runuser -u $(stat -c %U {env}) -- php {self.app}/artisan config:cache\n"
            f"supervisorctl restart '{self.program}:*'"
        )


class DatabaseMissing(DatabaseFault):
    """The application asks for a database that the server does not have.

    .env and the cached configuration agree on it.
    """

    kind: Literal["database-missing"] = "database-missing"
    owner: UserName = Field(default="forge", description="user the application runs as")

    @override
    def describe(self) -> str:
        return f"the application asks for a database {self.database}_old that is not there"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.app}/.env", f"{self.app}/bootstrap/")

    @override
    def breaking(self) -> str:
        return f"{self._named(f'{self.database}_old')}\n{self._cached}"

    @override
    def mending(self) -> str:
        return f"{self._named(self.database)}\n{self._cached}"

    def _named(self, name: str) -> str:
        env = f"{self.app}/.env"
        return f"runuser -u {self.owner} -- sed -i 's/^DB_DATABASE=.*/DB_DATABASE={name}/' {env}\nchmod 640 {env}"

    @property
    def _cached(self) -> str:
        return f"runuser -u {self.owner} -- php {self.app}/artisan config:cache"


class AccountElsewhere(DatabaseFault):
    """The server lets the application's user in from another host only, with the same password."""

    kind: Literal["account-elsewhere"] = "account-elsewhere"

    @override
    def describe(self) -> str:
        return f"the database accepts {self.user} from another host only"

    @override
    def breaking(self) -> str:
        return self._renamed(("127.0.0.1", "web7.example.com"), ("localhost", "web8.example.com"))

    @override
    def mending(self) -> str:
        return self._renamed(("web7.example.com", "127.0.0.1"), ("web8.example.com", "localhost"))

    def _renamed(self, *hosts: tuple[str, str]) -> str:
        pairs = ", ".join(f"'{self.user}'@'{old}' TO '{self.user}'@'{new}'" for old, new in hosts)
        return f'mariadb -e "RENAME USER {pairs}"'
