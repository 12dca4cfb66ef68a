"""Judgement of the checklist: a yes needs an evaluated, working and routed alert."""

from collections.abc import Mapping

import pytest

from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.maintenance.items.monitored import (
    CertificateAlerts,
    DatabaseMonitoring,
    DiskAlerts,
    Monitored,
    QueueMonitoring,
    Uptime,
)
from remediate.probes.alertmanager import AlertmanagerRouting, Matcher
from remediate.probes.http import HttpFailure
from remediate.probes.page import Page
from remediate.probes.prometheus import Alertmanagers, AlertmanagersOf, ConfigurationAge, PrometheusTime, Series
from remediate.probes.prometheus_rules import AlertRules
from remediate.probes.visits import MonitorVisits
from support import examples as ex
from support import watching_examples as exw
from support.checklist import Known, judged, watched

PROMETHEUS, ALERTMANAGER = "http://127.0.0.1:9090", "http://127.0.0.1:9093"
HERE = Vantage.HOST
BOTH = {"url": PROMETHEUS, "alertmanager": ALERTMANAGER}
DISK = watched(prometheus=BOTH, disk={"alert": "DiskSpaceLow"})
READY = Page(url=f"{PROMETHEUS}/-/ready", asked_from=HERE)
TELLS = Page(url=f"{ALERTMANAGER}/-/ready", asked_from=HERE)
RULES = AlertRules(url=PROMETHEUS, asked_from=HERE, alert="DiskSpaceLow")
TIME = PrometheusTime(url=PROMETHEUS, asked_from=HERE)
CONFIGURATION = ConfigurationAge(url=PROMETHEUS, asked_from=HERE)
SENDERS = AlertmanagersOf(url=PROMETHEUS, asked_from=HERE)
ROUTES = AlertmanagerRouting(url=ALERTMANAGER, asked_from=HERE)


def found(vector: str) -> Series:
    return Series(url=PROMETHEUS, asked_from=HERE, vector=vector)


SERIES = found("node_filesystem_avail_bytes")
WELL: Known = {
    READY: ex.page(),
    TELLS: ex.page(),
    RULES: exw.loaded(exw.rule()),
    TIME: exw.SERVER_TIME,
    CONFIGURATION: exw.CONFIGURED,
    SENDERS: exw.SENDS,
    ROUTES: exw.ROUTING,
    SERIES: exw.series("web1:9100"),
}
LABELLED = 'node_filesystem_avail_bytes{mountpoint="/data"}'


def test_an_alert_that_would_be_heard() -> None:
    finding = judged(DiskAlerts(), DISK, WELL)
    assert (finding.ok, finding.summary) == (True, "alert DiskSpaceLow is evaluated, can fire, and has a receiver")
    said = "\n".join(finding.evidence)
    assert "evaluated 4 s ago by Prometheus's clock, state inactive" in said
    assert "node_filesystem_avail_bytes has 3 series now, of web1:9100" in said
    assert "DiskSpaceLow goes to on-call (webhook)" in said
    assert "not proven: no alert was sent, and silences were not looked at" in said
    assert finding.advice == ()


def test_one_that_fires_is_said_to() -> None:
    finding = judged(DiskAlerts(), DISK, {**WELL, RULES: exw.loaded(exw.rule(state="firing"))})
    assert finding.ok
    assert "it fires at present" in "\n".join(finding.evidence)


def rules(**changed: object) -> Known:
    return {RULES: exw.loaded(exw.rule(**changed))}  # type: ignore[arg-type]  # whatever a rule has


