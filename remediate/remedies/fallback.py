"""What keeps the cache in files while its Redis is away, and what goes back."""

from collections.abc import Iterator
from enum import Enum
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from remediate.command import Run
from remediate.fields import ProgramName, UnitName
from remediate.host import Host
from remediate.probe import Fact, Probe
from remediate.probes.cache import MARKER, Cache, CacheCode, CacheState
from remediate.probes.configuration import named
from remediate.probes.descendants import Descendants
from remediate.probes.http import Site
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis, RedisContent, RedisState
from remediate.probes.stores import Link, Role, Trouble
from remediate.probes.supervisor import Workers
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.remedies.application import stated
from remediate.remedies.cache import ClearCache
from remediate.remedies.configuration import CONFIG_PENDING, ENV_BROKEN, OfConfiguration, broken_env
from remediate.remedies.handover import noticed
from remediate.remedies.opcache import Keeper, reload_php_fpm
from remediate.remedies.redis import REDIS_FAILING, REDIS_LOADING, REDIS_SILENT, RedisByHand
from remediate.remedies.systemd import CONFIG_REFUSALS, unsound
from remediate.remedies.workers import missing, renew_workers, renewing, start_program
from remediate.remedy import NotYet, Proven, Step, Verification, unmoved
from remediate.survey import Facts
from remediate.verdict import Decision, RefusalCode, Verdict, proceed, refuse, skip, wait

FILE_CACHE_UNUSABLE = RefusalCode(
    name="file-cache-unusable", meaning="A cache in files would not work here: no key, no room, or no permission."
)
FALLBACK_USELESS = RefusalCode(
    name="fallback-useless",
    meaning="The sessions are in the Redis that fails: with the cache in files the pages would fail as before.",
)
FALLBACK_PARTIAL = RefusalCode(
    name="fallback-partial",
    meaning="Sessions or queue are in the Redis that fails, too, or may be: a person decides about the cache alone.",
)
FALLBACK_UNDECLARED = RefusalCode(
    name="fallback-undeclared",
    meaning="The inventory does not say that the cache may be kept in files while its Redis cannot be mended.",
    overridable=True,
)
LOCKS_IN_CACHE = RefusalCode(
    name="locks-in-cache",
    meaning="The application keeps locks or marks in the cache: in files nothing would know of those that are set now.",
    overridable=True,
)
DIVERGING_CACHES = RefusalCode(
    name="diverging-caches",
    meaning="Several servers run the application: with a cache in files each would have locks and limits of its own.",
    overridable=True,
)
REDIS_STILL_FAILING = RefusalCode(
    name="redis-still-failing", meaning="The Redis that the cache would go back to does not do what is asked of it."
)


def _lasts(verdict: Verdict, link: Link) -> bool:
    """Whether this is refused for what only a person ends: a Redis that is busy or hands over comes back by itself."""
    if verdict.decision is not Decision.REFUSE or verdict.code is REDIS_SILENT:
        return False
    return verdict.code is not REDIS_FAILING or link.trouble in {Trouble.CLIENTS, Trouble.FORBIDDEN}


class Standing(Enum):
    """Who wants the cache in files."""

    ASKED = "a person asks for it"
    ALLOWED = "the inventory allows it"
    UNDECLARED = "nobody has said so"


_OWN = "cache."
"""Where the configuration says what is changed here."""


