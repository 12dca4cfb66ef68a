"""The common part of moving the cache between Redis and files."""

from collections.abc import Iterator

from pydantic import Field, SecretStr
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import ProgramName, UnitName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Step, unmoved
from remediate.core.verdict import RefusalCode, Verdict, refuse
from remediate.probes.cache import MARKER, Cache, CacheState
from remediate.probes.configuration import named
from remediate.probes.descendants import Descendants
from remediate.probes.http import Site
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis
from remediate.probes.stores import Role
from remediate.probes.supervisor import Workers
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.remedies.application import stated
from remediate.remedies.configuration import OfConfiguration, broken_env
from remediate.remedies.handover import noticed
from remediate.remedies.opcache import Keeper, reload_php_fpm
from remediate.remedies.systemd import unsound
from remediate.remedies.workers import missing, renew_workers, renewing, start_program

FILE_CACHE_UNUSABLE = RefusalCode(
    name="file-cache-unusable",
    meaning="A cache in files would not work here: no key, no disk space, or no permission.",
    advice="give the application the missing key, space or permission, then run this again",
)


_OWN = "cache."
"""Prefix of the configuration keys that the move itself changes."""


class MoveCache(OfConfiguration):
    """A base for remedies that move the cache between Redis and files.

    They change .env, the cached configuration, PHP-FPM and the workers.
    """

    subject = "cache"
    program: ProgramName | None = Field(default=None, description="supervisor group or program of the queue workers")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds a worker may take to finish its job")
    pages: tuple[Site, ...] = Field(default=(), description="pages that have to be right afterwards")
    settle: float = Field(default=40, ge=0, le=600, description="seconds the effect may take to show")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
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

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (
            *(self._redis, self._cache, self._env, self._configuration, self._processes, self._fpm),
            *(*self._keeper.probes(), *self._workers, *self.pages),
        )

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._env, self._cached)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._redis, self._cache)

    def _shut_out(self, facts: Facts, cache: CacheState) -> Verdict | None:
        """Refuse a change of the configuration that is impossible or would have no effect."""
        state = facts[self._configuration]
        for needed in (*self.identity(), self._processes, *self._workers):
            facts[needed]  # raises Unreadable: without it the change could not be planned or verified
        if refusal := broken_env(state):
            return refusal
        if cache.key is None:
            return refuse(FILE_CACHE_UNUSABLE, "no key of .env decides where the cache is: config/cache.php does")
        if cache.key in state.external:
            return refuse(FILE_CACHE_UNUSABLE, f"{cache.key} is given to a pool or a worker from outside .env")
        # A reload with a broken pool file ends PHP-FPM.
        return unsound(facts[self._fpm], self._fpm.label()) if facts[self._keeper.opcache].keeps else None

    def _pending(self, facts: Facts) -> str:
        """Return which other edits of .env would take effect too; empty when there are none."""
        differs = facts[self._configuration].differs
        others = tuple(key for key in differs if not key.startswith(_OWN))
        return f"the cached configuration differs from .env: {named(others)}" if others else ""

    def _moving(self, facts: Facts, store: str) -> Iterator[Step]:
        """Yield the steps that make everything use this store.

        Workers are asked by signal, because `queue:restart` leaves its note in the cache.
        """
        key = facts[self._cache].key or ""
        yield edit_env(self.php, self.path, self.user, key, SecretStr(store), seen=facts[self._env].mark)
        if facts[self._configuration].cached:
            yield cache_config(self.php, self.path, self.user)
            if facts[self._keeper.opcache].keeps:
                yield reload_php_fpm(self.php)
        yield from renew_workers(facts[self._processes].workers(self.path), self.user, None, self.patience)

    def _starting(self, facts: Facts) -> Iterator[Step]:
        # Supervisor gave up on the workers that died of the failure; running ones are left alone. One command starts
        # the whole group, so it is not used when a person has stopped one of its processes.
        if self.program is not None and not any(facts[each].parked for each in self._workers):
            yield start_program(self.program)

    @override
    def changes(self) -> tuple[Run, ...]:
        edit = edit_env(self.php, self.path, self.user, "", SecretStr(""), seen="")
        taken = (cache_config(self.php, self.path, self.user), reload_php_fpm(self.php))
        return (edit, *taken, *renewing(self.user, self.program, self.patience))

    def _taken(self, before: Facts, after: Facts) -> str | None:
        """Return what does not use the new store yet; None when everything does."""
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
