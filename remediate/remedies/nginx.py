"""The remedy that restarts nginx."""

from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import Port, UnitName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.certbot import Renewal
from remediate.probes.certificate import ServedState
from remediate.probes.network import NAMELESS, PortOwner
from remediate.probes.nginx import NginxConfig, NginxWorkers
from remediate.probes.systemd import SYSTEMCTL, Unit, full_name
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate_refusals import (
    CHAIN_INCOMPLETE,
    NGINX_DOWN,
    NOT_MANAGED,
    OTHER_LINEAGE,
    SERVER_NAME_CONFLICT,
    UNTRUSTED,
    misplaced,
)
from remediate.remedies.served_certificate import OfCertificate
from remediate.remedies.systemd import CONFIG_REFUSALS, PORT_TAKEN, UNIT_REFUSALS, RestartService, shut_out, unsound

_PASSING: Final = frozenset({"nginx", NAMELESS})
"""Holders of a port to wait for: `nginx -t` binds every port for a moment, and the survey asks it at the same time. It
may have ended between the moments when ss reads the sockets and the processes."""


class RestartNginx(RestartService):
    """Start nginx when it is down, its configuration is sound and its ports are free (runbook 4.1).

    A running nginx is left alone, even with a broken edit on disk. The old configuration still serves, and a restart
    would take the site down, because the unit checks the configuration only after the stop.
    """

    kind: Literal["nginx.restart"] = "nginx.restart"
    unit: UnitName = Field(default="nginx", description="systemd unit of the web server")
    ports: tuple[Port, ...] = Field(default=(80, 443), description="TCP ports that it listens on")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, *CONFIG_REFUSALS, PORT_TAKEN)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {"unit": host.settings.nginx_unit}

    @property
    @override
    def service(self) -> str:
        return self.unit

    @property
    def _owners(self) -> tuple[PortOwner, ...]:
        return tuple(PortOwner(port=port) for port in self.ports)

    @override
    def checks(self) -> tuple[Probe[Fact], ...]:
        return (NginxConfig(), *self._owners)

    @override
    def obstacle(self, facts: Facts) -> Verdict | None:
        return unsound(facts[NginxConfig()], NginxConfig().label()) or shut_out(
            facts, self._owners, self.title(), _PASSING
        )


class ReloadNginx(OfCertificate):
    """Have nginx load the renewed certificate on disk while it serves an older one (runbook 4.6).

    A reload drops no request. Unlike a restart, it leaves a running nginx running when something is wrong. Done only
    for a better certificate: for the right name, trusted, and valid for longer unless the served one is wrong or
    untrusted.
    """

    kind: Literal["nginx.reload"] = "nginx.reload"
    unit: UnitName = Field(default="nginx", description="systemd unit of the web server")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        *(NGINX_DOWN, *CONFIG_REFUSALS, NOT_MANAGED, OTHER_LINEAGE, SERVER_NAME_CONFLICT, UNTRUSTED, CHAIN_INCOMPLETE),
    )

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        certificate = host.settings.certificate
        given = {} if certificate is None else certificate.model_dump(exclude={"acme_args"})
        return {"unit": host.settings.nginx_unit, **given}

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.unit)

    @override
    def title(self) -> str:
        return self._unit.label()

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (
            *(self._served, Renewal(name=self.name), self._disk, self._chain, self._unit, NginxWorkers()),
            *(NginxConfig(), self._file),
        )

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (NginxWorkers(),)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (NginxConfig(), self._disk)

    @override
    def guard(self, facts: Facts) -> Verdict:
        served, unit = facts[self._served], facts[self._unit]
        if served.ok:
            return skip(f"the one served is {served.describe()}")
        if unit.changing:
            return wait(f"{self.title()} is {unit.describe()}, job {unit.job}")
        if not unit.healthy:
            return refuse(NGINX_DOWN, f"{self.title()} is {unit.describe()}")
        if served.certificate is None:
            return skip(f"no certificate is served to compare: {served.describe()}")
        if not facts[Renewal(name=self.name)].present:
            return skip(f"certbot has no lineage {self.name}")
        disk = facts[self._disk].certificate
        if disk.serial == served.certificate.serial:
            return self._unaccompanied(facts, served) or skip("it serves the one on disk")
        if not self._better(disk, served, served.certificate):
            return skip(f"the one on disk, until {disk.until}, is no better than the one served")
        if not facts[self._chain].trusted:
            return refuse(UNTRUSTED, f"{self._chain.label()}: {facts[self._chain].describe()}")
        return (
            unsound(facts[NginxConfig()], NginxConfig().label())
            or misplaced(facts, self._file, self.name)
            or proceed(self._older(facts))
        )

    def _unaccompanied(self, facts: Facts, served: ServedState) -> Verdict | None:
        """Refuse when only the authority's own certificates are missing from what is served, else None."""
        if served.trusted or not facts[self._chain].trusted:
            return None
        said = f"{self.title()} serves the one on disk, not trusted (verify code {served.verify})"
        return refuse(CHAIN_INCOMPLETE, f"{said}; with {self._chain.label()} it is")

    def _older(self, facts: Facts) -> str:
        served, disk, workers = facts[self._served], facts[self._disk].certificate, facts[NginxWorkers()]
        older = f"{self.title()} serves an older one ({served.describe()})"
        return f"{older}, {len(workers.pids)} workers; on disk until {disk.until}"

    def _better(self, disk: CertificateInfo, served: ServedState, old: CertificateInfo) -> bool:
        usable = disk.covers(self.domain) and not disk.expired(served.asked)
        return usable and (not served.covers or not served.trusted or disk.not_after > old.not_after)

    @override
    def changes(self) -> tuple[Run, ...]:
        return (Run.of(SYSTEMCTL, "reload", full_name(self.unit), user=ROOT, seconds=30),)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require new workers that serve the new certificate.

        The exit status of a reload proves nothing: when nginx cannot take a configuration, it says so only in its log,
        and the old workers stay.
        """
        served, disk = after[self._served].certificate, after[self._disk].certificate
        if served is None or served.serial != disk.serial:
            return NotYet(reason=f"not yet served: {after[self._served].describe()}")
        if not (after[self._served].trusted and after[self._served].covers):
            return Failed(reason=f"it is served, and it is {after[self._served].describe()}")
        effect = super().verify(before, after)
        if not isinstance(effect, Proven):
            return effect
        return Proven(evidence=f"serial {served.serial} is served, until {served.until}, by new workers")
