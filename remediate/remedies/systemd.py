"""The common shape of remedies that start or restart a systemd unit."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import PhpName
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step, unmoved
from remediate.core.verdict import (
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
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.network import PortOwner
from remediate.probes.php_fpm import PhpFpmConfig, unit_of
from remediate.probes.systemd import SYSTEMCTL, Unit, UnitState, full_name

StartVerb = Literal["restart", "start"]

PORT_TAKEN = RefusalCode(
    name="port-taken",
    meaning="Another program listens on a port that is needed here.",
    advice="find out why that program has the port, end it, then run this again",
)

UNIT_REFUSALS = (UNIT_MISSING, UNIT_MASKED, START_LIMIT_HIT)
CONFIG_REFUSALS = (CONFIG_BROKEN, CONFIG_UNCHECKED)


def unstartable(unit: UnitState, name: str) -> Verdict | None:
    """Refuse a unit that cannot be started, else None."""
    if unit.missing:
        return refuse(UNIT_MISSING, f"{name} is not installed on this host")
    if unit.masked:
        return refuse(UNIT_MASKED, f"{name} is masked; unmask it if it should run")
    return None


def start_limited(unit: UnitState, name: str) -> Verdict | None:
    """Refuse a unit that systemd gave up on, else None.

    Ask this last. It can be overridden, and an override hides every refusal that would come after it.
    """
    if unit.result != "start-limit-hit":
        return None
    return refuse(START_LIMIT_HIT, f"{name} was started too often and systemd gave up: its log says why")


def unsound(config: ConfigCheck, label: str) -> Verdict | None:
    """Refuse a start with a broken or unchecked configuration, else None."""
    if config.state is ConfigState.SOUND:
        return None
    code = CONFIG_BROKEN if config.state is ConfigState.BROKEN else CONFIG_UNCHECKED
    return refuse(code, f"{label}: {config.describe()}")


def restarts(unit: str, *, verb: StartVerb = "restart", seconds: float = 100) -> tuple[Run, Run]:
    """Return the commands that clear a start limit and bring a unit up.

    A restart may wait for systemd's own stop timeout (90 s by default). Ending the client does not cancel the job.
    """
    name = full_name(unit)
    return (
        Run.of(SYSTEMCTL, "reset-failed", name, user=ROOT, seconds=10),
        Run.of(SYSTEMCTL, verb, name, user=ROOT, seconds=seconds),
    )


def shut_out(
    facts: Facts, owners: tuple[PortOwner, ...], name: str, passing: frozenset[str] = frozenset()
) -> Verdict | None:
    """Refuse or wait while another program uses a port that the service needs, else None.

    Programs in `passing` are waited for: they only hold a port for a moment.
    """
    for owner in owners:
        taken = facts[owner]
        if taken.programs:
            why = f"{owner.label()} is taken by {taken.describe()}, so {name} cannot start"
            return wait(why, PORT_TAKEN) if set(taken.names) <= passing else refuse(PORT_TAKEN, why)
    return None


class RestartService(Remedy):
    """Start a systemd service that is down; leave a running one alone.

    A subclass names the `service` and the `checks` that a start depends on. Its `obstacle` refuses a start that would
    fail.
    """

    refusals: ClassVar[tuple[RefusalCode, ...]] = UNIT_REFUSALS
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)
    start_verb: ClassVar[StartVerb] = "restart"
    """`systemctl` command that brings it up. `start` cannot end what somebody else started meanwhile."""
    start_seconds: ClassVar[float] = 100
    """Seconds that it may take."""

    @property
    @abstractmethod
    def service(self) -> str:
        """The name of its systemd unit."""

    def checks(self) -> tuple[Probe[Fact], ...]:
        """Return the probes that have to be right before a start.

        They are read again under the lock.
        """
        return ()

    def on_its_way(self, facts: Facts) -> Verdict | None:
        """Wait while systemd is starting or stopping it, else None."""
        unit = facts[self._unit]
        return wait(f"{self.title()} is {unit.describe()}, job {unit.job}") if unit.changing else None

    def running(self, facts: Facts) -> Verdict | None:  # noqa: ARG002  # for subclasses that look further
        """Judge a service that is active; None where it needs a restart all the same."""
        return skip(f"{self.title()} is active")

    def obstacle(self, facts: Facts) -> Verdict | None:  # noqa: ARG002  # for subclasses that have one
        """Refuse a start that would fail or do harm, else None."""
        return None

    def remark(self, facts: Facts) -> str:  # noqa: ARG002  # for subclasses that add to it
        """Return what follows the unit's state in the reason to restart it."""
        return ""

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.service)

    @override
    def title(self) -> str:
        return self._unit.label()

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._unit, *self.checks())

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._unit,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return self.checks()

    @override
    def guard(self, facts: Facts) -> Verdict:
        if waiting := self.on_its_way(facts):
            return waiting
        unit, name = facts[self._unit], self.title()
        if unit.healthy and (verdict := self.running(facts)):
            return verdict
        return (
            unstartable(unit, name)
            or self.obstacle(facts)
            or start_limited(unit, name)
            or proceed(f"{name} is {unit.describe()}{self.remark(facts)}")
        )

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        """Bring the unit up; clear its start limit only when it was hit."""
        reset, start = self._start()
        if facts[self._unit].result == "start-limit-hit":
            yield reset
        yield start

    @override
    def changes(self) -> tuple[Run, ...]:
        return self._start()

    @override
    def given_up(self, before: Facts, after: Facts) -> str | None:
        """Return the failure of a start after which systemd tries no further one by itself."""
        unit = after[self._unit]
        over = unit.active == "failed" and not unit.changing and not unmoved(before, after, self._unit)
        return f"{self.title()} is {unit.describe()}" if over else None

    def _start(self) -> tuple[Run, Run]:
        return restarts(self.service, verb=self.start_verb, seconds=self.start_seconds)


class OfPhpFpm(Remedy):
    """A base for remedies that act on the PHP-FPM of one PHP."""

    php: PhpName = Field(description="PHP's name, for example php8.3")

    @property
    def _unit(self) -> Unit:
        return Unit(name=unit_of(self.php))

    @property
    def _config(self) -> PhpFpmConfig:
        return PhpFpmConfig(php=self.php)

    @override
    def title(self) -> str:
        return unit_of(self.php)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._unit,)
