"""The remedies that make an application use its files' configuration."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field, SecretStr
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import EnvKey, ProgramName, UnitName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Step, Verification, unmoved
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip
from remediate.probes.configuration import (
    CachedConfig,
    Configuration,
    ConfigurationState,
    EnvFile,
    EnvState,
    EnvValue,
    named,
)
from remediate.probes.descendants import Descendants
from remediate.probes.http import Site
from remediate.probes.laravel import AppDatabase
from remediate.probes.opcache import Opcache
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis
from remediate.probes.supervisor import Workers
from remediate.probes.webhook import Webhook
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.remedies.application import OfApplication
from remediate.remedies.opcache import Keeper, reload_php_fpm
from remediate.remedies.systemd import CONFIG_REFUSALS, unsound
from remediate.remedies.workers import missing, renew_workers, renewing

ENV_BROKEN = RefusalCode(
    name="env-broken",
    meaning="The application cannot start with its present .env and config files: rebuilding the cache would stop it.",
    advice="fix .env, then run this again",
)
CONFIG_PENDING = RefusalCode(
    name="config-pending",
    meaning="The cached configuration differs from .env: other edits would take effect along with this one.",
    advice="check the other changes in .env; if they may take effect, add --override config-pending='why'",
    overridable=True,
)
ENV_OVERRIDDEN = RefusalCode(
    name="env-overridden",
    meaning="A pool or a worker gets this key from outside .env, so its value in .env has no effect there.",
    advice="change it at its source outside .env, then run this again",
    overridable=True,
)


def broken_env(state: ConfigurationState) -> Verdict | None:
    """Refuse when the configuration cannot be built from the present files, else None."""
    return None if state.sound else refuse(ENV_BROKEN, state.message)


class OfConfiguration(OfApplication):
    """A base for remedies that change which configuration an application uses."""

    user: UserName = Field(default="forge", description="user the application runs as: the files must stay its own")

    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @property
    def _configuration(self) -> Configuration:
        return Configuration(php=self.php, path=self.path, user=self.user)

    @property
    def _env(self) -> EnvFile:
        return EnvFile(path=self.path, user=self.user)

    @property
    def _cached(self) -> CachedConfig:
        return CachedConfig(path=self.path, user=self.user)


class CacheConfig(OfConfiguration):
    """Rebuild the cached configuration when it differs from .env (runbook 4.2, 4.4: `config:cache`).

    The new cache is built next to the one in use, checked, and renamed into its place. `config:clear && config:cache`
    leaves the application without a cache meanwhile, and permanently when .env cannot be parsed. Workers keep the
    configuration they were started with until `worker.restart`. PHP-FPM needs `php-fpm.reload` only where opcache never
    checks files again.
    """

    kind: Literal["config.cache"] = "config.cache"
    subject = "the cached configuration"
    about: tuple[str, ...] = Field(
        default=(), description="only when a key below one of these differs, for example database.connections"
    )
    failing: tuple[Site | AppDatabase | AppRedis | Webhook, ...] = Field(
        default=(), description="only while one of these is not well: an edit of .env may not be meant for now"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (ENV_BROKEN,)
    # The values in .env may be rejected too; a rebuild would only replace one wrong configuration with another.
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "database.access", "redis.restart", "redis.by-hand")

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._configuration, self._env, self._cached, *self.failing)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._cached,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._env,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self._configuration]
        # Without an .env at all its values come from elsewhere; with one that cannot be read, from nowhere.
        if not state.cached and state.env is not EnvState.BROKEN:
            return skip("the configuration is not cached: .env is read at every start")
        if self.failing and all(facts[each].ok is True for each in self.failing):
            return skip("nothing that depends on the configuration fails")
        if refusal := broken_env(state):
            return refusal
        if not (keys := state.about(self.about)):
            return skip(
                f"the cached configuration is what .env gives{f' for {named(self.about)}' if self.about else ''}"
            )
        # These raise Unreadable: without both files the rebuild could not be verified.
        facts[self._cached], facts[self._env]
        others = tuple(key for key in state.differs if key not in keys)
        with_it = f"; put into use along with it: {named(others, 20)}" if others else ""
        return proceed(f"the cached configuration differs from .env: {named(keys)}{with_it}")

    @override
    def changes(self) -> tuple[Run, ...]:
        return (cache_config(self.php, self.path, self.user),)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        if left := after[self._configuration].about(self.about):
            return NotYet(reason=f"the cached configuration still differs from .env: {named(left)}")
        return super().verify(before, after)


class SetEnv(OfConfiguration):
    """Set one key of .env and make everything use it (runbook 4.4, "Update STRIPE_WEBHOOK_SECRET in .env").

    The file is replaced in one step. Owner, mode, ACL, a symbolic link and every other byte stay the same. The old file
    is kept next to it as .env.remediate-*, up to five of them. A cached configuration is rebuilt next to the one in
    use. Queue workers are asked to finish and are started again. The value comes from standard input or a reference,
    never from an argument. It may be any text that the application's own parser can read back.
    """

    kind: Literal["env.set"] = "env.set"
    key: EnvKey = Field(description="key of .env, for example STRIPE_WEBHOOK_SECRET")
    value: SecretStr = Field(description="value: stdin, env:NAME, file:PATH or cmd:COMMAND")
    program: ProgramName | None = Field(default=None, description="supervisor group or program of the queue workers")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds a worker may take to finish its job")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (ENV_BROKEN, *CONFIG_REFUSALS, ENV_OVERRIDDEN, CONFIG_PENDING)
    stand_ins: ClassVar[Mapping[str, object]] = {"key": "KEY", "value": "value"}

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {**super().defaults(host), "program": host.settings.worker_program}

    @property
    def _value(self) -> EnvValue:
        return EnvValue(php=self.php, path=self.path, user=self.user, key=self.key, value=self.value)

    @property
    def _workers(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=self.unit)

    @property
    def _supervised(self) -> tuple[Workers, ...]:
        return () if self.program is None else (Workers(program=self.program),)

    @property
    def _opcache(self) -> Opcache:
        return Opcache(php=self.php)

    @property
    def _fpm(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.php, self.path, self.user)

    @override
    def title(self) -> str:
        return self.key

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (
            *(self._configuration, self._env, self._value),
            *(self._workers, self._fpm, *self._keeper.probes(), *self._supervised),
        )

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._env,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state, value, workers = facts[self._configuration], facts[self._value], facts[self._workers]
        for needed in (self._env, self._cached, *self._supervised):
            facts[needed]  # raises Unreadable: without it the change could not be planned or verified
        if refusal := broken_env(state):
            return refusal
        if value.state == "broken":
            return refuse(ENV_BROKEN, f"{self.path}/.env cannot be parsed")
        outside, stale = self.key in state.external, workers.stale_workers(self.path)
        older = self._keeper.older(facts)
        if value.state == "same" and not state.differs and not stale and not older:
            given = ", though a pool or a worker is given another value from outside .env" if outside else ""
            return skip(f"{self.key} is what it should be{given}")
        # A reload with a broken pool file ends PHP-FPM.
        if facts[self._opcache].keeps and (refusal := unsound(facts[self._fpm], self._fpm.label())):
            return refusal
        pending = f"the cached configuration differs from .env: {named(state.differs)}" if state.differs else ""
        if outside:
            why = f"{self.key} is given to a pool or a worker from outside .env"
            return refuse(ENV_OVERRIDDEN, f"{why}; {pending}" if pending else why)
        if pending:
            return refuse(CONFIG_PENDING, f"{pending}: do.config.cache puts that into use first")
        if value.state == "same":
            who = older or f"{len(stale)} workers are older than the configuration"
            return proceed(f"{self.key} is what it should be, but {who}")
        return proceed(f"{self.key} {value.describe()}")

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        state, edited = facts[self._configuration], facts[self._value].state != "same"
        if edited:
            yield edit_env(self.php, self.path, self.user, self.key, self.value, seen=facts[self._env].mark)
        rebuilt = state.cached and (edited or bool(state.differs))
        if rebuilt:
            yield cache_config(self.php, self.path, self.user)
        if (rebuilt and facts[self._opcache].keeps) or self._keeper.older(facts):
            yield reload_php_fpm(self.php)
        # An edit makes every worker stale, also those that are not stale yet.
        workers = facts[self._workers]
        renewed = workers.workers(self.path) if edited or state.differs else workers.stale_workers(self.path)
        parked = any(facts[each].parked for each in self._supervised)
        yield from renew_workers(renewed, self.user, None if parked else self.program, self.patience)

    @override
    def changes(self) -> tuple[Run, ...]:
        edit = edit_env(self.php, self.path, self.user, self.key, SecretStr(""), seen="")
        taken = (cache_config(self.php, self.path, self.user), reload_php_fpm(self.php))
        return (edit, *taken, *renewing(self.user, self.program, self.patience))

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        """Judge the effect of this key only; differences that existed before may stay."""
        state, was = after[self._configuration], before[self._configuration]
        value, edited = after[self._value], before[self._value].state != "same"
        if not state.sound:
            return NotYet(reason=state.message)
        if value.state != "same":
            return NotYet(reason=f"{self.key} {value.describe()}")
        if edited and unmoved(before, after, self._env):
            return NotYet(reason=f"{self.path}/.env is as it was before")
        if state.cached and (edited or was.differs) and unmoved(before, after, self._cached):
            return NotYet(reason="the cached configuration is as it was before")
        if new := tuple(key for key in state.differs if key not in was.differs):
            return NotYet(reason=f"the cached configuration differs from .env: {named(new)}")
        if stale := after[self._workers].stale_workers(self.path):
            return NotYet(reason=f"{len(stale)} workers still have the configuration they were started with")
        if older := self._keeper.older(after):
            return NotYet(reason=older)
        if lost := next(self._unproven(before, after), None):
            return NotYet(reason=lost)
        return Proven(evidence=f"{self.key} is what it should be, and nothing works with another value")

    def _unproven(self, before: Facts, after: Facts) -> Iterator[str]:
        """Yield why supervised workers do not prove that they work with the new value."""
        seen = after[self._workers].workers(self.path)
        for each in self._supervised:
            rested = [process for process in before[each].processes if process.state != "RUNNING"]
            if before[each].processes and missing(after[each], rested):
                yield f"{each.label()} is {after[each].describe()}"
            if not seen and any(process.state == "RUNNING" for process in after[each].processes):
                restart = f"`sudo supervisorctl restart {each.program}:*`"
                yield f"none of the processes of {each.label()} is known as a worker: {restart} renews them"