class _MoveCache(OfConfiguration):
    """Whatever moves the cache between Redis and files: .env, the cached configuration, PHP-FPM and workers."""

    program: ProgramName | None = Field(default=None, description="supervisor group or program of the queue workers")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds a worker may take to finish its job")
    pages: tuple[Site, ...] = Field(default=(), description="pages that have to be right afterwards")
    settle: float = Field(default=40, ge=0, le=600, description="seconds the effect may take to show")

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        pages = tuple(each for each in noticed(host) if isinstance(each, Site))
        return {**super().defaults(host), **stated(program=host.settings.worker_program, pages=pages)}

    @property
    def _redis(self) -> AppRedis:
        return AppRedis(php=self.php, path=self.path, user=self.user)

    @property
    def _cache(self) -> Cache:
        return Cache(php=self.php, path=self.path, user=self.user)

    @property
    def _processes(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=self.unit)

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.php, self.path, self.user)

    @property
    def _fpm(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    @property
    def _workers(self) -> tuple[Workers, ...]:
        return () if self.program is None else (Workers(program=self.program),)

    @property
    def _marker(self) -> str:
        return f"{self.path}/{MARKER}"

    def title(self) -> str:
        """See Remedy."""
        return "cache"

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (
            *(self._redis, self._cache, self._env, self._configuration, self._processes, self._fpm),
            *(*self._keeper.probes(), *self._workers, *self.pages),
        )

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._env, self._cached)

    def steady(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._redis, self._cache)

    def _shut_out(self, facts: Facts, cache: CacheState) -> Verdict | None:
        """Say why the configuration cannot be changed, or why that would have no effect; None when it can."""
        state = facts[self._configuration]
        for needed in (*self.identity(), self._processes, *self._workers):
            facts[needed]  # without them nobody could tell what to change, or afterwards that it was
        if refusal := broken_env(state):
            return refusal
        if cache.key is None:
            return refuse(FILE_CACHE_UNUSABLE, "no key of .env decides where the cache is: config/cache.php does")
        if cache.key in state.external:
            return refuse(FILE_CACHE_UNUSABLE, f"{cache.key} is given to a pool or a worker from outside .env")
        # A reload with a broken pool file ends PHP-FPM.
        return unsound(facts[self._fpm], self._fpm.label()) if facts[self._keeper.opcache].keeps else None

    def _pending(self, facts: Facts) -> str:
        """Say which other edits of .env would be put into use along with it; nothing when none would."""
        differs = facts[self._configuration].differs
        others = tuple(key for key in differs if not key.startswith(_OWN))
        return f"the cached configuration differs from .env: {named(others)}" if others else ""

    def _moving(self, facts: Facts, store: str) -> Iterator[Step]:
        """Yield what makes everything use this store: workers by signal, since `queue:restart` is left in the cache."""
        key = facts[self._cache].key or ""
        yield edit_env(self.php, self.path, self.user, key, SecretStr(store), seen=facts[self._env].mark)
        if facts[self._configuration].cached:
            yield cache_config(self.php, self.path, self.user)
            if facts[self._keeper.opcache].keeps:
                yield reload_php_fpm(self.php)
        yield from renew_workers(facts[self._processes].workers(self.path), self.user, None, self.patience)

    def _starting(self, facts: Facts) -> Iterator[Step]:
        # Those that died of it are given up by supervisor; those that run are left as they are. Every process of the
        # group is started by one command: not where somebody has stopped one of them.
        if self.program is not None and not any(facts[each].parked for each in self._workers):
            yield start_program(self.program)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        edit = edit_env(self.php, self.path, self.user, "", SecretStr(""), seen="")
        taken = (cache_config(self.php, self.path, self.user), reload_php_fpm(self.php))
        return (edit, *taken, *renewing(self.user, self.program, self.patience))

    def _taken(self, before: Facts, after: Facts) -> str | None:
        """Say what does not use the new store yet, None when everything does."""
        if all(unmoved(before, after, probe) for probe in self.identity()):
            return "neither .env nor the cached configuration has changed"
        was = before[self._configuration].differs
        differs = after[self._configuration].differs
        if left := tuple(key for key in differs if key.startswith(_OWN) or key not in was):
            return f"the cached configuration differs from .env: {named(left)}"
        if older := self._keeper.older(after):
            return older
        if stale := after[self._processes].stale_workers(self.path):
            return f"{len(stale)} workers still have the configuration they were started with"
        queue = after[self._redis].link(Role.QUEUE)
        lives = queue is None or queue.trouble is None
        down = [probe for probe in self._workers if lives and missing(after[probe], before[probe].parked)]
        wrong = [*down, *(page for page in self.pages if after[page].ok is not True)]
        return f"{wrong[0].label()} {after[wrong[0]].describe()}" if wrong else None


