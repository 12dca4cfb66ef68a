"""The site's certificate has expired, or is about to (runbook 4.6)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.probes.certbot import CertbotLog
from remediate.probes.certificate import ServedCertificate, certificate_of
from remediate.probes.http import Site
from remediate.probes.nginx import NginxLog
from remediate.remedies.certificate import RenewCertificate
from remediate.remedies.certificate_panel import RenewAtPanel
from remediate.remedies.handover import HandOver
from remediate.remedies.nginx import ReloadNginx

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    yield from ServedCertificate.of(host)
    url = host.settings.site_url
    if url is not None and url.scheme == "https":
        yield from Site.of(host)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:  # noqa: ARG001  # the same probes for every host
    yield NginxLog()
    yield CertbotLog()


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.playbooks.app_down import app_down
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unharmed

    name, domain, nginx = certificate_of(host).name, certificate_of(host).domain, host.settings.nginx_unit
    site = "/etc/nginx/sites-available/agency-platform"
    due = faults.LineageReplaced(name=name, domain=domain)
    expired = due.model_copy(update={"began": 93, "ends": -3})
    broken = faults.LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;")
    stopped = faults.UnitStopped(unit=nginx)

    works = (nginx, broken.path, "pebble")
    yield cured("certificate-expired", expired, "certificate.renew", "nginx.reload", needs=works)
    yield cured("certificate-due", due, "certificate.renew", "nginx.reload", needs=works)
    unloaded = expired.model_copy(update={"renewed": True})
    yield cured("certificate-not-loaded", unloaded, "nginx.reload", needs=(nginx, broken.path))

    hindered = partial(faults.RenewalHindered, certificate=expired)
    silent = hindered(hindrance=faults.ServerFrozen(unit="pebble"))
    back = FollowUp("let the host reach its ACME server", script="systemctl kill --signal=CONT pebble")
    yield refused("authority-down", silent, "acme-unreachable", needs=(nginx,), then=back)
    mend = FollowUp("fix the configuration", script=f"sed -i '/^{broken.line}$/d' {broken.path}")
    yield refused("renewal-nginx-broken", hindered(hindrance=broken), "config-broken", needs=(nginx,), then=mend)
    first = FollowUp("fix.app-down", by=app_down)
    # nginx runs again then, and its certificate is the next thing to fix.
    half = replace(first, leads_to="symptom-persists")
    yield refused("renewal-nginx-stopped", hindered(hindrance=stopped), "nginx-down", needs=("pebble",), then=half)
    closed = faults.ChallengeShut(config=site)
    serve = FollowUp("make nginx serve port 80 and the challenge's path", script=closed.mending())
    shut = hindered(hindrance=closed)
    yield refused("challenge-shut", shut, "challenge-unreachable", needs=(nginx, "pebble"), then=serve)
    often = hindered(hindrance=faults.IssuedOften(name=name))
    archive = f"/etc/letsencrypt/archive/{name}"
    later = FollowUp(
        "wait until this week's certificates are older", script=f"touch -d '8 days ago' {archive}/cert[0-9]*.pem"
    )
    yield refused("issued-often", often, "issuance-limit", needs=(nginx, "pebble"), then=later)
    busy = hindered(hindrance=faults.CertbotAtWork())
    over = FollowUp("wait for the end of that certbot", script="pkill -x certbot")
    yield refused("certbot-at-work", busy, "certbot-busy", needs=(nginx, "pebble"), timeout=10, then=over)
    other = due.model_copy(update={"domain": f"old.{domain}"})
    certbot = f"certbot certonly --non-interactive --cert-name {name} --webroot -w /var/www/letsencrypt -d {domain}"
    named = FollowUp("issue it for the name", script=f"{certbot} --force-renewal")
    yield refused("certificate-wrong-name", other, "wrong-name", needs=(nginx,), then=named)
    elsewhere = faults.CertificateElsewhere(domain=domain, config=site)
    managed = FollowUp("let certbot manage it", script=elsewhere.mending())
    yield refused("certificate-not-managed", elsewhere, "certificate-not-managed", needs=(nginx,), then=managed)

    stranger = expired.model_copy(update={"own": "/etc/ssl/own-authority.pem"})
    known = FollowUp("--override certificate-untrusted=", override="the next one is of the authority that is trusted")
    yield refused("certificate-untrusted", stranger, "certificate-untrusted", needs=(nginx, "pebble"), then=known)
    # Expired, so that it is this incident: with a valid one, another site's pages are app-down's.
    taken = faults.NameTaken(domain=domain, began=93, ends=-3)
    out = FollowUp("remove the name", script=f"sed -i '/server_name/d' {taken.config}; systemctl reload nginx; sleep 1")
    yield refused("certificate-name-taken", taken, "server-name-conflict", needs=(nginx,), then=out)

    yield refused("certificate-nginx-down", stopped, "nginx-down", then=first)
    yield unharmed("certificate-nginx-broken", broken, needs=(nginx,))


def _runbook(host: Host) -> Iterator[str]:
    yield "certbot renew --force-renewal"
    yield f"systemctl restart {host.settings.nginx_unit}"


@playbook(
    severity=Severity.SEV1,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def certificate_expiry(host: Host) -> Iterable[Remedy]:
    """Bring a valid certificate back: browser warnings, HTTPS not working (runbook 4.6, SEV-1).

    One lineage is renewed when its certificate on disk is due. nginx loads the certificate on disk when it serves an
    older one. A person is sent to the hosting panel for a certificate that certbot does not manage.

    Where this departs from the runbook's letter: the runbook renews every lineage by force and restarts nginx. Forced
    renewals of all lineages use up what the authority issues in a week, often when only a reload was missing. Without a
    terminal, certbot first sleeps for up to eight minutes. The restart takes a running site down when any edit of
    nginx's configuration is broken, so the configuration is checked before certbot starts. A reload loses no request.
    Renewal through Forge comes last, and only where certbot does not manage the certificate.
    """
    yield RenewCertificate.on(host)
    yield ReloadNginx.on(host)
    yield RenewAtPanel.on(host)
    yield HandOver.on(host, own="certificate-expiry", failing=Site.of(host))
