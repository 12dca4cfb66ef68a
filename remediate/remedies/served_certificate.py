"""The base of remedies for the certificate that a site serves."""

from pathlib import Path

from pydantic import Field

from remediate.core.field_types import AbsolutePath, HostName, Port
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.probes.certificate import LineageCertificate, LineageChain, ServedCertificate
from remediate.probes.nginx_config import NginxCertificate


class OfCertificate(Remedy):
    """A base for remedies of the certificate that the site serves."""

    name: HostName = Field(description="certbot lineage name")
    domain: HostName = Field(description="name that the public asks for")
    port: Port = Field(default=443, description="TCP port it is served on")
    renew_within_days: int = Field(default=30, ge=1, le=90, description="days before its end from which one is due")
    ca: AbsolutePath | None = Field(default=None, description="PEM file of the authority that signs it")

    @property
    def _served(self) -> ServedCertificate:
        return served_here(self.domain, self.port, self.renew_within_days, self.ca)

    @property
    def _disk(self) -> LineageCertificate:
        return LineageCertificate(name=self.name)

    @property
    def _chain(self) -> LineageChain:
        return LineageChain(name=self.name, ca=self.ca)

    @property
    def _file(self) -> NginxCertificate:
        return NginxCertificate(domain=self.domain, port=self.port)


def served_here(domain: str, port: int, within_days: int, ca: str | None = None) -> ServedCertificate:
    """Return the probe for the certificate as the host itself serves it."""
    trusted = None if ca is None else Path(ca)
    return ServedCertificate(
        domain=domain, port=port, within_days=within_days, asked_from=Vantage.HOST, ca_file=trusted
    )
