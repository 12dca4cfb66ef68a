"""A site's certificate, its lineage, and what hinders its renewal."""

from remediate.core.command import ROOT, Run
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, NoHandshake
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.systemd import Unit
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.certificate import RenewCertificate
from remediate.remedies.certificate_panel import RenewAtPanel
from remediate.remedies.served_certificate import served_here
from support import certificate_examples as exc
from support import examples as ex
from support.hosts import host_with

NAME = "example.com"
HERE = served_here(NAME, 443, 30)
THERE = HERE.model_copy(update={"asked_from": Vantage.CONTROLLER})
CHALLENGE = Challenge(domain=NAME)
REMEDY = RenewCertificate(name=NAME, domain=NAME, outside=(THERE,))
DISK, CHAIN, RENEWAL = LineageCertificate(name=NAME), LineageChain(name=NAME), Renewal(name=NAME)
FILE, AUTHORITY, UNIT = NginxCertificate(domain=NAME), Authority(name=NAME), Unit(name="nginx")
OWN = ServerCertificate(files=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem",))
OTHER = ServerCertificate(files=("/etc/letsencrypt/live/other.org/fullchain.pem",))
PANEL = ServerCertificate(files=("/etc/nginx/ssl/example.com/4711/server.crt",))
WORDS = ("/usr/bin/certbot", "renew", "--no-random-sleep-on-renew", "--non-interactive", "--cert-name", NAME)
RENEW, FORCE = (
    Run.of(*WORDS[:-1], user=ROOT, seconds=300).helped("renew-certificate", WORDS[-1], *more)
    for more in ((), ("--force-renewal",))
)

GOOD, DUE, EXPIRED = exc.certificate(), exc.certificate(left=10), exc.certificate(left=-3)
NEW = exc.certificate(left=90, serial="4A12")


def facts(
    served: CertificateInfo | NoHandshake = EXPIRED, disk: CertificateInfo | None = None, **given: Fact | Unreadable
) -> dict[Probe[Fact], Fact | Unreadable]:
    """State what a host answers whose certificate has expired, but for what is given; on disk lies what is served."""
    if disk is None:
        disk = served if isinstance(served, CertificateInfo) else EXPIRED
    here = exc.unserved(served) if isinstance(served, NoHandshake) else exc.served(HERE, served)
    usual: dict[str, Fact | Unreadable] = {
        "outside": here,
        "chain": exc.TRUSTED,
        "renewal": exc.BY_WEBROOT,
        "config": ex.SOUND,
        "file": OWN,
        "certbot": exc.NO_CERTBOT,
        "authority": exc.AUTHORITY,
        "issued": exc.issued(80, 20),
        "challenge": exc.CHALLENGE,
        "unit": ex.RUNNING,
        **given,
    }
    probes: dict[str, Probe[Fact]] = {
        "outside": THERE,
        "chain": CHAIN,
        "renewal": RENEWAL,
        "config": NginxConfig(),
        "file": FILE,
        "certbot": CertbotRunning(),
        "authority": AUTHORITY,
        "issued": Issuances(),
        "challenge": CHALLENGE,
        "unit": UNIT,
    }
    return {HERE: here, DISK: LineageState(certificate=disk), **{probes[name]: fact for name, fact in usual.items()}}


def host(**settings: object) -> Host:
    return host_with({"certificate": {"name": NAME, "domain": NAME}, **settings})


STEP = RenewAtPanel.on(host(links={"forge": "https://forge.example.com/servers/4711"}))
