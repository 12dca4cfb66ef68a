"""The certificate fields we use, parsed from text."""

import re
from datetime import datetime, timedelta
from typing import Final

from pydantic import Field

from remediate.core.field_types import FrozenModel
from remediate.core.probe import last_line
from remediate.errors import Unreadable

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----", re.DOTALL)
_THIRD: Final = 3
"""A renewal is due when a third of the lifetime is left, at the earliest: one of six days would never be well else."""


class CertificateInfo(FrozenModel):
    """What counts of one X.509 certificate."""

    serial: str = Field(description="serial number, hexadecimal")
    names: tuple[str, ...] = Field(description="DNS names and addresses that it is for")
    not_before: datetime
    not_after: datetime
    issuer: str = Field(description="who signed it, RFC 4514")

    @property
    def until(self) -> str:
        """The day it ends on."""
        return f"{self.not_after:%Y-%m-%d}"

    def covers(self, domain: str) -> bool:
        """Whether it is for this name; a wildcard stands for one label (RFC 9525)."""
        wanted = domain.lower().rstrip(".")
        anything = f"*.{wanted.partition('.')[2]}"
        return any(name.lower() in {wanted, anything} for name in self.names)

    def due(self, now: datetime, within_days: int) -> bool:
        """Whether it is time for the next one: within that many days of its end, at most a third of its lifetime."""
        window = min(timedelta(days=within_days), (self.not_after - self.not_before) / _THIRD)
        return self.not_after - now <= window

    def expired(self, now: datetime) -> bool:
        """Whether it has ended."""
        return self.not_after <= now


def first_certificate(label: str, text: str) -> CertificateInfo | None:
    """Read the first certificate in a text, None where there is none. Raises Unreadable for one that is garbled."""
    from cryptography import x509

    found = _PEM.search(text)
    if found is None:
        return None
    try:
        read = x509.load_pem_x509_certificate(found[0].encode())
        try:
            names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            names = x509.SubjectAlternativeName([])
        return CertificateInfo(
            serial=f"{read.serial_number:X}",
            names=(
                *names.get_values_for_type(x509.DNSName),
                *map(str, names.get_values_for_type(x509.IPAddress)),
            ),
            not_before=read.not_valid_before_utc,
            not_after=read.not_valid_after_utc,
            issuer=read.issuer.rfc4514_string(),
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Unreadable(f"{label}: a certificate that cannot be read: {last_line(str(error))}") from None