class UseFileCache(_MoveCache):
    """Keep the cache in files while its Redis is away (runbook 4.3, "Fallback to file cache temporarily").

    A decision: a playbook takes it only where the inventory says so (`redis.fallback`), nothing else mends that Redis
    and nothing but the cache is in it; elsewhere it says what speaks against it. The key of .env that has an effect
    here is set (CACHE_STORE or CACHE_DRIVER: tried, not guessed from the version), the configuration cache rebuilt
    beside the one in use, and the workers are asked by signal, because `queue:restart` travels through the cache that
    is dead. Refused where
    the sessions are in the same Redis, since then the pages would fail as before; where only the queue is, its jobs
    go on waiting, and that is said. On several servers each would have a cache of its own: locks, limits and
    `queue:restart` would no longer reach the others. Where the code takes locks in the cache or marks there what it
    has done, those are lost. Every run reminds of it until `do.cache.restore`.
    """

    kind: Literal["cache.fallback"] = "cache.fallback"
    servers: int | None = Field(
        default=None, ge=1, description="how many servers run this application; unknown counts as several"
    )
    standing: Standing = Field(default=Standing.ASKED, description="who wants it")
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
    # Where another incident's cause is seen, a cache in files would not bring the pages back.
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "incident.hand-over")

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        return {**super().defaults(host), "servers": host.settings.app_servers}

    @classmethod
    def as_declared(cls, host: Host, *instead: RedisByHand | ClearCache) -> "UseFileCache":
        """Return it for a playbook, in the place of remedies that are refused. Raises ConfigurationError."""
        redis = host.settings.redis
        allowed = redis is not None and redis.fallback
        standing = Standing.ALLOWED if allowed else Standing.UNDECLARED
        return cls.on(host, standing=standing, instead=instead)

    @property
    def _code(self) -> CacheCode:
        return CacheCode(php=self.php, path=self.path, user=self.user)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        others = (probe for remedy in self.instead for probe in remedy.probes())
        return tuple(dict.fromkeys((*super().probes(), self._code, *others)))

    def steady(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (*super().steady(), self._code)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        redis, cache = facts[self._redis], facts[self._cache]
        used = redis.link(Role.CACHE)
        if used is None:
            return skip(f"the cache is in {redis.store(Role.CACHE).name}, not in Redis")
        if used.trouble is None:
            return skip(f"{used.server} does what the application asks of it")
        if self.instead and not any(_lasts(each.guard(facts), used) for each in self.instead):
            return skip(f"{used.server} is for another remedy to mend, or may come back by itself")
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

    def _against(self, facts: Facts, redis: RedisState, used: Link) -> Iterator[tuple[RefusalCode, str]]:
        """Yield everything else that speaks against it; a person may override the first, so all of it is said."""
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
        if self.standing is Standing.UNDECLARED:
            yield FALLBACK_UNDECLARED, "remediate.redis.fallback does not allow it without a person"

    def _unusable(self, cache: CacheState) -> Verdict | None:
        if cache.file is None:
            return refuse(FILE_CACHE_UNUSABLE, "config/cache.php has no store that keeps the cache in files")
        if not cache.writable:
            return refuse(FILE_CACHE_UNUSABLE, f"{self.user} may not write where the cache would be")
        if not cache.roomy:
            return refuse(FILE_CACHE_UNUSABLE, "less than 256 MiB are left where the cache would be")
        return None

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        redis, cache = facts[self._redis], facts[self._cache]
        # First, so that there is no moment in which nobody knows where it was.
        yield self._note(redis.store(Role.CACHE).name)
        yield from self._moving(facts, cache.file or "")
        queue = redis.link(Role.QUEUE)
        if queue is None or queue.trouble is None:
            yield from self._starting(facts)

    def _note(self, store: str) -> Run:
        noted = Run.of("/usr/bin/tee", "--", user=self.user, seconds=10, stdin=f"{store}\n")
        return noted.helped("note-fallback", self._marker)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return (self._note(""), *super().changes())

    def verify(self, before: Facts, after: Facts) -> Verification:
        """See Remedy."""
        redis, cache = after[self._redis], after[self._cache]
        if redis.link(Role.CACHE) is not None or not cache.fallen_back:
            return NotYet(reason=f"the cache is in {redis.store(Role.CACHE).name}")
        if missing := self._taken(before, after):
            return NotYet(reason=missing)
        workers = "".join(f", {probe.label()} {after[probe].describe()}" for probe in self._workers)
        return Proven(evidence=f"the cache is in files instead of {cache.before}{workers}; pages are right")


def _beside(redis: RedisState, used: Link, role: Role) -> bool:
    """Whether this is in the same Redis as the cache, or may be."""
    link = redis.link(role)
    return link is not None and not link.apart_from(used)


class RestoreCache(_MoveCache):
    """Put the cache back where it was before `do.cache.fallback`, once its Redis answers again (runbook 4.3).

    Where it was is remembered on the host, however long ago that was and whoever did it. What Redis kept from before
    is in use again afterwards, as it was then; that is said, and `artisan cache:clear` would drop it.
    """

    kind: Literal["cache.restore"] = "cache.restore"

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        ENV_BROKEN,
        *CONFIG_REFUSALS,
        FILE_CACHE_UNUSABLE,
        REDIS_STILL_FAILING,
        REDIS_LOADING,
        CONFIG_PENDING,
    )

    @property
    def _content(self) -> RedisContent:
        return RedisContent(php=self.php, path=self.path, user=self.user)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (*super().probes(), self._content)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        redis, cache = facts[self._redis], facts[self._cache]
        if not cache.fallen_back:
            return skip(f"the cache is in {cache.now}: no fallback is to be ended")
        link = redis.to(cache.connection)
        if link is None:
            return refuse(FILE_CACHE_UNUSABLE, f"{cache.before} is no store in Redis any more")
        if link.trouble is Trouble.LOADING:
            return wait(f"{link.server} is loading its data", REDIS_LOADING)
        if link.trouble is not None:
            return refuse(REDIS_STILL_FAILING, f"{link.server}: {link.trouble.value}")
        if refusal := self._shut_out(facts, cache):
            return refusal
        if pending := self._pending(facts):
            return refuse(CONFIG_PENDING, f"{pending}: do.config.cache puts that into use first")
        content = facts[self._content].of(link.connection)
        kept = f"; {content.keys} keys in {link.place} are from before" if content is not None and content.keys else ""
        return proceed(f"{link.server} answers: {cache.key} from {cache.now} back to {cache.before}{kept}")

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        yield from self._moving(facts, facts[self._cache].before or "")
        yield from self._starting(facts)
        # Last: until then it is still known where it was.
        yield self._forget

    @property
    def _forget(self) -> Run:
        return Run.of("/usr/bin/rm", "-f", "--", user=self.user, seconds=10).helped("forget-fallback", self._marker)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return (*super().changes(), self._forget)

    def verify(self, before: Facts, after: Facts) -> Verification:
        """See Remedy."""
        redis, cache, was = after[self._redis], after[self._cache], before[self._cache].before
        link = redis.link(Role.CACHE)
        if cache.before is not None or cache.now != was or link is None:
            return NotYet(reason=f"the cache is in {cache.now}")
        if link.trouble is not None:
            return NotYet(reason=f"{link.server}: {link.trouble.value}")
        if missing := self._taken(before, after):
            return NotYet(reason=missing)
        return Proven(evidence=f"the cache is in {cache.now} again ({link.place}); pages are right")
