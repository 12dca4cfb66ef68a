"""A host whose certificate is good, due, expired or renewed."""

from remediate.core.vantage import Vantage
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CertbotLog, CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, ServedCertificate
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import HttpFailure, Site
from remediate.probes.nginx import NginxConfig, NginxLog, NginxWorkerPids, NginxWorkers
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.systemd import Unit
from remediate.probes.x509 import CertificateInfo
from support import certificate_examples as exc
from support import examples as ex
from support import load_examples as exl
from support.hosts import host_with
from support.scripted import Changes

NAME = "example.com"
HOST = host_with(
    {
        "site_url": "https://example.com/",
        "php": "php8.2",
        "certificate": {"name": NAME, "domain": NAME},
        "links": {"forge": "https://forge.example.com/servers/4711"},
    }
)
HERE, THERE = ServedCertificate.of(HOST)
PAGES = Site.of(HOST)
DISK, RENEWAL, AUTHORITY = LineageCertificate(name=NAME), Renewal(name=NAME), Authority(name=NAME)
CHALLENGES = tuple(Challenge(domain=NAME, asked_from=each) for each in Vantage)
FILE, NGINX = NginxCertificate(domain=NAME), Unit(name="nginx")
OWN = ServerCertificate(files=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem",))
GOOD, DUE, EXPIRED = exc.certificate(), exc.certificate(left=10), exc.certificate(left=-3)
NEW = exc.certificate(left=90, serial="4A12")


def serving(certificate: CertificateInfo, *workers: int) -> Changes:
    """Say what everybody sees while this certificate is served."""
    fine = certificate.serial == "4A12" or certificate in (GOOD, DUE)
    page = ex.page() if fine else ex.no_page(HttpFailure.CERTIFICATE)
    return {
        **{each: exc.served(each, certificate) for each in (HERE, THERE)},
        **dict.fromkeys(PAGES, page),
        NginxWorkers(): NginxWorkerPids(pids=workers or (80, 82)),
    }


def on_disk(certificate: CertificateInfo, *issued: float) -> Changes:
    return {DISK: LineageState(certificate=certificate), Issuances(): exc.issued(*(issued or (80, 20)))}


def having(certificate: CertificateInfo) -> Changes:
    """Say how a host answers that serves this certificate, and has the same one on disk."""
    return {
        **serving(certificate),
        **on_disk(certificate),
        LineageChain(name=NAME): exc.TRUSTED,
        RENEWAL: exc.BY_WEBROOT,
        NginxConfig(): ex.SOUND,
        FILE: OWN,
        CertbotRunning(): exc.NO_CERTBOT,
        AUTHORITY: exc.AUTHORITY,
        **dict.fromkeys(CHALLENGES, exc.CHALLENGE),
        NGINX: ex.RUNNING,
        Unit(name="php8.2-fpm"): ex.RUNNING,
        DiskSpace(): exl.ROOM,
        NginxLog(): ex.NO_ERRORS,
        CertbotLog(): ex.NO_LINES,
    }


RENEWED: Changes = on_disk(NEW, 80, 20, 0)
LOADED: Changes = serving(NEW, 91, 92)
