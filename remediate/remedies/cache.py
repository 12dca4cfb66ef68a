"""The remedy that empties the cache to free memory."""

from typing import ClassVar, Literal

from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Verification, unmoved
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip
from remediate.probes.redis import AppRedis, ContentState, RedisContent, RedisState
from remediate.probes.stores import Content, Role, StoreConnection, Trouble
from remediate.programs.run import run_artisan
from remediate.remedies.application import OfApplication

SHARED_STORE = RefusalCode(
    name="shared-store",
    meaning="The cache's Redis database holds more than the cache: clearing it would lose other data too.",
    advice="give the cache a separate database, or raise maxmemory",
)
MEMORY_ELSEWHERE = RefusalCode(
    name="memory-elsewhere",
    meaning="Redis is out of memory, and the cache is not what fills it.",
    advice="find out what fills it (sessions, queue), or raise maxmemory",
)


class ClearCache(OfApplication):
    """Empty the cache when a full memory makes Redis refuse writes (runbook 4.3, "Clear caches").

    Runs `artisan cache:clear`, which empties the whole Redis database of the cache. The command prints "cleared" and
    exits with 0 even when it failed. Refused while sessions or the queue use the same database; servers and databases
    are compared as they resolve. Also refused unless every key of that database belongs to the cache. Proven when
    writes are accepted again and no other database became empty.
    """

    kind: Literal["cache.clear"] = "cache.clear"
    subject = "cache"

    refusals: ClassVar[tuple[RefusalCode, ...]] = (SHARED_STORE, MEMORY_ELSEWHERE)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "redis.restart", "config.cache")

    @property
    def _app(self) -> AppRedis:
        return AppRedis(php=self.php, path=self.path, user=self.user)

    @property
    def _content(self) -> RedisContent:
        return RedisContent(php=self.php, path=self.path, user=self.user)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._app, self._content)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._app,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        redis = facts[self._app]
        full = [link for link in redis.used if link.trouble is Trouble.MEMORY]
        if not full:
            return skip("no Redis is out of memory")
        cache = redis.link(Role.CACHE)
        if cache is None or cache not in full:
            return refuse(MEMORY_ELSEWHERE, f"{full[0].place} is out of memory, and the cache is not there")
        return self._others(redis, cache) or self._keys(cache, facts[self._content].of(cache.connection))

    def _others(self, redis: RedisState, cache: StoreConnection) -> Verdict | None:
        roles = [role.value for role in redis.sharing(cache) if role is not Role.CACHE]
        if not roles:
            return None
        who = " and ".join(roles)
        return refuse(SHARED_STORE, f"the cache is in {cache.place}, and so are {who}: clearing it would lose them")

    def _keys(self, cache: StoreConnection, content: Content | None) -> Verdict:
        if content is None or content.scan is None:
            return refuse(SHARED_STORE, f"the owner of the keys in {cache.place} is unknown")
        scan = content.scan
        if scan.foreign:
            others = f"{scan.foreign} of {scan.seen} keys in {cache.place} are not the cache's"
            return refuse(SHARED_STORE, f"{others}: clearing it would lose them")
        if not scan.whole:
            return refuse(SHARED_STORE, f"{cache.place}: only {scan.seen} of {content.keys} keys could be looked at")
        if not scan.seen:
            return refuse(MEMORY_ELSEWHERE, f"{cache.server} is out of memory, and the cache in it is empty")
        return proceed(f"{cache.server} is out of memory; the cache is alone in its database, with {scan.seen} keys")

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require that writes are accepted again and that no other database became empty."""
        was, now = before[self._app], after[self._app]
        contents = before[self._content], after[self._content]
        cache = now.link(Role.CACHE)
        if cache is None or was.link(Role.CACHE) is None:
            return Failed(reason="the cache is not in Redis any more")
        lost = [link.place for link in was.used if link.connection != cache.connection and _emptied(link, *contents)]
        if lost:
            return Failed(reason=f"{lost[0]} is empty now")
        if cache.trouble is not None or unmoved(before, after, self._app):
            return NotYet(reason=now.describe())
        keys = [content.keys if content else 0 for content in (each.of(cache.connection) for each in contents)]
        others = [each for each in contents[1].contents if each.connection != cache.connection]
        kept = "".join(f"; {each.connection} {each.keys} keys, {each.jobs} jobs" for each in others)
        return Proven(evidence=f"writes are accepted again: cache {keys[0]} → {keys[1]} keys{kept}")

    @override
    def changes(self) -> tuple[Run, ...]:
        return (run_artisan(self.php, self.path, "cache:clear", user=self.user, seconds=60),)


def _emptied(link: StoreConnection, before: ContentState, after: ContentState) -> bool:
    was, now = before.of(link.connection), after.of(link.connection)
    return was is not None and was.keys > 0 and now is not None and now.keys == 0
