"""The remedy that moves the cache to files."""

from collections.abc import Iterator
from enum import Enum
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Step, Verification
from remediate.core.verdict import Decision, RefusalCode, Verdict, proceed, refuse, skip
from remediate.probes.cache import CacheCode, CacheState
from remediate.probes.redis import RedisState
from remediate.probes.stores import Role, StoreConnection, Trouble
from remediate.remedies.cache import ClearCache
from remediate.remedies.cache_move import FILE_CACHE_UNUSABLE, MoveCache
from remediate.remedies.configuration import CONFIG_PENDING, ENV_BROKEN
from remediate.remedies.redis import REDIS_FAILING, REDIS_SILENT, RedisByHand
from remediate.remedies.systemd import CONFIG_REFUSALS

FALLBACK_USELESS = RefusalCode(
    name="fallback-useless",
    meaning="The sessions are in the failing Redis: with the cache in files the pages would still fail.",
    advice="start that Redis: a cache in files would not make the pages work",
)
FALLBACK_PARTIAL = RefusalCode(
    name="fallback-partial",
    meaning="Sessions or queue are, or may be, in the failing Redis too: a person decides on moving the cache alone.",
    advice="decide on moving the cache alone, or start that Redis",
)
FALLBACK_UNDECLARED = RefusalCode(
    name="fallback-undeclared",
    meaning="The inventory does not allow the cache in files while its Redis cannot be fixed.",
    advice="set `redis: {fallback: true}` in the inventory, or start that Redis",
    overridable=True,
)
LOCKS_IN_CACHE = RefusalCode(
    name="locks-in-cache",
    meaning="The application keeps locks or marks in the cache: those that are set now would be lost in files.",
    advice="wait until they have expired, or add --override locks-in-cache='why that is acceptable'",
    overridable=True,
)
DIVERGING_CACHES = RefusalCode(
    name="diverging-caches",
    meaning="Several servers run the application: with a cache in files each would have separate locks and limits.",
    advice="set remediate.app_servers, or add --override diverging-caches='why that is acceptable'",
    overridable=True,
)


def _lasts(verdict: Verdict, link: StoreConnection) -> bool:
    """Return whether only a person can end the cause of this refusal.

    A Redis that is busy or in a failover recovers by itself.
    """
    if verdict.decision is not Decision.REFUSE or verdict.code is REDIS_SILENT:
        return False
    return verdict.code is not REDIS_FAILING or link.trouble in {Trouble.CLIENTS, Trouble.FORBIDDEN}


class FallbackState(Enum):
    """The source of the decision to keep the cache in files."""

    ASKED = "a person asks for it"
    ALLOWED = "the inventory allows it"
    UNDECLARED = "nobody has said so"


