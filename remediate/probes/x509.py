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
"""Divisor of the lifetime: a renewal is due only in the last third.

Otherwise a certificate of six days would always be due.
"""


class CertificateInfo(FrozenModel):
    """The certificate fields we use."""

    serial: str = Field(description="serial number, hexadecimal")
    names: tuple[str, ...] = Field(description="DNS names and addresses that it is for")
    not_before: datetime
    not_after: datetime
    issuer: str = Field(description="who signed it, RFC 4514")

    @property
    def until(self) -> str:
        """The day on which it ends."""
        return f"{self.not_after:%Y-%m-%d}"

    def covers(self, domain: str) -> bool:
        """Return whether it is for this name. A wildcard stands for one label (RFC 9525)."""
        wanted = domain.lower().rstrip(".")
        anything = f"*.{wanted.partition('.')[2]}"
        return any(name.lower() in {wanted, anything} for name in self.names)

    def due(self, now: datetime, within_days: int) -> bool:
        """Return whether a renewal is due.

        It is due within so many days of the end, but only in the last third of the lifetime.
        """
        window = min(timedelta(days=within_days), (self.not_after - self.not_before) / _THIRD)
        return self.not_after - now <= window

    def expired(self, now: datetime) -> bool:
        """Return whether it has ended."""
        return self.not_after <= now


def first_certificate(label: str, text: str) -> CertificateInfo | None:
    """Return the first certificate in a text; None without any.

    Raises Unreadable for a certificate that cannot be read.
    """
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
