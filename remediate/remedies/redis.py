"""What brings Redis back."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import Run
from remediate.host import AbsolutePath, Host, PhpName, Port, UnitName, UserName
from remediate.probe import Fact, Probe
from remediate.probes.network import PortOwner
from remediate.probes.redis import AppRedis
from remediate.probes.stores import Trouble
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import PORT_TAKEN
from remediate.remedies.systemd import UNIT_REFUSALS, restarting, restarts, start_limited, unstartable
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait

REDIS_LOADING = RefusalCode(
    name="redis-loading", meaning="Redis is still loading its data from disk; it answers when it is through."
)


class RestartRedis(Remedy):
    """Start Redis when its unit is down (runbook 4.3, where Redis is ours: the inventory's `redis.unit`).

    A Redis that runs is never restarted, whatever it says: sessions and queued jobs that it has not saved would be
    lost, and a full memory, a wrong password or a full disk would be there again afterwards. One that is down has
    lost them already. While it loads its data it is waited for.
    """

    kind: Literal["redis.restart"] = "redis.restart"
    unit: UnitName = Field(description="systemd unit of Redis")
    port: Port = Field(default=6379, description="TCP port that it listens on")
    php: PhpName = Field(description="PHP's name, for example php8.3")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")
    settle: float = Field(default=60, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, PORT_TAKEN, REDIS_LOADING)
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        given: dict[str, object] = {"php": settings.php, "path": settings.app_path, "user": settings.app_user}
        if settings.redis is not None:
            given |= {"unit": settings.redis.unit, "port": settings.redis.port}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.unit)

    @property
    def _owner(self) -> PortOwner:
        return PortOwner(port=self.port)

    @property
    def _app(self) -> AppRedis:
        return AppRedis(php=self.php, path=self.path, user=self.user)

    def title(self) -> str:
        """See Remedy."""
        return self._unit.label()

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit, self._owner, self._app)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)

    def steady(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._owner,)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        unit, name = facts[self._unit], self.title()
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}", REDIS_LOADING if unit.sub == "start" else None)
        if unit.healthy:
            redis = facts[self._app]
            if redis.trouble is Trouble.LOADING:
                return wait(f"{name} is loading its data", REDIS_LOADING)
            return skip(f"{name} is active")
        return (
            unstartable(unit, name)
            or self._shut_out(facts)
            or start_limited(unit, name)
            or proceed(f"{name} is {unit.describe()}; what it had not saved is lost already")
        )

    def _shut_out(self, facts: Facts) -> Verdict | None:
        taken = facts[self._owner]
        if not taken.programs:
            return None
        return refuse(PORT_TAKEN, f"{self._owner.label()} is taken by {taken.describe()}: {self.title()} cannot start")

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        yield from restarting(facts[self._unit], self.unit)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return restarts(self.unit)
