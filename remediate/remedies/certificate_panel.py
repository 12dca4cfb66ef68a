"""The certificate that a hosting panel manages: a person's step."""

from typing import Literal

from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.probes.certbot import Renewal
from remediate.probes.certificate import certificate_of
from remediate.probes.nginx import NginxConfig
from remediate.remedies.certificate_refusals import conflicting, misplaced
from remediate.remedies.human import HumanStep
from remediate.remedies.served_certificate import OfCertificate


class RenewAtPanel(OfCertificate, HumanStep):
    """Ask a person to renew a certificate at the hosting panel (runbook 4.6).

    For a certificate that certbot does not manage.
    """

    kind: Literal["certificate.panel"] = "certificate.panel"

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        certificate, forge = certificate_of(host), host.settings.links.forge
        given = certificate.model_dump(include={"name", "domain", "port", "renew_within_days", "ca"})
        return {**given, "link": None if forge is None else str(forge)}

    @override
    def title(self) -> str:
        return f"certificate of {self.domain}"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._served, Renewal(name=self.name), NginxConfig(), self._file)

    @override
    def needed(self, facts: Facts) -> str | None:
        served = facts[self._served]
        if served.ok or served.certificate is None:
            return None
        managed = facts[Renewal(name=self.name)].present
        if managed and (facts[NginxConfig()].ok is not True or misplaced(facts, self._file, self.name) is None):
            return None
        if conflicting(facts, self._file):
            return None  # it may belong to another site, and certificate.renew reports that
        panel = "renew it where it is managed, at the hosting panel"
        if served.covers and not served.due and not served.trusted:
            panel = f"if its authority is right, name it in remediate.certificate.ca, else {panel}"
        return f"{self.title()} is {served.describe()}: {panel}"