class UseFileCache(MoveCache):
    """Keep the cache in files while its Redis is down (runbook 4.3, "Fallback to file cache temporarily").

    This is a decision. A playbook takes it only where the inventory allows it (`redis.fallback`), no other remedy fixes
    that Redis, and only the cache is in it. Otherwise it reports every reason against it.

    It sets the key of .env that has an effect here: CACHE_STORE or CACHE_DRIVER, tried and not guessed from the
    version. It rebuilds the configuration cache next to the one in use. It asks the workers by signal, because
    `queue:restart` uses the cache that is down.

    Refused when the sessions are in the same Redis, because the pages would still fail. When only the queue is there,
    its jobs keep waiting, and the report says so. On several servers each has a separate cache: locks, limits and
    `queue:restart` no longer reach the other servers. Locks and marks that the code keeps in the cache are lost. Every
    run reports the fallback until `do.cache.restore`.
    """

    kind: Literal["cache.fallback"] = "cache.fallback"
    servers: int | None = Field(
        default=None, ge=1, description="how many servers run this application; unknown counts as several"
    )
    standing: FallbackState = Field(default=FallbackState.ASKED, description="who wants it")
    instead: tuple[RedisByHand | ClearCache, ...] = Field(
        default=(), description="only where one of these leaves that Redis to a person"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        ENV_BROKEN,
        *CONFIG_REFUSALS,
        FILE_CACHE_UNUSABLE,
        FALLBACK_USELESS,
        DIVERGING_CACHES,
        LOCKS_IN_CACHE,
        CONFIG_PENDING,
        FALLBACK_PARTIAL,
        FALLBACK_UNDECLARED,
    )
    # A cache in files does not bring back pages that fail for another incident's cause.
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "incident.hand-over")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {**super().defaults(host), "servers": host.settings.app_servers}

    @classmethod
    def as_declared(cls, host: Host, *instead: RedisByHand | ClearCache) -> "UseFileCache":
        """Build it for a playbook, to follow the refused remedies in `instead`. Raises ConfigurationError."""
        redis = host.settings.redis
        allowed = redis is not None and redis.fallback
        standing = FallbackState.ALLOWED if allowed else FallbackState.UNDECLARED
        return cls.on(host, standing=standing, instead=instead)

    @property
    def _code(self) -> CacheCode:
        return CacheCode(php=self.php, path=self.path, user=self.user)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        others = (probe for remedy in self.instead for probe in remedy.probes())
        return tuple(dict.fromkeys((*super().probes(), self._code, *others)))

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (*super().steady(), self._code)

    @override
    def guard(self, facts: Facts) -> Verdict:
        redis, cache = facts[self._redis], facts[self._cache]
        used = redis.link(Role.CACHE)
        if used is None:
            return skip(f"the cache is in {redis.store(Role.CACHE).name}, not in Redis")
        if used.trouble is None:
            return skip(f"{used.server} does what the application asks of it")
        if self.instead and not any(_lasts(each.guard(facts), used) for each in self.instead):
            return skip(f"{used.server} is for another remedy to fix, or may recover by itself")
        failing = [role for link in redis.failing for role in redis.roles(link)]
        refusal = self._shut_out(facts, cache) or self._unusable(cache)
        if refusal is not None:
            return refusal
        said = f"{used.server}: {used.trouble.value}"
        if Role.SESSIONS in failing:
            return refuse(FALLBACK_USELESS, f"{said}; the sessions are there, too: the pages would fail as before")
        if against := [*self._against(facts, redis, used)]:
            reasons = "; ".join(reason for _, reason in against)
            return refuse(against[0][0], f"against a cache in files: {reasons} ({said})")
        queue = "; the queue is there, too, and goes on waiting" if Role.QUEUE in failing else ""
        return proceed(f"{said}: {cache.key} from {redis.store(Role.CACHE).name} to {cache.file}{queue}")

    def _against(self, facts: Facts, redis: RedisState, used: StoreConnection) -> Iterator[tuple[RefusalCode, str]]:
        """Yield every other reason against it.

        A person may override the first, so all of them are reported.
        """
        beside = [role.value for role in (Role.SESSIONS, Role.QUEUE) if _beside(redis, used, role)]
        if self.instead and beside:
            yield FALLBACK_PARTIAL, f"{' and '.join(beside)} are in that Redis, too, or may be"
        if self.servers != 1:
            count = "an unknown number of" if self.servers is None else f"{self.servers}"
            yield DIVERGING_CACHES, f"{count} servers run the application (remediate.app_servers)"
        uses = facts[self._code]
        if uses.found or not uses.whole:
            yield LOCKS_IN_CACHE, f"{self._code.label()}: {uses.describe()}"
        if pending := self._pending(facts):
            yield CONFIG_PENDING, f"{pending}: do.config.cache puts that into use first"
        if self.standing is FallbackState.UNDECLARED:
            yield FALLBACK_UNDECLARED, "remediate.redis.fallback does not allow it without a person"

    def _unusable(self, cache: CacheState) -> Verdict | None:
        if cache.file is None:
            return refuse(FILE_CACHE_UNUSABLE, "config/cache.php has no store that keeps the cache in files")
        if not cache.writable:
            return refuse(FILE_CACHE_UNUSABLE, f"{self.user} may not write where the cache would be")
        if not cache.roomy:
            return refuse(FILE_CACHE_UNUSABLE, "less than 256 MiB are left where the cache would be")
        return None

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        redis, cache = facts[self._redis], facts[self._cache]
        # The note comes first, so that it is known at every moment where the cache was.
        yield self._note(redis.store(Role.CACHE).name)
        yield from self._moving(facts, cache.file or "")
        queue = redis.link(Role.QUEUE)
        if queue is None or queue.trouble is None:
            yield from self._starting(facts)

    def _note(self, store: str) -> Run:
        noted = Run.of("/usr/bin/tee", "--", user=self.user, seconds=10, stdin=f"{store}\n")
        return noted.helped("note-fallback", self._marker)

    @override
    def changes(self) -> tuple[Run, ...]:
        return (self._note(""), *super().changes())

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        redis, cache = after[self._redis], after[self._cache]
        if redis.link(Role.CACHE) is not None or not cache.fallen_back:
            return NotYet(reason=f"the cache is in {redis.store(Role.CACHE).name}")
        if missing := self._taken(before, after):
            return NotYet(reason=missing)
        workers = "".join(f", {probe.label()} {after[probe].describe()}" for probe in self._workers)
        return Proven(evidence=f"the cache is in files instead of {cache.before}{workers}; pages are right")


def _beside(redis: RedisState, used: StoreConnection, role: Role) -> bool:
    """Return whether this role uses the same Redis as the cache, or may use it."""
    link = redis.link(role)
    return link is not None and not link.apart_from(used)
