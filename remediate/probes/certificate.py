"""The TLS certificate, as it is served and as it is stored on disk."""

import re
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, CurlExit, Output, Question, Run, TlsRequest
from remediate.core.field_types import AbsolutePath, HostName, Port
from remediate.core.host import Certificate, Host
from remediate.core.probe import Fact, PlacedProbe, Probe, last_line, whole_number
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.x509 import CertificateInfo, first_certificate

LIVE: Final = "/etc/letsencrypt/live"
"""Directory in which certbot keeps a link to the newest certificate of every lineage."""

_VERIFIED = re.compile(r"^\s*Verify return code: (?P<code>[0-9]{1,4})\b", re.MULTILINE)
_COMPLAINT = re.compile(r"^verify error:num=([0-9]{1,4}):", re.MULTILINE)
_ABOUT_DATES = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (verify(1))."""
_ABOUT_NAMES = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (verify(1))."""
_HARMLESS = frozenset({0, *_ABOUT_DATES, *_ABOUT_NAMES})
"""Codes of verify(1) that say nothing against the chain."""


class NoHandshake(Enum):
    """Reasons for getting no certificate."""

    NAME = "name not found"
    REFUSED = "no connection"
    TIMEOUT = "no answer in time"
    TLS = "TLS handshake failed"


class ServedState(Fact):
    """The certificate from one TLS handshake, and a browser's verdict on it at that moment."""

    asked: datetime = Field(description="clock of the machine that asked, UTC")
    failure: NoHandshake | None = Field(default=None, description="why no certificate came")
    certificate: CertificateInfo | None = Field(default=None, description="what came")
    verify: int = Field(default=0, description="verify(1): 0 when the chain, the name and the dates are right")
    covers: bool = Field(default=False, description="whether it is for the name that was asked for")
    due: bool = Field(default=False, description="whether it is expired, or so near to it that a renewal is due")

    @property
    @override
    def ok(self) -> bool | None:
        return self.certificate is not None and self.verify == 0 and self.covers and not self.due

    @property
    def trusted(self) -> bool:
        """True if nothing is wrong with the certificate except, perhaps, its dates and its names."""
        return self.certificate is not None and self.verify in _HARMLESS

    @override
    def describe(self) -> str:
        if self.certificate is None:
            return (self.failure or NoHandshake.TLS).value
        left = (self.certificate.not_after - self.asked).days
        if self.certificate.expired(self.asked):
            dated = f"expired on {self.certificate.until}"
        elif self.certificate.not_before > self.asked:
            dated = f"not valid before {self.certificate.not_before:%Y-%m-%d}"
        else:
            dated = f"valid until {self.certificate.until} ({left} days{', renewal due' if self.due else ''})"
        named = "" if self.covers else f"for {', '.join(self.certificate.names[:3]) or 'no name'}, "
        chained = "" if self.trusted else f", not trusted (verify code {self.verify})"
        return f"{named}{dated}{chained}"


class ServedCertificate(PlacedProbe[ServedState]):
    """Ask for the certificate that is served for a name (SNI), with its chain.

    Ask it from the host or from the controller. On the host the handshake goes to 127.0.0.1, so that no load balancer
    and no DNS answers in its place.
    """

    kind: Literal["certificate.served"] = "certificate.served"
    domain: HostName = Field(description="name that is asked for, and that it has to be for")
    port: Port = Field(default=443, description="TCP port")
    within_days: int = Field(default=30, ge=1, le=90, description="days before its end from which a renewal is due")
    resolve: str | None = Field(default=None, description="address:port for the controller's handshake")
    ca_file: Path | None = Field(default=None, description="PEM file of authorities that the asking machine trusts")

    @classmethod
    def of(cls, host: Host) -> tuple["ServedCertificate", ...]:
        """Return the question from every vantage that the inventory lists.

        Raises ConfigurationError if the inventory has no certificate.
        """
        return tuple(cls.seen_from(host, vantage) for vantage in host.settings.site_vantage)

    @classmethod
    def seen_from(cls, host: Host, vantage: Vantage) -> "ServedCertificate":
        """Return the question from one vantage.

        Raises ConfigurationError if the inventory has no certificate.
        """
        settings, certificate = host.settings, certificate_of(host)
        there = vantage is Vantage.CONTROLLER
        site_port = 443 if settings.site_url is None else settings.site_url.port
        return cls(
            domain=certificate.domain,
            asked_from=vantage,
            port=certificate.port,
            within_days=certificate.renew_within_days,
            # `site_resolve` is the address of the site's port, not of other ports.
            resolve=settings.site_resolve if there and certificate.port == site_port else None,
            ca_file=settings.site_ca if there else None if certificate.ca is None else Path(certificate.ca),
        )

    @override
    def label(self) -> str:
        return f"certificate of {self.domain}{'' if self.port == 443 else f':{self.port}'}"

    @override
    def command(self) -> Question:
        request = TlsRequest(name=self.domain, port=self.port, resolve=self.resolve, ca_file=self.ca_file)
        if self.asked_from is Vantage.CONTROLLER:
            return request
        return request.model_copy(update={"resolve": f"127.0.0.1:{self.port}"}).s_client()

    @override
    def parse(self, output: Output) -> ServedState:
        clock, _, said = output.stdout.partition("\n")
        try:
            asked = datetime.fromtimestamp(whole_number(clock, self.label()), UTC)
        except (ValueError, OverflowError, OSError):
            raise Unreadable(f"{self.label()}: {clock[:40]!r} is not a time") from None
        certificate = first_certificate(self.label(), said)
        if certificate is None:
            return ServedState(asked=asked, failure=_failure(self.label(), output, said))
        verified = _VERIFIED.findall(said)
        if not verified:
            raise Unreadable(f"{self.label()}: openssl did not say whether it verifies")
        # openssl's own code is only the last error that it met: for an expired certificate of an unknown authority it
        # is the date.
        codes = [*map(int, _COMPLAINT.findall(output.stderr)), int(verified[-1])]
        return ServedState(
            asked=asked,
            certificate=certificate,
            verify=next((code for code in codes if code not in _HARMLESS), codes[-1]),
            covers=certificate.covers(self.domain),
            due=certificate.due(asked, self.within_days),
        )


