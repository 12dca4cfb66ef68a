"""What brings PHP-FPM back."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import Run
from remediate.host import AbsolutePath, Host, PhpName, UserName
from remediate.probe import Fact, Probe
from remediate.probes.laravel import AppDatabase
from remediate.probes.php_fpm import PhpFpmConfig, Pools, unit_of
from remediate.probes.systemd import Unit
from remediate.remedies.systemd import CONFIG_REFUSALS, UNIT_REFUSALS, restarts, start_limited, unsound, unstartable
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait

DATABASE_CAUSE = RefusalCode(
    name="database-cause",
    meaning="PHP waits for the database: a restart would drop requests and change nothing.",
    overridable=True,
)


class RestartPhpFpm(Remedy):
    """Bring PHP-FPM back when it is down or hung and its configuration is sound (runbook 4.1, "Restart PHP-FPM").

    Needed when the unit is not running, when nobody can connect to a pool, or when a pool does not answer its own
    ping for seconds while clients wait. Not when it is merely slow, and not when what it waits for is the database.
    A restart drops the requests it is working on, so nothing is restarted that answers.
    """

    kind: Literal["php-fpm.restart"] = "php-fpm.restart"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    user: UserName = Field(default="forge", description="user that may connect to the pools")
    path: AbsolutePath | None = Field(default=None, description="directory that holds artisan, to ask its database")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, *CONFIG_REFUSALS, DATABASE_CAUSE)
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        given = {"php": settings.php, "user": settings.app_user, "path": settings.app_path}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _unit(self) -> Unit:
        return Unit(name=unit_of(self.php))

    @property
    def _config(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    @property
    def _pools(self) -> Pools:
        return Pools(php=self.php, user=self.user)

    @property
    def _database(self) -> AppDatabase | None:
        return None if self.path is None else AppDatabase(php=self.php, path=self.path, user=self.user)

    def title(self) -> str:
        """See Remedy."""
        return unit_of(self.php)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit, self._config, self._pools, *((self._database,) if self._database else ()))

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        unit, name = facts[self._unit], self.title()
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}")
        trouble = "" if not unit.healthy else self._trouble(facts)
        if unit.healthy and not trouble:
            return skip(f"{name} is active and answers")
        return (
            unstartable(unit, name)
            or unsound(facts[self._config], self._config.label())
            or self._waits_for_database(facts)
            or start_limited(unit, name)
            or proceed(f"{name} is {unit.describe()}{trouble}")
        )

    def _trouble(self, facts: Facts) -> str:
        pools = facts[self._pools]
        pool = pools.gone or pools.stuck
        return "" if pool is None else f", but its pool {pool.name} is of no use: {pool.describe()}"

    def _waits_for_database(self, facts: Facts) -> Verdict | None:
        if not facts[self._unit].healthy or facts[self._pools].stuck is None or self._database is None:
            return None
        database = facts[self._database]
        if database.trouble is None and not database.waiting:
            return None
        return refuse(DATABASE_CAUSE, f"{self.title()} hangs because the database {database.describe()} (runbook 4.2)")

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        reset, restart = self.changes()
        if facts[self._unit].result == "start-limit-hit":
            yield reset
        yield restart

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return restarts(unit_of(self.php))
