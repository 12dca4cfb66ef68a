"""What brings nginx back."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import Run
from remediate.host import Host, Port, UnitName
from remediate.probe import Fact, Probe
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.systemd import (
    CONFIG_REFUSALS,
    UNIT_REFUSALS,
    restarting,
    restarts,
    start_limited,
    unsound,
    unstartable,
)
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait

PORT_TAKEN = RefusalCode(name="port-taken", meaning="Another program listens on a port that this one needs.")


class RestartNginx(Remedy):
    """Bring nginx back when it is down, its configuration is sound and its ports are free (runbook 4.1).

    A running nginx is left alone, also with a broken edit on disk: a restart would take the site down (the check of
    the unit runs after the stop), and the old configuration still serves.
    """

    kind: Literal["nginx.restart"] = "nginx.restart"
    unit: UnitName = Field(default="nginx", description="systemd unit of the web server")
    ports: tuple[Port, ...] = Field(default=(80, 443), description="TCP ports that it listens on")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, *CONFIG_REFUSALS, PORT_TAKEN)
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        return {"unit": host.settings.nginx_unit}

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.unit)

    @property
    def _owners(self) -> tuple[PortOwner, ...]:
        return tuple(PortOwner(port=port) for port in self.ports)

    def title(self) -> str:
        """See Remedy."""
        return self._unit.label()

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit, NginxConfig(), *self._owners)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._unit,)

    def steady(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (NginxConfig(), *self._owners)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        unit, name = facts[self._unit], self.title()
        if unit.changing:
            return wait(f"{name} is {unit.describe()}, job {unit.job}")
        if unit.healthy:
            return skip(f"{name} is active")
        return (
            unstartable(unit, name)
            or unsound(facts[NginxConfig()], NginxConfig().label())
            or self._shut_out(facts)
            or start_limited(unit, name)
            or proceed(f"{name} is {unit.describe()}")
        )

    def _shut_out(self, facts: Facts) -> Verdict | None:
        for owner in self._owners:
            taken = facts[owner]
            if taken.programs:
                why = f"{owner.label()} is taken by {taken.describe()}, so {self.title()} cannot start"
                # `nginx -t` binds every port for a moment, and the survey asks it at the same time: look again.
                return wait(why, PORT_TAKEN) if set(taken.names) == {"nginx"} else refuse(PORT_TAKEN, why)
        return None

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        yield from restarting(facts[self._unit], self.unit)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return restarts(self.unit)
