"""The remedy that starts Redis."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, HostName, PhpName, Port, UnitName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip, wait
from remediate.probes.network import PortOwner
from remediate.probes.redis import AppRedis, RedisState
from remediate.probes.stores import StoreConnection, Trouble
from remediate.probes.systemd import Unit
from remediate.remedies.application import OfApplication, stated
from remediate.remedies.human import HumanTask
from remediate.remedies.systemd import PORT_TAKEN, UNIT_REFUSALS, RestartService, shut_out

REDIS_LOADING = RefusalCode(
    name="redis-loading",
    meaning="Redis is still loading its data from disk, and answers when it has finished.",
    advice="wait until it has loaded its data, then run this again",
)


class RestartRedis(RestartService):
    """Start Redis when its unit is down (runbook 4.3, where Redis is ours: the inventory's `redis.unit`).

    A running Redis is never restarted. Sessions and queued jobs that it has not saved would be lost, and a full memory,
    a wrong password or a full disk would be there again afterwards. A stopped Redis has lost them already. While Redis
    loads its data, it is waited for. A Laravel application is asked whether it does; without one, only systemd is.
    """

    kind: Literal["redis.restart"] = "redis.restart"
    unit: UnitName = Field(description="systemd unit of Redis")
    port: Port = Field(default=6379, description="TCP port that it listens on")
    php: PhpName | None = Field(default=None, description="PHP's name, for example php8.3")
    path: AbsolutePath | None = Field(default=None, description="directory that holds artisan, to ask the application")
    user: UserName = Field(default="forge", description="user the application runs as")
    settle: float = Field(default=60, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, PORT_TAKEN, REDIS_LOADING)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings, redis = host.settings, host.settings.redis
        own = {} if redis is None else stated(unit=redis.unit, port=redis.port)
        return own | stated(php=settings.php, path=settings.app_path, user=settings.app_user)

    @property
    @override
    def service(self) -> str:
        return self.unit

    @property
    def _owner(self) -> PortOwner:
        return PortOwner(port=self.port)

    @property
    def _app(self) -> AppRedis | None:
        if self.php is None or self.path is None:
            return None
        return AppRedis(php=self.php, path=self.path, user=self.user)

    @override
    def checks(self) -> tuple[Probe[Fact], ...]:
        return (self._owner,)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), *(() if self._app is None else (self._app,)))

    @override
    def on_its_way(self, facts: Facts) -> Verdict | None:
        """Wait with the code redis-loading while the unit starts, which lasts as long as loading."""
        waiting, unit = super().on_its_way(facts), facts[self._unit]
        return wait(waiting.reason, REDIS_LOADING) if waiting and unit.sub == "start" else waiting

    @override
    def running(self, facts: Facts) -> Verdict | None:
        if self._app is not None and facts[self._app].trouble is Trouble.LOADING:
            return wait(f"{self.title()} is loading its data", REDIS_LOADING)
        return super().running(facts)

    @override
    def obstacle(self, facts: Facts) -> Verdict | None:
        return shut_out(facts, (self._owner,), self.title())

    @override
    def remark(self, facts: Facts) -> str:  # needs no facts: it is lost in every case
        return "; what it had not saved is lost already"


REDIS_NOT_OURS = RefusalCode(
    name="redis-not-ours",
    meaning="Redis does not answer, and it is managed elsewhere: the inventory names no unit, or another host.",
    advice="start it where it runs",
)
REDIS_SILENT = RefusalCode(
    name="redis-silent",
    meaning="Redis runs and does not answer: a restart would lose unsaved data.",
    advice="read its log, find out what it is busy with; restart it only if its data may be lost",
)
REDIS_ELSEWHERE = RefusalCode(
    name="redis-elsewhere",
    meaning="Redis runs, and does not listen where the application looks for it.",
    advice="compare port, bind and unixsocket of its configuration with .env (`sudo ss -ltnp` shows where it listens)",
)
PASSWORD_REJECTED = RefusalCode(
    name="password-rejected",
    meaning="Redis rejects the password, including the present one in .env.",
    advice="set the right password in .env with do.env.set, then run this again",
)
WRONG_ROLE = RefusalCode(
    name="wrong-role",
    meaning="Redis is a replica and accepts no writes; another server should be the master.",
    advice="point the application at the master, or make this one the master",
)
PERSISTENCE_FAILING = RefusalCode(
    name="persistence-failing",
    meaning="Redis cannot save its data to disk, and refuses writes until it can.",
    advice="free space on its disk, or give it write permission there; its log says which",
)
REDIS_FAILING = RefusalCode(
    name="redis-failing",
    meaning="Redis answers with an error that no remedy fixes.",
    advice="read its log and fix the cause; if there are too many clients, raise maxclients or end some",
)
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class RedisByHand(OfApplication, HumanTask):
    """Report what a person has to do about a Redis that no command here fixes (runbook 4.3).

    This is a Redis that is managed elsewhere, rejects every password the application has, is a replica, cannot save to
    its disk, or runs and does not answer, there or at all. A restart would fix none of these and lose unsaved data.
    """

    kind: Literal["redis.by-hand"] = "redis.by-hand"
    subject = "Redis"
    unit: UnitName | None = Field(default=None, description="systemd unit of Redis; absent = managed elsewhere")
    address: HostName = Field(default="127.0.0.1", description="where the application reaches the one that is ours")
    port: Port = Field(default=6379, description="TCP port that it listens on")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        REDIS_NOT_OURS,
        REDIS_SILENT,
        REDIS_ELSEWHERE,
        PASSWORD_REJECTED,
        WRONG_ROLE,
        PERSISTENCE_FAILING,
        REDIS_FAILING,
        REDIS_LOADING,
    )
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        redis = host.settings.redis
        ours = {} if redis is None else stated(unit=redis.unit, address=redis.host, port=redis.port)
        return super().defaults(host) | ours

    @property
    def _app(self) -> AppRedis:
        return AppRedis(php=self.php, path=self.path, user=self.user)

    @property
    def _fresh(self) -> AppRedis:
        return AppRedis(php=self.php, path=self.path, user=self.user, fresh=True)

    @property
    def _units(self) -> tuple[Unit, ...]:
        return () if self.unit is None else (Unit(name=self.unit),)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._app, self._fresh, *self._units)

    @override
    def guard(self, facts: Facts) -> Verdict:
        redis = facts[self._app]
        verdicts = (self._about(link, redis, facts) for link in redis.failing)
        return next((each for each in verdicts if each is not None), skip("nothing for a person to do"))

    def _about(self, link: StoreConnection, redis: RedisState, facts: Facts) -> Verdict | None:
        """Judge one connection; None when another remedy is in charge of it."""
        trouble, ours = link.trouble, self._is_ours(link)
        if trouble is None or trouble is Trouble.MEMORY:
            return None  # cache.clear
        down = any(not facts[unit].healthy for unit in self._units)
        if trouble.unreachable and ours and down:
            return None  # redis.restart
        if trouble is Trouble.LOADING:
            return wait(f"{link.server} is loading its data", REDIS_LOADING)
        if not facts[self._fresh].failing:
            return None  # config.cache
        said = f"{link.server}: {trouble.value}"
        if trouble.unreachable:
            if ours and trouble is Trouble.REFUSED:
                # The unit was seen in another moment than the port: both have to stay so.
                return wait(f"{said}, {_lacking(redis, link)}; {self.unit} runs", REDIS_ELSEWHERE)
            code = REDIS_SILENT if ours else REDIS_NOT_OURS
            return refuse(code, f"{said}, {_lacking(redis, link)}")
        return refuse(_BY_TROUBLE.get(trouble, REDIS_FAILING), f"{said}{_HINTS.get(trouble, '')}")

    def _is_ours(self, link: StoreConnection) -> bool:
        if self.unit is None:
            return False
        host, _, port = link.server.rpartition(":")
        same = host == self.address or {host, self.address} <= _LOCAL
        return link.server.startswith("/") or (same and port == str(self.port))


_BY_TROUBLE = {
    Trouble.DENIED: PASSWORD_REJECTED,
    Trouble.REPLICA: WRONG_ROLE,
    Trouble.UNSAVED: PERSISTENCE_FAILING,
}

_HINTS = {
    Trouble.BUSY: ": `redis-cli script kill` ends one that has written nothing so far",
    Trouble.NO_DATABASE: ": REDIS_DB and REDIS_CACHE_DB of .env have to be below `databases` of its configuration",
}


def _lacking(redis: RedisState, link: StoreConnection) -> str:
    """Describe what the application lacks without this Redis."""
    roles = [role for each in redis.failing if each.server == link.server for role in redis.roles(each)]
    return f"and without it no {', '.join(role.value for role in roles)}"
