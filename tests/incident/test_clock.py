"""Due actions of an incident, on a given clock."""

import pytest

from remediate.core.playbook import Severity
from remediate.incident.clock import DueKind, due, named, span, when
from remediate.incident.events import (
    Acknowledged,
    Data,
    Escalated,
    Noted,
    Resolved,
    Reviewed,
    SeverityChanged,
    SituationFound,
    Updated,
)
from remediate.incident.settings import IncidentSettings
from remediate.incident.timeline import entries, terminal_lines
from remediate.incident.vocabulary import IncidentStatus, Situation
from support.toy_incidents import declared, folded, minutes, sent

SETTINGS = IncidentSettings()
ACK = (1, Acknowledged(commander="ana"))


def at(kind: DueKind, *happened: tuple[float, Data], now: float = 0, **given: object) -> list[float]:
    incident = folded(*happened, first=declared(**given))
    found = due(incident, SETTINGS, minutes(now))
    return [(one.at - minutes(0)).total_seconds() / 60 for one in found if one.kind is kind]


@pytest.mark.parametrize(("severity", "within"), [*zip(Severity, (15, 60, 240, 1440), strict=True)])
def test_somebody_claims_it_within_the_runbooks_time(severity: Severity, within: float) -> None:
    assert at(DueKind.ACKNOWLEDGE, severity=severity) == [within]
    assert at(DueKind.ACKNOWLEDGE, severity=severity, first_alert_at=minutes(-10)) == [within - 10]
    assert at(DueKind.ACKNOWLEDGE, ACK, severity=severity) == []


@pytest.mark.parametrize(("severity", "every"), [*zip(Severity, (30, 30, 60, None), strict=True)])
def test_everybody_is_told_as_often_as_the_runbook_says(severity: Severity, every: float | None) -> None:
    assert at(DueKind.UPDATE, severity=severity) == ([] if every is None else [every])
    if every is not None:
        shown = (10, Updated(status=IncidentStatus.IDENTIFIED))
        assert at(DueKind.UPDATE, shown, severity=severity) == [every], "what was only shown has told nobody"
        assert at(DueKind.UPDATE, shown, (10, sent()), severity=severity) == [10 + every]
        assert at(DueKind.UPDATE, (10, sent("escalation")), severity=severity) == [every]
        assert at(DueKind.UPDATE, severity=severity, now=2.5 * every) == [every], "overdue since the first"


def test_each_missed_update_is_due_anew() -> None:
    keys = {
        one.key for now in range(0, 121, 10) for one in due(folded(), SETTINGS, minutes(now)) if "update" in one.key
    }
    assert len(keys) == 4


def escalations(now: float, *happened: tuple[float, Data], **given: object) -> dict[str, tuple[str, ...]]:
    incident = folded(*happened, first=declared(**given))
    found = due(incident, SETTINGS, minutes(now))
    return {one.situation.value: one.roles for one in found if one.situation and one.over(minutes(now))}


def test_the_matrix_of_the_runbook() -> None:
    assert escalations(29.9) == {}
    assert escalations(30) == {"unresolved": ("tech-lead",)}
    assert escalations(60) == {"unresolved": ("tech-lead",), "customers": ("product", "support")}
    assert escalations(60, customers=False) == {"unresolved": ("tech-lead",)}
    assert escalations(60, severity=Severity.SEV3, customers=False) == {}
    breach = (5, SituationFound(situation=Situation.BREACH))
    assert escalations(4.9) == {}
    assert escalations(5, breach) == {"breach": ("security", "legal")}
    assert escalations(0, situations=("provider",), severity=Severity.SEV4) == {"provider": ("devops", "vendor")}


def test_a_call_says_why_as_the_matrix_does_and_whom() -> None:
    given = declared(situations=("provider",))
    calls = [one for one in due(folded(first=given), SETTINGS, minutes(0)) if one.kind is DueKind.ESCALATE]
    assert {named(one, SETTINGS): one.why for one in calls} == {
        "escalate to DevOps, Vendor": "infrastructure provider issue",
        "escalate to Tech Lead": "not resolved in 30 min",
        "escalate to Product, Support": "customer-facing impact for over 1 h",
    }


def test_whom_was_called_in_is_not_due_again_and_half_of_them_is_not_enough() -> None:
    lead = (31, Escalated(situation=Situation.UNRESOLVED, roles=("tech-lead",)))
    assert escalations(40, lead) == {}
    assert escalations(61, lead, (61, Escalated(roles=("product",)))) == {"customers": ("product", "support")}
    assert escalations(61, lead, (61, Escalated(roles=("product", "support")))) == {}


def test_a_higher_severity_brings_its_own_times() -> None:
    worse = (50, SeverityChanged(severity=Severity.SEV1))
    assert escalations(50, worse, severity=Severity.SEV3, customers=False) == {"unresolved": ("tech-lead",)}


def test_after_it_only_the_post_mortem_is_due() -> None:
    over = (20, Resolved(postmortem_at=minutes(2880)))
    assert [one.kind for one in due(folded(over), SETTINGS, minutes(500))] == [DueKind.POSTMORTEM]
    assert due(folded(over, first=declared(Severity.SEV3)), SETTINGS, minutes(500)) == ()
    draft, written = (21, Reviewed(path="x.md")), (22, Reviewed(path="x.md", edited=True))
    assert len(due(folded(over, draft), SETTINGS, minutes(500))) == 1
    assert due(folded(over, draft, written), SETTINGS, minutes(500)) == ()


def test_a_time_of_another_day_has_its_day() -> None:
    settings = IncidentSettings(timezone="Europe/Berlin")
    assert when(minutes(2), settings, minutes(0)) == "13:02 (12:02Z)"
    assert when(minutes(1440), settings, minutes(0)) == "2026-11-24 13:00 (12:00Z)"


@pytest.mark.parametrize("zone", ["UTC", "Europe/London"])
def test_where_local_time_is_utc_it_is_said_once(zone: str) -> None:
    settings = IncidentSettings(timezone=zone)
    assert when(minutes(2), settings, minutes(0)) == "12:02Z"
    assert when(minutes(1440), settings, minutes(0)) == "2026-11-24 12:00Z"
    told = entries(folded((1, Noted(text="two\nlines")), first=declared()))
    assert terminal_lines(told, settings) == [
        "2026-11-23 UTC",
        "12:00:00Z  SEV-1 declared: Application down   ana@desk",
        "12:01:00Z  note   ana@desk",
        "           two",
        "           lines",
    ]
    assert "12:01:00Z 13:01  note   ana@desk" in terminal_lines(told, IncidentSettings(timezone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("length", "words"),
    [(0.5, "30 s"), (30, "30 min"), (120, "2 h"), (125, "2 h 5 min"), (4560, "3 d 4 h"), (1440, "1 d")],
)
def test_a_span_is_told_as_people_tell_it(length: float, words: str) -> None:
    assert span(minutes(length) - minutes(0)) == words
