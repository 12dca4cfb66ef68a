"""Judgement of the checklist: servers and services outside the host."""

from collections.abc import Mapping

import pytest

from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.maintenance.items.monitored import (
    DiskAlerts,
    Uptime,
)
from remediate.probes.http import HttpFailure
from remediate.probes.page import Page
from remediate.probes.prometheus import Alertmanagers
from remediate.probes.visits import MonitorVisits
from support import examples as ex
from support import watching_examples as exw
from support.checklist import Known, judged, watched
from support.monitored import ALERTMANAGER, BOTH, HERE, PROMETHEUS, READY, SENDERS, TELLS, WELL, found

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
