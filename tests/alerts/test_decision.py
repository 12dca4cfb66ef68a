"""Decisions of a policy: the truth table of auto, and hosts that no label can invent."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.decision import AlertDecision, Doubts, Recent, SuppressedBy, decided, host_of
from remediate.alerts.policy import AlertPolicy, HostMapping, PolicyMode, QuietHours
from support.alerting import BEARER, HOSTILE, NAMES, NOON, SIGNED, SITE, TYPED, alert, policy


@pytest.fixture
def given_policy(tmp_path: Path) -> AlertPolicy:
    return policy(tmp_path)


PROVEN = Doubts(None, {})


def asked(
    of: AlertPolicy,
    *,
    source: str = "grafana",
    by: Authentication = SIGNED,
    host: str = "web1",
    name: str = "SiteDown",
    doubts: Doubts = PROVEN,
    recent: Recent = Recent(),  # noqa: B008 - it is immutable
    local: datetime = NOON,
    **labels: str,
) -> AlertDecision:
    one = alert(name, host=host, source=source, labels=labels)
    rule = of.rule_for(one.labels, source)
    assert rule is not None
    return decided(of, rule, host, one.labels, by, doubts, recent, local, NOON)


def test_a_signed_alert_of_a_proven_playbook_is_auto(given_policy: AlertPolicy) -> None:
    decision = asked(given_policy)
    assert (decision.mode, decision.rule, decision.action, decision.host) == (
        PolicyMode.AUTO,
        "site-down",
        "app-down",
        "web1",
    )
    assert decision.suppressed_by is None


def test_a_bearer_is_auto_for_what_the_policy_lists(given_policy: AlertPolicy) -> None:
    assert asked(given_policy, source="prometheus", by=BEARER).mode is PolicyMode.AUTO


AGAINST: dict[str, tuple[dict[str, Any], SuppressedBy]] = {
    "typed at a terminal": ({"by": TYPED}, SuppressedBy.NOT_AUTHENTICATED),
    "typed as the source": (
        {"by": Authentication(how=Means.TERMINAL, source="grafana")},
        SuppressedBy.NOT_AUTHENTICATED,
    ),
    "a bearer for another host": (
        {"source": "prometheus", "by": BEARER, "host": "web2"},
        SuppressedBy.NOT_AUTHENTICATED,
    ),
    "a bearer of a source that signs": (
        {"by": Authentication(how=Means.BEARER, source="grafana")},
        SuppressedBy.NOT_AUTHENTICATED,
    ),
    "a bearer of no source": ({"by": Authentication(how=Means.BEARER, source="gone")}, SuppressedBy.NOT_AUTHENTICATED),
    "paused": ({"doubts": Doubts("ana: a deploy", {})}, SuppressedBy.PAUSED),
    "not rehearsed": ({"doubts": Doubts(None, {"app-down": "never rehearsed"})}, SuppressedBy.NOT_REHEARSED),
    "the same began": ({"recent": Recent(NOON - timedelta(minutes=9))}, SuppressedBy.COOL_DOWN),
    "the same began in the future": ({"recent": Recent(NOON + timedelta(minutes=9))}, SuppressedBy.COOL_DOWN),
    "the third time": ({"recent": Recent(host_hour=2, host_day=2)}, SuppressedBy.HOST_LIMIT),
    "the fourth time in a day": ({"recent": Recent(host_day=3)}, SuppressedBy.HOST_LIMIT),
    "the eleventh on the fleet": ({"recent": Recent(fleet_hour=10)}, SuppressedBy.FLEET_LIMIT),
    "at night": ({"local": NOON.replace(hour=23)}, SuppressedBy.QUIET_HOURS),
}


@pytest.mark.parametrize(("changed", "why"), AGAINST.values(), ids=AGAINST)
def test_each_thing_alone_makes_it_a_proposal(tmp_path: Path, changed: dict[str, Any], why: SuppressedBy) -> None:
    of = policy(tmp_path, f"{SITE}quiet_hours:\n  - {{start: '22:00', end: '06:00'}}\n")
    decision = asked(of, **changed)
    assert (decision.mode, decision.suppressed_by) == (PolicyMode.PROPOSE, why)
    assert "a person decides" in decision.reason


def test_all_reasons_are_told(given_policy: AlertPolicy) -> None:
    decision = asked(
        given_policy,
        by=TYPED,
        doubts=Doubts("everything is paused by ana", {"app-down": "never rehearsed"}),
        recent=Recent(host_hour=2),
    )
    for words in (
        "terminal",
        "everything is paused by ana",
        "app-down is never rehearsed",
        "third time in an hour on web1",
    ):
        assert words in decision.reason


@pytest.mark.parametrize(
    "recent", [Recent(NOON - timedelta(minutes=10)), Recent(host_hour=1, host_day=2, fleet_hour=9)], ids=str
)
def test_below_the_limits_it_stays_auto(given_policy: AlertPolicy, recent: Recent) -> None:
    assert asked(given_policy, recent=recent).mode is PolicyMode.AUTO


def test_a_rule_that_only_proposes_is_never_more(given_policy: AlertPolicy) -> None:
    decision = asked(
        given_policy, name="CacheDown", severity="page", doubts=Doubts("x", {}), recent=Recent(host_hour=9)
    )
    assert (decision.mode, decision.suppressed_by) == (PolicyMode.PROPOSE, None)


@cache
def _policy_once() -> AlertPolicy:
    with TemporaryDirectory() as directory:
        return policy(Path(directory))


_AUTHENTICATIONS = st.sampled_from((SIGNED, BEARER, TYPED))
_DOUBTS = st.builds(Doubts, st.none() | st.just("why"), st.just({}) | st.just({"app-down": "never rehearsed"}))
_RECENT = st.builds(Recent, st.none(), st.integers(0, 4), st.integers(0, 5), st.integers(0, 12))


@given(_AUTHENTICATIONS, _DOUBTS, _RECENT)
def test_auto_is_never_without_all_of_it(by: Authentication, doubts: Doubts, recent: Recent) -> None:
    source = "prometheus" if by is BEARER else "grafana"
    mode = asked(_policy_once(), source=source, by=by, doubts=doubts, recent=recent).mode
    allowed = (
        by is not TYPED and doubts == PROVEN and recent.host_hour < 2 and recent.host_day < 3 and recent.fleet_hour < 10
    )
    assert mode is (PolicyMode.AUTO if allowed else PolicyMode.PROPOSE)


# Matching


def test_a_rule_matches_equal_labels_only(given_policy: AlertPolicy) -> None:
    def rule(source: str = "any", **labels: str) -> str | None:
        found = given_policy.rule_for(labels, source)
        return None if found is None else found.name

    assert rule(alertname="CacheDown", severity="page", other="x") == "cache"
    assert rule(alertname="CacheDown", severity="PAGE") is None
    assert rule(alertname="CacheDown") is None
    assert rule(alertname="CacheDown ", severity="page") is None
    assert rule(alertname=".*", severity="page") is None
    assert rule(alertname="SiteDown") is None
    assert rule("grafana", alertname="SiteDown") == "site-down"
    assert rule("prometheus", alertname="SiteDown") == "site-down-unsigned"


# Hosts

BY_NAME = HostMapping.model_validate({"label": "host"})
BY_TABLE = HostMapping.model_validate({"label": "host", "table": {"http://a/": "web1"}})
LISTED = HostMapping.model_validate({"label": "host", "names": ["web1"]})


def test_a_host_is_named_by_equality_or_by_the_table() -> None:
    assert host_of(BY_NAME, {"host": "web2"}, NAMES) == ("web2", "")
    assert host_of(BY_TABLE, {"host": "http://a/"}, NAMES) == ("web1", "")
    assert host_of(LISTED, {"host": "web1"}, NAMES) == ("web1", "")


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("mapping", [BY_NAME, BY_TABLE, LISTED], ids=["name", "table", "listed"])
def test_nothing_else_is_a_host(mapping: HostMapping, value: str) -> None:
    host, why = host_of(mapping, {"host": value}, NAMES)
    assert host is None
    assert why.isprintable()
    assert "host" in why


def test_a_host_that_is_not_named_is_none() -> None:
    host, why = host_of(BY_NAME, {}, NAMES)
    assert (host, why) == (None, "the label host is missing or empty, so no host is named")
    assert host_of(LISTED, {"host": "web2"}, NAMES)[1] == "host='web2' is none of the rule's hosts: web1"
    assert "hosts: web1, web2, db1" in host_of(BY_NAME, {"host": "web9"}, NAMES)[1]


@given(st.text())
def test_no_text_is_a_host_but_the_names(value: str) -> None:
    assert host_of(BY_NAME, {"host": value}, NAMES)[0] in {None, "web1", "web2", "db1"}


# Quiet hours


@pytest.mark.parametrize(
    ("start", "end", "clock", "quiet"),
    [
        ("22:00", "06:00", "22:00", True),
        ("22:00", "06:00", "05:59", True),
        ("22:00", "06:00", "06:00", False),
        ("22:00", "06:00", "12:00", False),
        ("09:00", "17:00", "09:00", True),
        ("09:00", "17:00", "17:00", False),
        ("09:00", "17:00", "23:00", False),
    ],
)
def test_quiet_hours(start: str, end: str, clock: str, quiet: bool) -> None:
    hours = QuietHours.model_validate({"start": start, "end": end})
    local = datetime.fromisoformat(f"2026-11-23T{clock}:00").replace(tzinfo=UTC)
    assert hours.hold(local) is quiet