def _failure(label: str, output: Output, said: str) -> NoHandshake:
    match output.exit:
        case CurlExit.NAME:
            return NoHandshake.NAME
        case CurlExit.TIMEOUT:
            return NoHandshake.TIMEOUT
        case CurlExit.TLS:
            return NoHandshake.TLS
        case CurlExit.REFUSED | 1:
            return NoHandshake.TLS if said.startswith("CONNECTED") else NoHandshake.REFUSED
        case _:
            raise Unreadable(f"{label}: openssl ended with {output.exit}: {last_line(output.stderr)}")


def certificate_of(host: Host) -> Certificate:
    """Return the inventory's settings of the certificate. Raises ConfigurationError without any."""
    if host.settings.certificate is None:
        raise ConfigurationError(
            f"{host.name}: remediate.certificate is not set, so nothing can tell which certificate is meant"
        )
    return host.settings.certificate


class LineageState(Fact):
    """The newest certificate of a lineage on disk."""

    certificate: CertificateInfo

    @override
    def describe(self) -> str:
        return f"for {', '.join(self.certificate.names[:3]) or 'no name'}, until {self.certificate.until}"


class LineageCertificate(Probe[LineageState]):
    """Read the newest certificate of a certbot lineage, as root.

    The directory is closed to other users.
    """

    kind: Literal["certificate.lineage"] = "certificate.lineage"
    name: HostName = Field(description="certbot lineage name")

    @property
    def path(self) -> str:
        """The file that nginx's configuration has to name."""
        return f"{LIVE}/{self.name}/fullchain.pem"

    @override
    def label(self) -> str:
        return f"lineage {self.name}"

    @override
    def command(self) -> Run:
        return Run.of("/usr/bin/cat", user=ROOT, seconds=10).helped("certificate", self.path)

    @override
    def parse(self, output: Output) -> LineageState:
        certificate = None if output.exit != 0 else first_certificate(self.label(), output.stdout)
        if certificate is None:
            raise Unreadable(f"{self.label()}: no certificate in {self.path}: {last_line(output.stderr)}")
        return LineageState(certificate=certificate)


class ChainState(Fact):
    """The host's verdict on the certificate chain on disk."""

    trusted: bool
    message: str = Field(default="", description="openssl's own words")

    @property
    @override
    def ok(self) -> bool | None:
        return self.trusted

    @override
    def describe(self) -> str:
        return "trusted" if self.trusted else f"not trusted: {self.message}"


_CHAIN_ERROR = re.compile(
    r"^(?:[^\n]*: )?error (?P<code>[0-9]{1,4}) at [0-9]+ depth lookup: ?(?P<message>.*)$", re.MULTILINE
)


class LineageChain(Probe[ChainState]):
    """Verify the chain of the newest certificate on disk, without its dates.

    Use it before the certificate is loaded: one from a test authority is not worth that.
    """

    kind: Literal["certificate.chain"] = "certificate.chain"
    name: HostName = Field(description="certbot lineage name")
    ca: AbsolutePath | None = Field(default=None, description="PEM file of authorities to trust besides the host's own")

    @override
    def label(self) -> str:
        return f"chain of {self.name}"

    @override
    def command(self) -> Run:
        words = ("/usr/bin/openssl", "verify", "-purpose", "sslserver", "-no_check_time", "-untrusted")
        trusted = () if self.ca is None else ("-CAfile", self.ca)
        files = (f"{LIVE}/{self.name}/chain.pem", *trusted, f"{LIVE}/{self.name}/cert.pem")
        # openssl reads every authority that the host trusts: on a busy host five seconds were too few.
        return Run.of(*words, user=ROOT, seconds=15).helped("certificate-chain", *files)

    @override
    def parse(self, output: Output) -> ChainState:
        if output.exit == 0:
            return ChainState(trusted=True)
        found = _CHAIN_ERROR.search(f"{output.stderr}\n{output.stdout}")
        if found is None and self.ca is not None and f"Error loading file {self.ca}" in output.stderr:
            raise Unreadable(f"{self.label()}: {self.ca} (certificate.ca) cannot be read as a file of authorities")
        if found is None:
            raise Unreadable(f"{self.label()}: openssl verify: {last_line(output.stderr)}")
        return ChainState(trusted=False, message=f"{found['message'].strip()} ({found['code']})")
