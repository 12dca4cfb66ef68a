"""The remedy that puts the cache back into Redis."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Step, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.redis import RedisContent
from remediate.probes.stores import Role, Trouble
from remediate.remedies.cache_move import FILE_CACHE_UNUSABLE, MoveCache
from remediate.remedies.configuration import CONFIG_PENDING, ENV_BROKEN
from remediate.remedies.redis import REDIS_LOADING
from remediate.remedies.systemd import CONFIG_REFUSALS

REDIS_STILL_FAILING = RefusalCode(
    name="redis-still-failing",
    meaning="The Redis that the cache would return to is still failing.",
    advice="start that Redis, then run this again",
)


class RestoreCache(MoveCache):
    """Move the cache back to Redis after `do.cache.fallback`, once Redis answers again (runbook 4.3).

    The host remembers where the cache was, no matter how long ago the fallback was and who ran it. Entries that Redis
    kept from before are used again. The reason gives their number; `artisan cache:clear` would delete them.
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

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), self._content)

    @override
    def guard(self, facts: Facts) -> Verdict:
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

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from self._moving(facts, facts[self._cache].before or "")
        yield from self._starting(facts)
        # The note goes last, so that an interrupted run still knows where the cache was.
        yield self._forget

    @property
    def _forget(self) -> Run:
        return Run.of("/usr/bin/rm", "-f", "--", user=self.user, seconds=10).helped("forget-fallback", self._marker)

    @override
    def changes(self) -> tuple[Run, ...]:
        return (*super().changes(), self._forget)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        redis, cache, was = after[self._redis], after[self._cache], before[self._cache].before
        link = redis.link(Role.CACHE)
        if cache.before is not None or cache.now != was or link is None:
            return NotYet(reason=f"the cache is in {cache.now}")
        if link.trouble is not None:
            return NotYet(reason=f"{link.server}: {link.trouble.value}")
        if missing := self._taken(before, after):
            return NotYet(reason=missing)
        return Proven(evidence=f"the cache is in {cache.now} again ({link.place}); pages are right")