CASES: dict[str, tuple[Known, bool | None, str]] = {
    "nothing listens": ({READY: ex.no_page()}, False, "nobody evaluates DiskSpaceLow: Prometheus: no connection"),
    "not ready yet": ({READY: ex.page(503)}, None, "whether DiskSpaceLow is evaluated is not known: Prometheus: 503"),
    "no answer in time": ({READY: ex.no_page(HttpFailure.TIMEOUT)}, None, "no answer in time"),
    "no such rule": ({RULES: exw.NO_RULES}, False, "Prometheus has no alert rule called DiskSpaceLow"),
    "rules too long to be read": ({RULES: Unreadable("too long")}, None, "too long"),
    "fails": (rules(health="err", error="vector cannot\ncontain"), False, "fails whenever it is evaluated: vector"),
    "never evaluated": (rules(ago=None), None, "has not been evaluated yet"),
    "no longer evaluated": (rules(ago=3600), False, "was last evaluated 60 min ago"),
    "a slow group": (rules(ago=3600, interval=1200), True, "has a receiver"),
    "nobody delivers it": ({SERIES: exw.NO_SERIES}, False, "DiskSpaceLow cannot fire: there is no series of node_file"),
    "several hosts": ({SERIES: exw.series("a:9100", "b:9100")}, None, "series of several things: a:9100, b:9100"),
    "series cannot be counted": ({SERIES: Unreadable("503")}, None, "whether DiskSpaceLow can fire is not known: 503"),
    "no Alertmanager yet": (
        {SENDERS: exw.SENDS_NOWHERE, CONFIGURATION: exw.CONFIGURED_JUST_NOW},
        None,
        "reloaded 3 s ago and has found no Alertmanager yet",
    ),
    "no Alertmanager, and nobody knows since when": (
        {SENDERS: exw.SENDS_NOWHERE, CONFIGURATION: Unreadable("404")},
        None,
        "Prometheus knows no Alertmanager, perhaps not yet: 404",
    ),
    "no Alertmanager": ({SENDERS: exw.SENDS_NOWHERE}, False, "Prometheus knows no Alertmanager"),
    "Alertmanager is down": (
        {TELLS: ex.no_page()},
        False,
        "nobody is notified of any alert: Alertmanager: no connection",
    ),
    "one Alertmanager of two is down": (
        {
            TELLS: ex.no_page(),
            SENDERS: Alertmanagers(active=(*exw.SENDS.active, "http://192.0.2.9:9093/api/v2/alerts")),
        },
        None,
        "it is not known if anybody is notified: Alertmanager: no connection",
    ),
    "Alertmanager is slow": ({TELLS: ex.no_page(HttpFailure.TIMEOUT)}, None, "it is not known if anybody is notified"),
    "a receiver without means": ({ROUTES: exw.SILENT}, False, "DiskSpaceLow reaches nobody: receiver null"),
    "routes cannot be read": ({ROUTES: Unreadable("secret agents")}, None, "secret agents"),
    "routed by a label that series bring": (
        {ROUTES: exw.routed(Matcher(label="team", operator="=", value="web"))},
        None,
        "goes to on-call (webhook), or to null",
    ),
    "routed by a label of the rule": (
        {
            ROUTES: exw.routed(Matcher(label="severity", operator="=", value="page")),
            **rules(labels=(("severity", "page"),)),
        },
        True,
        "has a receiver",
    ),
    "an expression nobody can follow": (rules(query="a § b"), None, "cannot be followed"),
    "too many sets of series": (rules(query=" + ".join(f"m{n}" for n in range(13))), None, "too many to look into"),
    "absence is what it is about": (rules(query="absent(node_load1)"), True, "has a receiver"),
    "no labels like that": (
        {**rules(query=LABELLED), found(LABELLED): exw.NO_SERIES},
        None,
        "a mistake, or what it is about has not happened yet",
    ),
    "no such metric": (
        {**rules(query=LABELLED), found(LABELLED): exw.NO_SERIES, SERIES: exw.NO_SERIES},
        False,
        "cannot fire",
    ),
    "no labels like that over a range": (
        {**rules(query=f"rate({LABELLED}[30d])"), found(f"count_over_time({LABELLED}[30d])"): exw.NO_SERIES},
        None,
        "a mistake, or what it is about has not happened yet",
    ),
    "one alternative is there": (
        {
            **rules(query="node_filesystem_avail_bytes < 1 or disk_free < 1"),
            found("disk_free"): exw.NO_SERIES,
        },
        None,
        "no series of disk_free",
    ),
    "no alternative is there": (
        {
            **rules(query="node_filesystem_avail_bytes < 1 or disk_free < 1"),
            found("disk_free"): exw.NO_SERIES,
            SERIES: exw.NO_SERIES,
        },
        False,
        "no series of disk_free",
    ),
    "two of one name, one of which is blind": (
        {
            RULES: exw.loaded(exw.rule(), exw.rule(query="disk_free < 1")),
            found("disk_free"): exw.NO_SERIES,
        },
        False,
        "no series of disk_free",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_keeps_an_alert_from_being_heard(case: str) -> None:
    known, ok, says = CASES[case]
    finding = judged(DiskAlerts(), DISK, {**WELL, **known})
    assert (finding.ok, says in finding.summary) == (ok, True), finding.summary
    assert "\n" not in finding.summary
    if not ok:
        assert finding.advice[-1] == "see https://alerts.example.com/"


def test_a_no_outweighs_what_is_not_known() -> None:
    finding = judged(DiskAlerts(), DISK, {**WELL, SERIES: exw.NO_SERIES, ROUTES: Unreadable("not read")})
    assert finding.ok is False
    assert "not read" in finding.evidence
    assert "not read" not in finding.summary


OWN: Known = {found('node_filesystem_avail_bytes{instance="web1:9100"}'): exw.series("web1:9100")}


def moved(known: Known, place: Mapping[str, str]) -> Known:
    """The same answers, of servers elsewhere or asked from elsewhere."""
    addresses = {PROMETHEUS: place["url"], ALERTMANAGER: place.get("alertmanager", ALERTMANAGER).rstrip("/")}
    answers: dict[Probe[Fact], Fact | Unreadable] = {}
    for probe, fact in known.items():
        stated = probe.model_dump()
        for old, new in addresses.items():
            stated["url"] = stated["url"].replace(old, new)
        answers[type(probe).model_validate({**stated, "asked_from": Vantage(place.get("vantage", "host"))})] = fact
    return answers


def test_the_series_of_this_host_alone() -> None:
    machine = watched(prometheus=BOTH, disk={"alert": "DiskSpaceLow", "instance": "web1:9100"})
    own = found('node_filesystem_avail_bytes{instance="web1:9100"}')
    assert judged(DiskAlerts(), machine, {**WELL, own: exw.series("web1:9100")}).ok is True
    missing = judged(DiskAlerts(), machine, {**WELL, own: exw.NO_SERIES})
    assert (missing.ok, "no series of web1:9100" in missing.summary) == (False, True)


def test_an_alertmanager_nobody_named_is_not_taken_for_one_that_answers() -> None:
    machine = watched(prometheus={"url": PROMETHEUS}, disk={"alert": "DiskSpaceLow"})
    finding = judged(DiskAlerts(), machine, WELL)
    assert (finding.ok, "whether the Alertmanager answers is not known" in finding.summary) == (None, True)
    assert "remediate.monitoring.prometheus.alertmanager" in finding.advice[0]


ELSEWHERE = "http://prometheus.example.com:9090"
REMOTE = {"url": ELSEWHERE, "alertmanager": "http://prometheus.example.com:9093"}


@pytest.mark.parametrize(
    "place",
    [{"url": PROMETHEUS, "vantage": "controller"}, REMOTE, {**REMOTE, "vantage": "controller"}],
)
def test_the_only_thing_that_is_watched_may_be_another_host(place: dict[str, str]) -> None:
    for instance, ok in ((None, None), ("web1:9100", True)):
        machine = watched(prometheus={**BOTH, **place}, disk={"alert": "DiskSpaceLow", "instance": instance})
        finding = judged(DiskAlerts(), machine, {**moved(WELL, place), **moved(OWN, place)})
        assert finding.ok is ok, finding.summary
    finding = judged(
        DiskAlerts(), watched(prometheus={**BOTH, **place}, disk={"alert": "DiskSpaceLow"}), moved(WELL, place)
    )
    assert "of web1:9100: whether that is this host is not known" in finding.summary
    assert finding.advice[0] == "say what it calls this host: remediate.monitoring.disk.instance"


SENT = [
    (PROMETHEUS, ALERTMANAGER, "http://localhost:9093/api/v2/alerts", True),
    (PROMETHEUS, ALERTMANAGER, "http://[::1]:9093/api/v2/alerts", True),
    (PROMETHEUS, "http://am.example.com", "http://am.example.com:80/api/v2/alerts", True),
    (PROMETHEUS, "https://am.example.com/", "https://am.example.com/prefix/api/v2/alerts", True),
    (PROMETHEUS, ALERTMANAGER, "http://decommissioned:9093/api/v2/alerts", None),
    (PROMETHEUS, ALERTMANAGER, "http://127.0.0.1:9094/api/v2/alerts", None),
    (PROMETHEUS, ALERTMANAGER, "http://[::1", None),
    # Its localhost is not this host's.
    (ELSEWHERE, ALERTMANAGER, "http://127.0.0.1:9093/api/v2/alerts", None),
    (ELSEWHERE, "http://prometheus.example.com:9093", "http://127.0.0.1:9093/api/v2/alerts", True),
]


@pytest.mark.parametrize(("prometheus", "alertmanager", "sent", "ok"), SENT)
def test_an_alertmanager_is_the_one_that_prometheus_sends_to(
    prometheus: str, alertmanager: str, sent: str, ok: bool | None
) -> None:
    place = {"url": prometheus, "alertmanager": alertmanager}
    machine = watched(prometheus=place, disk={"alert": "DiskSpaceLow", "instance": "web1:9100"})
    known = moved({**WELL, **OWN, SENDERS: Alertmanagers(active=(sent,))}, place)
    finding = judged(DiskAlerts(), machine, known)
    assert finding.ok is ok, finding.summary
    if ok is None:
        said = f"Prometheus sends to {sent}, which is not known to be the Alertmanager at {alertmanager}"
        assert finding.summary == said
        assert "remediate.monitoring.prometheus.alertmanager" in finding.advice[0]
        # One that does not answer and is sent nothing to proves no more.
        tells = Page(url=f"{alertmanager}/-/ready", asked_from=HERE)
        assert judged(DiskAlerts(), machine, {**known, tells: ex.no_page()}).ok is None


@pytest.mark.parametrize(
    ("page", "says"), [(READY, "is evaluated is not known"), (TELLS, "it is not known if anybody")]
)
def test_what_refuses_the_controller_may_answer_others(page: Page, says: str) -> None:
    place = {"url": PROMETHEUS, "vantage": "controller"}
    machine = watched(prometheus={**BOTH, **place}, disk={"alert": "DiskSpaceLow", "instance": "web1:9100"})
    finding = judged(DiskAlerts(), machine, moved({**WELL, **OWN, page: ex.no_page()}, place))
    assert (finding.ok, says in finding.summary) == (None, True), finding.summary


def test_it_is_asked_from_where_the_inventory_says() -> None:
    machine = watched(prometheus={**BOTH, "vantage": "controller"}, disk={"alert": "DiskSpaceLow"})
    assert {probe.vantage for probe in DiskAlerts().probes(machine)} == {Vantage.CONTROLLER}


EVERY_LINE = (Uptime(), DatabaseMonitoring(), QueueMonitoring(), DiskAlerts(), CertificateAlerts())


@pytest.mark.parametrize("item", EVERY_LINE, ids=lambda item: item.name)
def test_nothing_configured_is_a_no(item: Monitored) -> None:
    finding = judged(item, watched(), {})
    assert finding.ok is False
    assert finding.summary == f"nothing is configured in the inventory: remediate.monitoring.{item.key}"
    assert item.probes(watched()) == ()
    assert finding.advice[-1] == "see https://alerts.example.com/"


USUAL = {
    "uptime": "probe_success == 0",
    "database": "mysql_up == 0",
    "queue": "horizon_pending_jobs > 1000",
    "disk": "node_filesystem_avail_bytes < 1e9",
    "certificate": "probe_ssl_earliest_cert_expiry - time() < 86400",
}


@pytest.mark.parametrize("item", EVERY_LINE, ids=lambda item: item.name)
def test_what_prometheus_may_have_is_named(item: Monitored) -> None:
    machine = watched(prometheus=BOTH)
    every = AlertRules(url=PROMETHEUS, asked_from=HERE)
    known: Known = {every: exw.loaded(*(exw.rule(f"Alert of {key}", query) for key, query in USUAL.items()))}
    finding = judged(item, machine, known)
    assert finding.ok is None
    assert finding.summary.endswith(f"Prometheus has Alert of {item.key}")
    assert f"remediate.monitoring.{item.key}.alert: Alert of {item.key}" in finding.advice[0]

    other = judged(item, machine, {every: exw.loaded(exw.rule("Other", "node_load1 > 9"), exw.rule("Odd", "§"))})
    assert (other.ok, "none of Prometheus's 2 alert rules" in other.summary) == (False, True)
    unknown = judged(item, machine, {every: Unreadable("no connection")})
    assert (unknown.ok, unknown.summary.endswith("is not known: no connection")) == (None, True)


@pytest.mark.parametrize("item", EVERY_LINE, ids=lambda item: item.name)
def test_every_line_reads_its_own_part_of_the_inventory(item: Monitored) -> None:
    machine = watched(prometheus=BOTH, **{item.key: {"alert": "DiskSpaceLow"}})
    assert judged(item, machine, WELL).ok is True


# -- a service outside -------------------------------------------------------------------------------------------------

LOG = "/var/log/nginx/access.log"
VISITS = MonitorVisits(log=LOG, agent="UptimeRobot")
VISITED = watched(uptime={"visits": {"log": LOG, "agent": "UptimeRobot"}})
API = "https://monitoring.example.com/api/17"
PAGE = Page(url=API, asked_from=Vantage.CONTROLLER, contains="active", token="env:TOKEN")
ASKED = watched(uptime={"endpoint": {"url": API, "contains": "active", "token": "env:TOKEN"}})


@pytest.mark.parametrize(
    ("known", "ok", "says"),
    [
        (exw.visit(3), True, "UptimeRobot visits the site"),
        (exw.visit(15), True, "UptimeRobot visits the site"),
        (exw.visit(-0.5), True, "UptimeRobot visits the site"),
        (exw.visit(16), False, "visited 16 min ago for the last time, 15 min are allowed"),
        (exw.visit(None), False, f"no visit of somebody calling itself UptimeRobot in {LOG}"),
        (exw.visit(None, whole=False), None, "in the last 16 MiB"),
        (exw.visit(None, reach=15), None, "which begins 15 min ago: was it rotated?"),
        (exw.visit(None, reach=None), None, "which is empty: was it rotated?"),
        (exw.visit(None, reach=16), False, "no visit of"),
        (exw.visit(-60), None, "60 min in the future"),
        (Unreadable("Permission denied"), None, "Permission denied"),
    ],
)
def test_visits(known: Fact | Unreadable, ok: bool | None, says: str) -> None:
    finding = judged(Uptime(), VISITED, {VISITS: known})
    assert (finding.ok, says in finding.summary) == (ok, True), finding.summary


def test_a_visit_is_no_proof() -> None:
    finding = judged(Uptime(), VISITED, {VISITS: exw.visit(3, status=502)})
    assert finding.evidence == (
        "somebody calling itself UptimeRobot visited 3 min ago and was answered 502",
        "not proven: anybody can call itself so, and whom it would tell is not known here",
    )


@pytest.mark.parametrize(
    ("known", "ok", "says"),
    [
        (ex.page(), True, "the monitoring service says yes"),
        (ex.page(right=False), False, "does not hold 'active'"),
        (ex.page(401), None, "says neither yes nor no: 401"),
        (ex.page(403), None, "403"),
        (ex.page(302, redirect="https://monitoring.example.com/login"), None, "302 to"),
        (ex.page(503), None, "503"),
        (ex.no_page(HttpFailure.TIMEOUT), None, "no answer in time"),
        (Unreadable("the token for it: there is no such variable"), None, "no such variable"),
    ],
)
def test_an_endpoint(known: Fact | Unreadable, ok: bool | None, says: str) -> None:
    finding = judged(Uptime(), ASKED, {PAGE: known})
    assert (finding.ok, says in finding.summary) == (ok, True), finding.summary


def test_of_all_that_is_given_everything_has_to_say_yes() -> None:
    machine = watched(
        prometheus=BOTH,
        uptime={
            "alert": "DiskSpaceLow",
            "visits": {"log": LOG, "agent": "UptimeRobot"},
            "endpoint": {"url": API, "contains": "active", "token": "env:TOKEN"},
        },
    )
    known: Known = {**WELL, VISITS: exw.visit(3), PAGE: ex.page()}
    assert judged(Uptime(), machine, known).ok is True
    assert judged(Uptime(), machine, {**known, PAGE: ex.page(500)}).ok is None
    assert judged(Uptime(), machine, {**known, VISITS: exw.visit(99), PAGE: ex.page(500)}).ok is False
    assert judged(Uptime(), machine, {**known, READY: ex.no_page()}).ok is False
