"""What brings PHP-FPM back."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import ROOT, Run
from remediate.host import Host, PhpName, Vantage
from remediate.probe import Fact, Probe
from remediate.probes.config import ConfigState
from remediate.probes.http import Site
from remediate.probes.php_fpm import PhpFpmConfig, unit_of
from remediate.probes.systemd import SYSTEMCTL, Unit, full_name
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import (
    CONFIG_BROKEN,
    CONFIG_UNCHECKED,
    START_LIMIT_HIT,
    UNIT_MASKED,
    UNIT_MISSING,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
    wait,
)

BAD_GATEWAY = 502


class RestartPhpFpm(Remedy):
    """Bring PHP-FPM back when it is down and its configuration is sound (runbook 4.1, "Restart PHP-FPM").

    Needed when the unit is not running, or runs while nginx still gets no answer from it (502). A restart drops the
    requests it is working on; nothing is restarted that answers.
    """

    kind: Literal["php-fpm.restart"] = "php-fpm.restart"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    through: Site | None = Field(default=None, description="page asked on the host; its 502 means that PHP is gone")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        UNIT_MISSING,
        UNIT_MASKED,
        START_LIMIT_HIT,
        CONFIG_BROKEN,
        CONFIG_UNCHECKED,
    )

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        here = next((site for site in Site.of(host) if site.vantage is Vantage.HOST), None)
        return {"through": here, **({"php": host.settings.php} if host.settings.php else {})}

    @property
    def _unit(self) -> Unit:
        return Unit(name=unit_of(self.php))

    @property
    def _config(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    def title(self) -> str:
        """See Remedy."""
        return unit_of(self.php)

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit, self._config, *((self.through,) if self.through else ()))

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        unit, name = facts[self._unit], self.title()
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}")
        gone = self.through is not None and facts[self.through].status == BAD_GATEWAY
        if unit.healthy and not gone:
            return skip(f"{name} is active")
        if unit.missing:
            return refuse(UNIT_MISSING, f"{name} is not installed on this host")
        if unit.masked:
            return refuse(UNIT_MASKED, f"{name} is masked; unmask it if it should run")
        if unit.result == "start-limit-hit":
            return refuse(START_LIMIT_HIT, f"{name} was started too often and systemd gave up: its log says why")
        config = facts[self._config]
        if config.state is not ConfigState.SOUND:
            code = CONFIG_BROKEN if config.state is ConfigState.BROKEN else CONFIG_UNCHECKED
            return refuse(code, f"{self._config.label()}: {config.describe()}")
        return proceed(f"{name} is {unit.describe()}" + (", but nginx gets no answer from it" if unit.healthy else ""))

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        reset, restart = self.changes()
        if facts[self._unit].result == "start-limit-hit":
            yield reset
        yield restart

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        unit = full_name(unit_of(self.php))
        return (
            Run.of(SYSTEMCTL, "reset-failed", unit, user=ROOT, seconds=10),
            Run.of(SYSTEMCTL, "restart", unit, user=ROOT, seconds=100),
        )
