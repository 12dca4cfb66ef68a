"""The certificate that a hosting panel manages: a person's step."""

from typing import Literal

from pydantic import Field

from remediate.fields import AbsolutePath, HostName, Port
from remediate.host import Host
from remediate.probe import Fact, Probe
from remediate.probes.certbot import Renewal
from remediate.probes.certificate import ServedCertificate, certificate_of
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import NginxCertificate
from remediate.remedies.certificate import conflicting, misplaced, served_here
from remediate.remedies.human import HumanStep
from remediate.survey import Facts


class RenewAtPanel(HumanStep):
    """Send a person to the hosting panel, where a certificate is renewed that certbot does not manage (runbook 4.6)."""

    kind: Literal["certificate.panel"] = "certificate.panel"
    name: HostName = Field(description="certbot lineage name")
    domain: HostName = Field(description="name that the public asks for")
    port: Port = Field(default=443, description="TCP port it is served on")
    renew_within_days: int = Field(default=30, ge=1, le=90, description="days before its end from which one is due")
    ca: AbsolutePath | None = Field(default=None, description="PEM file of the authority that signs it")

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        certificate, forge = certificate_of(host), host.settings.links.forge
        given = certificate.model_dump(include={"name", "domain", "port", "renew_within_days", "ca"})
        return {**given, "link": None if forge is None else str(forge)}

    @property
    def _served(self) -> ServedCertificate:
        return served_here(self.domain, self.port, self.renew_within_days, self.ca)

    @property
    def _file(self) -> NginxCertificate:
        return NginxCertificate(domain=self.domain, port=self.port)

    def title(self) -> str:
        """See Remedy."""
        return f"certificate of {self.domain}"

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._served, Renewal(name=self.name), NginxConfig(), self._file)

    def needed(self, facts: Facts) -> str | None:
        """See HumanStep."""
        served = facts[self._served]
        if served.ok or served.certificate is None:
            return None
        managed = facts[Renewal(name=self.name)].present
        if managed and (facts[NginxConfig()].ok is not True or misplaced(facts, self._file, self.name) is None):
            return None
        if conflicting(facts, self._file):
            return None  # it may be another site's: certificate.renew says so
        panel = "renew it where it is managed, at the hosting panel"
        if served.covers and not served.due and not served.trusted:
            panel = f"if its authority is right, name it in remediate.certificate.ca, else {panel}"
        return f"{self.title()} is {served.describe()}: {panel}"
