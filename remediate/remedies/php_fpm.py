"""The remedy that restarts PHP-FPM."""

from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.laravel import AppDatabase
from remediate.probes.php_fpm import Pools, PoolState, unit_of
from remediate.remedies.application import stated
from remediate.remedies.systemd import CONFIG_REFUSALS, UNIT_REFUSALS, OfPhpFpm, RestartService, unsound

POOL_BUSY = RefusalCode(
    name="pool-busy",
    meaning="Every child of the pool is busy: a restart would drop requests, and the load would return.",
    advice="find out what it is busy with; to restart it anyway, add --override pool-busy='why'",
    overridable=True,
)
DATABASE_CAUSE = RefusalCode(
    name="database-cause",
    meaning="PHP waits for the database: a restart would drop requests and change nothing.",
    overridable=True,
)


_ANSWERED: Final = range(400, 501)
"""Statuses that nginx gives only when it did not need PHP, or got PHP's answer: otherwise they are 502 to 504."""


class RestartPhpFpm(OfPhpFpm, RestartService):
    """Restart PHP-FPM when it is down or hung and its configuration is sound (runbook 4.1, "Restart PHP-FPM").

    Needed when the unit does not run. Also needed when pages fail, and either nobody can connect to a pool or a pool
    accepts nobody for seconds while its children are idle. Refused when the pool is busy or waits for the database. A
    restart drops the requests in progress, so PHP-FPM is left alone while its pages are right, or wrong with an answer
    (404, 500): those of a hung pool have none. Another site's pool may hang without being the cause.
    """

    kind: Literal["php-fpm.restart"] = "php-fpm.restart"
    user: UserName = Field(default="forge", description="user that may connect to the pools")
    path: AbsolutePath | None = Field(default=None, description="directory that holds artisan, to ask its database")
    pages: tuple[Site, ...] = Field(default=(), description="pages that it serves: while they are answered it is left")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, *CONFIG_REFUSALS, DATABASE_CAUSE, POOL_BUSY)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        pages = (*Site.of(host), *(Site.of(host, settings.health_path) if settings.health_path else ()))
        return stated(php=settings.php, user=settings.app_user, path=settings.app_path, pages=pages)

    @property
    @override
    def service(self) -> str:
        return unit_of(self.php)

    @property
    def _pools(self) -> Pools:
        return Pools(php=self.php, user=self.user)

    @property
    def _database(self) -> AppDatabase | None:
        return None if self.path is None else AppDatabase(php=self.php, path=self.path, user=self.user)

    @override
    def checks(self) -> tuple[Probe[Fact], ...]:
        return (self._config,)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), self._pools, *((self._database,) if self._database else ()), *self.pages)

    @override
    def running(self, facts: Facts) -> Verdict | None:
        return None if self._useless(facts) else skip(f"{self.title()} is active and answers")

    @override
    def obstacle(self, facts: Facts) -> Verdict | None:
        trouble = self._useless(facts)
        return (
            unsound(facts[self._config], self._config.label())
            or self._waits_for_database(facts, trouble)
            or self._works(trouble)
        )

    @override
    def remark(self, facts: Facts) -> str:
        trouble = self._useless(facts)
        return "" if trouble is None else f", but its pool {trouble.name} is of no use: {trouble.describe()}"

    def _serves(self, facts: Facts) -> bool:
        """Return whether all of its pages are answered. Then it works, even if something else looks odd."""
        try:
            answers = [facts[page] for page in self.pages]
        except Unreadable:
            return False
        return bool(answers) and all(each.ok is True or each.status in _ANSWERED for each in answers)

    def _useless(self, facts: Facts) -> PoolState | None:
        """Return the pool that fails although the unit runs, else None. Raises Unreadable.

        None also while all pages are answered.
        """
        if not facts[self._unit].healthy or self._serves(facts):
            return None
        pools = facts[self._pools]
        if pools.ok is None:
            raise Unreadable(f"{self._pools.label()}: {pools.describe()}")
        return pools.gone or pools.stuck or pools.busy

    def _works(self, trouble: PoolState | None) -> Verdict | None:
        if trouble is None or not trouble.busy:
            return None
        return refuse(POOL_BUSY, f"{self.title()} is busy: its pool {trouble.name} {trouble.describe()}")

    def _waits_for_database(self, facts: Facts, trouble: PoolState | None) -> Verdict | None:
        if trouble is None or trouble.gone or self._database is None:
            return None
        database = facts[self._database]
        if not database.delays:
            return None
        return refuse(DATABASE_CAUSE, f"{self.title()} waits for its database ({database.describe()}), see runbook 4.2")
