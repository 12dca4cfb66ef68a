"""Faults, and harmless lookalikes, of the application and its database."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, UserName
from remediate.rehearsal.faults.fault import CLIENTS_ENDED, Fault, Url, waiting_clients
from remediate.rehearsal.faults.units import OfUnit


class Maintenance(Fault):
    """The application is down for maintenance on purpose, so nothing may end that."""

    kind: Literal["maintenance"] = "maintenance"
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")

    @override
    def describe(self) -> str:
        return "artisan down was run"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path,)

    @override
    def breaking(self) -> str:
        return f"runuser -u {self.user} -- php {self.path}/artisan down"

    @override
    def mending(self) -> str:
        return f"runuser -u {self.user} -- php {self.path}/artisan up"


class DeployRunning(OfUnit):
    """PHP-FPM is stopped while a deploy is under way."""

    kind: Literal["deploy-running"] = "deploy-running"
    user: UserName = Field(default="forge", description="user the deploy runs as")
    seconds: int = Field(default=600, ge=1, description="how long it takes")

    @override
    def describe(self) -> str:
        return f"a deploy is running, and {self.unit} is stopped"

    @override
    def breaking(self) -> str:
        deploy = f"runuser -u {self.user} -- bash -c 'exec -a \"composer install --no-dev\" sleep {self.seconds}'"
        return f"setsid -f {deploy} </dev/null >/dev/null 2>&1\nsystemctl stop {self.unit}"

    @override
    def mending(self) -> str:
        return f"pkill -u {self.user} -f '^composer install' || true\nsystemctl start {self.unit}"


class TableLocked(Fault):
    """A lock makes every request wait, so PHP-FPM hangs without being the cause."""

    kind: Literal["table-locked"] = "table-locked"
    database: str = Field(description="database name", pattern=r"^[A-Za-z0-9_]+$")
    url: Url = Field(description="page that needs the database")
    clients: int = Field(default=8, ge=0, le=50, description="how many ask for it and wait")
    seconds: int = Field(default=600, ge=1, le=3600, description="how long the lock is held")

    @override
    def describe(self) -> str:
        waiting = f", and {self.clients} requests wait" if self.clients else ""
        return f"every table of {self.database} is locked for {self.seconds} s{waiting}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.database,)

    @override
    def breaking(self) -> str:
        return (
            f"tables=$(mariadb -NBe 'show tables' {self.database} | sed 's/$/ write/' | paste -sd,)\n"
            f'echo "lock tables $tables; select sleep({self.seconds})" > /run/remediate-fault.sql\n'
            f"setsid -f mariadb {self.database} </run/remediate-fault.sql >/dev/null 2>&1\nsleep 0.5\n"
            f"{waiting_clients(self.url, self.clients)}"
        )

    @override
    def mending(self) -> str:
        return f"pkill -x curl || true\n{CLIENTS_ENDED}\nrm -f /run/remediate-fault.sql"
