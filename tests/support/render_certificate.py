"""Rendering of host output about certificates and renewals."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

from remediate.core.command import CurlExit, Output
from remediate.core.probe import Fact, Probe
from remediate.probes.acme import AuthorityState, ChallengeState
from remediate.probes.certbot import CertbotProcesses, IssuedState, RenewalState
from remediate.probes.certificate import ChainState, LineageState, NoHandshake, ServedState
from remediate.probes.http import FAILURES
from remediate.probes.nginx import NginxWorkerPids
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.x509 import CertificateInfo

_NONE_MATCHED: Final = 1
_EXITS: Final = {failure.value: status.value for status, failure in FAILURES.items()}
_HANDSHAKES: Final = {
    NoHandshake.NAME: CurlExit.NAME,
    NoHandshake.REFUSED: CurlExit.REFUSED,
    NoHandshake.TIMEOUT: CurlExit.TIMEOUT,
    NoHandshake.TLS: CurlExit.TLS,
}


def of_certificates(probe: Probe[Fact], fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    match fact:
        case ServedState():
            return _served(fact)
        case LineageState():
            return Output(stdout=pem(fact.certificate))
        case ChainState(trusted=True):
            return Output(stdout="cert.pem: OK\n")
        case ChainState():
            message, _, code = fact.message.rpartition(" (")
            return Output(stderr=f"error {code.rstrip(')')} at 0 depth lookup: {message}\n", exit=2)
        case ServerCertificate() if isinstance(probe, NginxCertificate):
            files = "".join(f"ssl_certificate {file};" for file in fact.files)
            server = f"server {{ listen {probe.port} ssl; server_name {probe.domain}; {files} }}"
            if not fact.blocks:
                return Output(stdout=f"# configuration file /etc/nginx/nginx.conf:\nhttp {{ {server} }}\n")
            parts = "".join(f"# configuration file {path}:\n{server}\n" for path in fact.blocks)
            return Output(stdout=f"# configuration file /etc/nginx/nginx.conf:\nhttp {{ include /*/*/*/*; }}\n{parts}")
        case NginxWorkerPids():
            return Output(stdout="".join(f"{pid}\n" for pid in fact.pids), exit=0 if fact.pids else _NONE_MATCHED)
        case _:
            return _of_renewals(fact)


def _of_renewals(fact: Fact) -> Output | None:
    match fact:
        case RenewalState():
            return Output(stdout=_renewal(fact))
        case IssuedState():
            lines = (f"{each.at} {each.lineage} {each.number}\n" for each in fact.certificates)
            return Output(stdout="".join(lines))
        case CertbotProcesses():
            lines = (f"{line}\n" for line in fact.running)
            return Output(stdout="".join(lines), exit=0 if fact.running else _NONE_MATCHED)
        case AuthorityState():
            said = fact.failure.removeprefix("answers ")
            status, body = (said, "") if said.isdecimal() else ("200", "" if fact.failure else '{"newOrder": ""}')
            return Output(stdout=f"{fact.server}\n{body}", stderr=status, exit=_EXITS.get(fact.failure, 0))
        case ChallengeState():
            return Output(stderr=f"{fact.status or 0:03d} 0.001 ", exit=_EXITS.get(fact.failure, 0))
        case _:
            return None


def pem(certificate: CertificateInfo) -> str:
    """Return a certificate with these values, signed with a public key pair.

    The text is the same each time.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    names: list[x509.GeneralName] = []
    for name in certificate.names:
        try:
            names.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name.from_rfc4514_string(certificate.issuer))
        .public_key(key.public_key())
        .serial_number(int(certificate.serial, 16))
        .not_valid_before(_naive(certificate.not_before))
        .not_valid_after(_naive(certificate.not_after))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _served(fact: ServedState) -> Output:
    clock = f"{fact.asked.timestamp():.0f}\n"
    if fact.certificate is None:
        return Output(stdout=clock, exit=_HANDSHAKES[fact.failure or NoHandshake.TLS].value)
    return Output(stdout=f"{clock}CONNECTED(00000003)\n{pem(fact.certificate)}Verify return code: {fact.verify} (…)\n")


def _renewal(fact: RenewalState) -> str:
    if not fact.present:
        return "none\n"
    before = "" if fact.before_days is None else f"renew_before_expiry = {fact.before_days:g} days\n"
    enabled = "" if fact.enabled else "autorenew = False\n"
    return f"found\n{before}{enabled}[renewalparams]\nauthenticator = {fact.authenticator}\n"
