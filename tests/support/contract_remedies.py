"""A remedy that keeps the contract, and breaches of it by commands."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import UnitName
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step
from remediate.core.verdict import (
    CONFIG_BROKEN,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
)
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import SYSTEMCTL, Unit
from remediate.testing import Known
from support.examples import (
    BROKEN_CONFIG,
    FAILED,
    SOUND,
    START_LIMIT,
    started_again,
)

CONFIG = NginxConfig()


class Restart(Remedy):
    """Restart it."""

    kind: Literal["contract.restart"] = "contract.restart"
    unit: UnitName = Field(default="nginx", description="systemd unit")
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN,)

    def title(self) -> str:
        return self.unit

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit), CONFIG)

    def identity(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit),)

    def guard(self, facts: Facts) -> Verdict:
        if facts[Unit(name=self.unit)].healthy:
            return skip("it runs")
        if facts[CONFIG].ok is not True:
            return refuse(CONFIG_BROKEN, "nginx -t says no")
        return proceed("it is down")

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from self.changes()

    def changes(self) -> tuple[Run, ...]:
        return (Run.of(SYSTEMCTL, "restart", f"{self.unit}.service", user=ROOT),)


UNIT = Unit(name="nginx")
BROKEN: Known = {UNIT: FAILED, CONFIG: SOUND}
HEALED: Known = {UNIT: started_again(FAILED), CONFIG: SOUND}
OTHERS: tuple[Known, ...] = tuple(
    {UNIT: unit, CONFIG: config} for unit in (FAILED, START_LIMIT) for config in (SOUND, BROKEN_CONFIG)
)


class HiddenChange(Restart):
    """It does what it does not list."""

    kind: Literal["contract.hidden"] = "contract.hidden"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield Run.of("/usr/bin/rm", "-rf", "/var/cache/nginx", user=ROOT)


class Idle(Restart):
    """It does nothing."""

    kind: Literal["contract.idle"] = "contract.idle"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from ()


class HidesPrivileges(Restart):
    """Its sudoers file would not do."""

    kind: Literal["contract.no-privileges"] = "contract.no-privileges"  # type: ignore[assignment]

    def privileges(self) -> tuple[Run, ...]:
        return ()


class RootShell(Restart):
    """It wants everything."""

    kind: Literal["contract.root-shell"] = "contract.root-shell"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run.of("/bin/sh", "-c", "systemctl restart nginx", user=ROOT),)


class RelativePath(Restart):
    """The remedy with a relative systemctl."""

    kind: Literal["contract.relative"] = "contract.relative"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run(argv=("systemctl", "restart", "nginx"), user=ROOT),)


class Unspeakable(Restart):
    """No sudoers file can say that."""

    kind: Literal["contract.unspeakable"] = "contract.unspeakable"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run.of("/usr/bin/printf", "a\nb", user=ROOT),)


class Nobody(Restart):
    """It has no identity."""

    kind: Literal["contract.nobody"] = "contract.nobody"  # type: ignore[assignment]

    def identity(self) -> tuple[Probe[Fact], ...]:
        return ()


class Moody(Restart):
    """It says something else each time."""

    kind: Literal["contract.moody"] = "contract.moody"  # type: ignore[assignment]
    calls: ClassVar[list[int]] = []

    def guard(self, facts: Facts) -> Verdict:
        self.calls.append(1)
        verdict = super().guard(facts)
        return verdict.model_copy(update={"reason": f"{verdict.reason} {len(self.calls)}"})


class RelativeStep(Restart):
    """The remedy with a relative sh."""

    kind: Literal["contract.relative-step"] = "contract.relative-step"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield Run(argv=("sh", "-c", "true"), user="forge")
