"""The remedies that restart a pool or a service whose processes run away."""

from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import UnitName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.machine import ThisMachine
from remediate.probes.processes import Processes
from remediate.probes.systemd import SYSTEMCTL, full_name
from remediate.remedies.application import stated
from remediate.remedies.php_fpm import POOL_BUSY
from remediate.remedies.process import UNIT_PROCESS, too_much
from remediate.remedies.systemd import (
    CONFIG_REFUSALS,
    UNIT_REFUSALS,
    OfPhpFpm,
    RestartService,
    start_limited,
    unsound,
    unstartable,
)

_ALL: Final = 95
"""Percent of a core that a process without rest wants. Among many such processes each gets less CPU than that."""


def _culprit(facts: Facts, usage: Processes, unit: str) -> str | None:
    """Describe what uses too much in a unit, one process or all together; else None."""
    seen = facts[usage]
    found = [process for process in seen.culprits if process.unit == unit]
    if found:
        return found[-1].describe()
    group = next((each for each in seen.units if each.unit == unit), None)
    return None if group is None else f"{unit} has {group.memory_kib // 1024} MiB of {seen.total_kib // 1024} MiB"


def _busy(facts: Facts, usage: Processes, unit: str) -> str | None:
    """Describe a unit's process that uses as much CPU as a culprit, however young."""
    found = [each for each in facts[usage].processes if each.unit == unit and each.cpu >= usage.cpu]
    return found[-1].describe() if found else None


class RecyclePhpFpm(OfPhpFpm):
    """Replace PHP-FPM's children when one runs away or they grew too big (runbook 4.5, "clears memory").

    PHP-FPM is reloaded: the master and its sockets stay, so no connection is refused, and every child is new. PHP-FPM
    forces a child that does not end after process_control_timeout. Without that setting, requests in progress are
    dropped, as in a restart. Refused while the children serve many requests one after the other, because the load would
    be back at once. Also refused unless php-fpm accepts its configuration: a reload with a broken one is an outage.
    """

    kind: Literal["php-fpm.recycle"] = "php-fpm.recycle"
    usage: Processes = Field(default=Processes(), description="what counts as running away")
    settle: float = Field(default=15, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*CONFIG_REFUSALS, POOL_BUSY)
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return stated(php=host.settings.php, usage=too_much(host))

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self.usage, self._unit, self._config)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self.usage,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._unit, self._config)

    @override
    def guard(self, facts: Facts) -> Verdict:
        name = self.title()
        found = _culprit(facts, self.usage, full_name(name))
        if found is None:
            return skip(f"no child of {name} runs away")
        unit = facts[self._unit]
        if unit.changing or not unit.healthy:
            return wait(f"{name} is {unit.describe()}")
        return unsound(facts[self._config], self._config.label()) or self._works(facts, found) or proceed(found)

    def _works(self, facts: Facts, found: str) -> Verdict | None:
        """Refuse while its children serve one request after the other, else None.

        Such a child rests between two requests, while it waits for the next one.
        """
        seen, unit = facts[self.usage], full_name(self.title())
        children = [process for process in seen.culprits if process.unit == unit]
        if not children or any(each.excess == "memory" or each.rests <= seen.interval for each in children):
            return None
        return refuse(POOL_BUSY, f"{found}; it rested {children[-1].rests} times meanwhile: it works on many requests")

    @override
    def changes(self) -> tuple[Run, ...]:
        return (Run.of(SYSTEMCTL, "reload", full_name(self.title()), user=ROOT, seconds=60),)

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require also that no new child is spinning already; the guard ignores young processes."""
        result, seen = super().verify(before, after), after[self.usage]
        children = [each for each in seen.processes if each.unit == full_name(self.title())]
        for each in children:
            if each.rests <= seen.interval and (each.cpu >= self.usage.cpu or each.wanted >= _ALL):
                return NotYet(reason=f"reloaded, and a child works without rest again: {each.describe()}")
        return result


class RestartUnit(RestartService):
    """Restart a unit of the application whose process runs away (runbook 4.5).

    `kill -9` would not help, because the unit starts its process again. Only units in the inventory's
    `restartable_units` are restarted. A unit that was started less than `again` seconds ago is not restarted again:
    what it does has to change, and the refusal gives the command that stops it.
    """

    kind: Literal["unit.restart"] = "unit.restart"
    unit: UnitName = Field(description="systemd unit of the application")
    restartable: tuple[UnitName, ...] = Field(default=(), description="units that the inventory allows to restart")
    usage: Processes = Field(default=Processes(), description="what counts as running away")
    again: int = Field(default=600, ge=0, description="seconds it must have run before it is restarted")
    settle: float = Field(default=15, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, UNIT_PROCESS)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        usage = too_much(host)
        units = host.settings.restartable_units
        given = {"usage": usage, "restartable": units, "again": usage.age * 10}
        return {**given, **({"unit": units[0]} if len(units) == 1 else {})}

    @property
    @override
    def service(self) -> str:
        return self.unit

    @override
    def checks(self) -> tuple[Probe[Fact], ...]:
        return (self.usage,)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), ThisMachine())

    @override
    def guard(self, facts: Facts) -> Verdict:
        found = _culprit(facts, self.usage, full_name(self.unit))
        if found is None:
            return skip(f"no process of {self.title()} runs away")
        if full_name(self.unit) not in {full_name(each) for each in self.restartable}:
            return refuse(UNIT_PROCESS, f"{found}; {self.title()} is not among restartable_units of the inventory")
        unit = facts[self._unit]
        if unit.changing:
            return wait(f"{self.title()} is {unit.describe()}")
        if (refusal := unstartable(unit, self.title())) is not None:
            return refusal
        age = unit.age(facts[ThisMachine()].uptime)
        if age is None or age < self.again:
            said = "is not active" if age is None else f"was started {age:.0f} s ago and runs away again"
            stop = f"sudo systemctl stop {full_name(self.unit)}"
            return refuse(
                UNIT_PROCESS, f"{found}; {self.title()} {said}: another start will not help. Manually: {stop}"
            )
        return start_limited(unit, self.title()) or proceed(found)

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require a new start, with none of its processes busy again, however young."""
        unit = after[self._unit]
        if not unit.healthy or unit.invocation == before[self._unit].invocation:
            return NotYet(reason=f"{self.title()} is {unit.describe()}, not restarted")
        busy = _busy(after, self.usage, full_name(self.unit)) or _culprit(after, self.usage, full_name(self.unit))
        if busy is not None:
            return NotYet(reason=f"restarted, and busy again: {busy}")
        if before.output(self._unit).stdout == after.output(self._unit).stdout:
            return NotYet(reason=f"{self.title()} is as it was before")
        return Proven(evidence=f"{self.title()} was restarted and does not run away")
