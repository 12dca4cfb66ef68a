"""Judgement of the checklist: a yes needs an evaluated, working and routed alert."""

import pytest

from remediate.errors import Unreadable
from remediate.maintenance.items.monitored import (
    CertificateAlerts,
    DatabaseMonitoring,
    DiskAlerts,
    Monitored,
    QueueMonitoring,
    Uptime,
)
from remediate.probes.alertmanager import Matcher
from remediate.probes.http import HttpFailure
from remediate.probes.prometheus import Alertmanagers
from remediate.probes.prometheus_rules import AlertRules
from support import examples as ex
from support import watching_examples as exw
from support.checklist import Known, judged, watched
from support.monitored import (
    BOTH,
    CONFIGURATION,
    HERE,
    PROMETHEUS,
    READY,
    ROUTES,
    RULES,
    SENDERS,
    SERIES,
    TELLS,
    WELL,
    found,
)

DISK = watched(prometheus=BOTH, disk={"alert": "DiskSpaceLow"})
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
    "an expression nobody can follow": (rules(query="a § b"), None, "cannot be parsed"),
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
