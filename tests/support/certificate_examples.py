"""Facts of certificates, their authority and their renewal."""

from datetime import UTC, datetime, timedelta
from typing import Final

from remediate.probes.acme import AuthorityState, ChallengeState
from remediate.probes.certbot import CertbotProcesses, Issued, IssuedState, RenewalState
from remediate.probes.certificate import ChainState, NoHandshake, ServedCertificate, ServedState
from remediate.probes.x509 import CertificateInfo

NOON: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The time at which the example certificates are observed."""
TRUSTED: Final = ChainState(trusted=True)
"""A chain that the host trusts."""
SELF_SIGNED: Final = ChainState(trusted=False, message="self-signed certificate (18)")
"""A chain without a trusted end."""
BY_WEBROOT: Final = RenewalState(present=True, authenticator="webroot")
"""A lineage that certbot renews over HTTP."""
NO_LINEAGE: Final = RenewalState(present=False)
"""No lineage of that name."""
NO_CERTBOT: Final = CertbotProcesses(running=())
"""No certbot is running."""
CERTBOT_AT_WORK: Final = CertbotProcesses(running=("4711 /usr/bin/python3 /usr/bin/certbot -q renew",))
"""A timer's certbot, which sleeps and holds its lock."""
AUTHORITY: Final = AuthorityState(server="https://acme-v02.api.letsencrypt.org/directory")
"""An authority that answers."""
AUTHORITY_GONE: Final = AuthorityState(server=AUTHORITY.server, failure="no connection")
"""An authority that does not answer."""
CHALLENGE: Final = ChallengeState(status=404)
"""The challenge's path is served, without a challenge of that name."""


def certificate(
    *, left: float = 60, lasts: float = 90, serial: str = "4A11", names: str = "example.com"
) -> CertificateInfo:
    """Return a certificate that lasts `lasts` days, with `left` of them left at noon."""
    not_after = NOON + timedelta(days=left)
    return CertificateInfo(
        serial=serial,
        names=tuple(names.split()),
        not_before=not_after - timedelta(days=lasts),
        not_after=not_after,
        issuer="CN=R12,O=Let's Encrypt,C=US",
    )


def served(probe: ServedCertificate, given: CertificateInfo, *, verify: int | None = None) -> ServedState:
    """Return the result of a handshake with this certificate.

    openssl's verify code follows from the certificate unless given.
    """
    covers, ended = given.covers(probe.domain), given.expired(NOON)
    return ServedState(
        asked=NOON,
        certificate=given,
        verify=(10 if ended else 0 if covers else 62) if verify is None else verify,
        covers=covers,
        due=given.due(NOON, probe.within_days),
    )


def unserved(failure: NoHandshake = NoHandshake.REFUSED) -> ServedState:
    """Return the result of a handshake without a certificate."""
    return ServedState(asked=NOON, failure=failure)


def issued(*days: float, lineage: str = "example.com") -> IssuedState:
    """Return certificates of one lineage, issued so many days before noon."""
    return IssuedState(
        certificates=tuple(
            Issued(lineage=lineage, number=number, at=int((NOON - timedelta(days=ago)).timestamp()))
            for number, ago in enumerate(days, 1)
        )
    )
