"""Facts about a site, its certificate and its monitoring."""

from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.probes.acme import Authority, AuthorityState, Challenge, ChallengeState
from remediate.probes.alertmanager import AlertmanagerRouting, Matcher
from remediate.probes.certbot import CertbotLog, CertbotRunning, Issuances, Renewal, RenewalState
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, NoHandshake, ServedCertificate
from remediate.probes.http import HttpFailure, Site
from remediate.probes.nginx import ErrorLogEnd, NginxConfig, NginxErrorLogs, NginxLog, NginxWorkerPids, NginxWorkers
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.nginx_site import NginxSite, Pool, SiteServed, Target
from remediate.probes.page import Page
from remediate.probes.prometheus import AlertmanagersOf, ConfigurationAge, PrometheusTime, Series
from remediate.probes.prometheus_rules import AlertRules
from remediate.probes.visits import MonitorVisits
from support import certificate_examples as exc
from support import examples as ex
from support import watching_examples as exw

PROMETHEUS = "http://127.0.0.1:9090"
SITE = Site(url="https://example.com/", asked_from=Vantage.HOST, contains="Welcome")
SERVED = ServedCertificate(domain="example.com", asked_from=Vantage.HOST)

OF_SITE: dict[Probe[Fact], tuple[Fact, ...]] = {
    NginxLog(): (
        ex.NO_ERRORS,
        NginxErrorLogs(
            files=(
                ErrorLogEnd(path="/var/log/nginx/a b.log", lines=("2026/11/29 21:00:00 [crit] 1#1: a", "two")),
                ErrorLogEnd(path="/var/log/nginx/error.log", lines=()),
            )
        ),
    ),
    NginxSite(domain="example.com"): (
        ex.SITE_SERVED,
        SiteServed(named=False, user=None, targets=(), pools=(), error_logs=()),
        SiteServed(
            named=None,
            user="www-data",
            targets=(
                Target(address="/run/php/x.sock", there=False),
                Target(address="/run/y.sock", there=None),
                Target(address="/run/z.sock", there=True, owner="forge:forge rw-rw----", shut=True),
                Target(address="9000", there=True),
                Target(address="9001", there=False),
            ),
            pools=(Pool(php="php8.2", name="www", listen="/run/php/y.sock", heard=False),),
            error_logs=("/var/log/nginx/example.com-error.log", "/var/log/nginx/b.log"),
            workers=(2, 1),
            unloaded=True,
        ),
    ),
    NginxConfig(): (ex.SOUND, ex.BROKEN_CONFIG, ex.UNCHECKED),
    SITE: (*(ex.page(status) for status in (200, 302, 404, 502)), ex.page(right=False)),
    SITE.model_copy(update={"asked_from": Vantage.CONTROLLER, "contains": None}): tuple(map(ex.no_page, HttpFailure)),
    SERVED: (
        exc.served(SERVED, exc.certificate()),
        exc.served(SERVED, exc.certificate(left=-3)),
        exc.served(SERVED, exc.certificate(left=100, lasts=90)),
        exc.served(SERVED, exc.certificate(names="*.example.com 192.0.2.1 2001:db8::1")),
        exc.served(SERVED, exc.certificate(names=""), verify=18),
        exc.unserved(NoHandshake.TLS),
    ),
    SERVED.model_copy(update={"asked_from": Vantage.CONTROLLER, "within_days": 10}): (
        *map(exc.unserved, NoHandshake),
        exc.served(SERVED.model_copy(update={"within_days": 10}), exc.certificate(left=20)),
    ),
    LineageCertificate(name="example.com"): (LineageState(certificate=exc.certificate()),),
    LineageChain(name="example.com"): (exc.TRUSTED, exc.SELF_SIGNED),
    Renewal(name="example.com"): (
        *(exc.BY_WEBROOT, exc.NO_LINEAGE),
        RenewalState(present=True, authenticator="dns-route53", before_days=10, enabled=False),
    ),
    Issuances(): (exc.issued(), exc.issued(80, 3, 1)),
    CertbotRunning(): (exc.NO_CERTBOT, exc.CERTBOT_AT_WORK),
    CertbotLog(): (ex.LINES, ex.NO_LINES),
    Authority(name="example.com"): (
        *(exc.AUTHORITY, exc.AUTHORITY_GONE),
        exc.AUTHORITY.model_copy(update={"failure": "answers 503"}),
        AuthorityState(server="https://ca.example.com/", failure="answers with something other than an ACME directory"),
    ),
    Challenge(domain="example.com"): (exc.CHALLENGE, ChallengeState(status=403)),
    Challenge(domain="example.com", asked_from=Vantage.CONTROLLER): (
        ChallengeState(status=301),
        ChallengeState(status=None, failure="no answer in time"),
    ),
    NginxCertificate(domain="example.com"): (
        ServerCertificate(files=()),
        ServerCertificate(files=("/etc/nginx/ssl/server.crt", "/etc/letsencrypt/live/example.com/fullchain.pem")),
    ),
    NginxWorkers(): (NginxWorkerPids(pids=(80, 82)), NginxWorkerPids(pids=())),
    Page(url="https://monitoring.example.com/", asked_from=Vantage.CONTROLLER, contains="up", token="env:TOKEN"): (
        *(ex.page(), ex.page(401), ex.page(right=False), *map(ex.no_page, HttpFailure)),
    ),
    Page(url="http://127.0.0.1:9090/-/ready", asked_from=Vantage.HOST): (ex.page(), ex.page(503)),
    AlertRules(url=PROMETHEUS, asked_from=Vantage.HOST): (
        *(exw.NO_RULES, exw.loaded(exw.rule(), exw.rule("Other", state="firing", labels=(("severity", "page"),)))),
        exw.loaded(exw.rule(health="err", error="many-to-many matching not allowed"), exw.rule(ago=None)),
    ),
    AlertRules(url=PROMETHEUS, asked_from=Vantage.CONTROLLER, alert="Disk space (low)"): (
        *(exw.NO_RULES, exw.loaded(exw.rule("Disk space (low)"))),
    ),
    PrometheusTime(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.SERVER_TIME,),
    ConfigurationAge(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.CONFIGURED,),
    AlertmanagersOf(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.SENDS, exw.SENDS_NOWHERE),
    Series(url=PROMETHEUS, asked_from=Vantage.HOST, vector='up{job="node"}'): (
        *(exw.NO_SERIES, exw.series("web1:9100"), exw.series("", "web1:9100", "web2:9100", each=1)),
    ),
    AlertmanagerRouting(url="http://127.0.0.1:9093", asked_from=Vantage.HOST): (
        *(exw.ROUTING, exw.SILENT, exw.routed(Matcher(label="severity", operator="=~", value="page|ticket"))),
        exw.routed(Matcher(label="", operator="", value="what is this?"), goes_on=True),
    ),
    MonitorVisits(log="/var/log/nginx/access.log", agent="UptimeRobot"): (
        *(exw.visit(), exw.visit(60, status=502), exw.visit(None), exw.visit(None, whole=False)),
    ),
}
