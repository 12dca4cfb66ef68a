"""What every remedy that starts or restarts a systemd unit has in common."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from remediate.command import ROOT, Run
from remediate.fields import PhpName, UnitName
from remediate.probe import Fact, Probe
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.php_fpm import PhpFpmConfig, unit_of
from remediate.probes.systemd import SYSTEMCTL, Unit, UnitState, full_name
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import (
    CONFIG_BROKEN,
    CONFIG_UNCHECKED,
    START_LIMIT_HIT,
    UNIT_MASKED,
    UNIT_MISSING,
    Verdict,
    refuse,
)

UNIT_REFUSALS = (UNIT_MISSING, UNIT_MASKED, START_LIMIT_HIT)
CONFIG_REFUSALS = (CONFIG_BROKEN, CONFIG_UNCHECKED)


def unstartable(unit: UnitState, name: str) -> Verdict | None:
    """Say why this unit cannot be started, or None."""
    if unit.missing:
        return refuse(UNIT_MISSING, f"{name} is not installed on this host")
    if unit.masked:
        return refuse(UNIT_MASKED, f"{name} is masked; unmask it if it should run")
    return None


def start_limited(unit: UnitState, name: str) -> Verdict | None:
    """Say that systemd gave the unit up, or None.

    Ask this last: it can be overridden, and what is overridden hides every refusal that would have come after it.
    """
    if unit.result != "start-limit-hit":
        return None
    return refuse(START_LIMIT_HIT, f"{name} was started too often and systemd gave up: its log says why")


def unsound(config: ConfigCheck, label: str) -> Verdict | None:
    """Say why a start with this configuration would not end well, or None."""
    if config.state is ConfigState.SOUND:
        return None
    code = CONFIG_BROKEN if config.state is ConfigState.BROKEN else CONFIG_UNCHECKED
    return refuse(code, f"{label}: {config.describe()}")


def restarts(unit: str, *, seconds: float = 100) -> tuple[Run, Run]:
    """Return the commands that forget a start limit and restart a unit.

    The restart may wait for systemd's own stop timeout (90 s by default). Ending the client does not cancel the job.
    """
    name = full_name(unit)
    return (
        Run.of(SYSTEMCTL, "reset-failed", name, user=ROOT, seconds=10),
        Run.of(SYSTEMCTL, "restart", name, user=ROOT, seconds=seconds),
    )


def restarting(state: UnitState, unit: str, *, seconds: float = 100) -> Iterator[Run]:
    """Yield what restarts a unit that is in this state: its start limit is forgotten only where it was hit."""
    reset, restart = restarts(unit, seconds=seconds)
    if state.result == "start-limit-hit":
        yield reset
    yield restart


class RestartService(Remedy):
    """A remedy that restarts one systemd unit; its guard says when."""

    unit: UnitName = Field(description="systemd unit")

    after: ClassVar[tuple[str, ...]] = ("laravel.up",)
    start_seconds: ClassVar[float] = 100
    """How long a restart may take."""

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.unit)

    def title(self) -> str:
        """See Remedy."""
        return self._unit.label()

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        yield from restarting(facts[self._unit], self.unit, seconds=self.start_seconds)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return restarts(self.unit, seconds=self.start_seconds)


class OfPhpFpm(Remedy):
    """A remedy that acts on the PHP-FPM of one PHP."""

    php: PhpName = Field(description="PHP's name, for example php8.3")

    @property
    def _unit(self) -> Unit:
        return Unit(name=unit_of(self.php))

    @property
    def _config(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    def title(self) -> str:
        """See Remedy."""
        return unit_of(self.php)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)
