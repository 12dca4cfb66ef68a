"""Folded events: complete and unchanged, in any order and on any clock."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.events import (
    Acknowledged,
    Announced,
    CommandTaken,
    Contained,
    Declared,
    Escalated,
    Event,
    Identified,
    Messaged,
    Noted,
    Resolved,
    Reviewed,
    SeverityChanged,
    SituationFound,
    Updated,
)
from remediate.incident.record import fold
from remediate.incident.run_events import RunLanded
from remediate.incident.vocabulary import IncidentStatus, Situation
from support.toy_incidents import declared, events, folded, minutes, run, step

EVERY = (
    (1, Acknowledged(commander="ben")),
    (2, SeverityChanged(severity=Severity.SEV2, reason="logins work")),
    (3, Contained(action="took web2 out of the pool")),
    (4, Identified(cause="out of memory")),
    (5, run("fixed", step())),
    (6, Updated(status=IncidentStatus.MONITORING, state="it holds")),
    (7, Escalated(situation=Situation.CUSTOMERS, roles=("product",))),
    (8, Noted(text="a note")),
    (9, Announced(due="update:1", text="an update is due")),
    (10, Messaged(message="m", message_kind="update", audience="internal", title="t")),
    (11, CommandTaken(commander="cleo")),
    (12, SituationFound(situation=Situation.PROVIDER)),
    (13, Resolved(summary="more memory", postmortem_at=minutes(3000))),
    (14, Reviewed(path="x.md")),
)


def test_everything_that_happened_is_in_what_it_comes_to() -> None:
    incident = folded(*EVERY)
    assert (incident.status, incident.severity, incident.commander) == (IncidentStatus.RESOLVED, Severity.SEV2, "cleo")
    assert (incident.acknowledged_at, incident.acknowledged_by) == (minutes(1), "ana@desk")
    assert (incident.identified_at, incident.cause) == (minutes(4), "out of memory")
    assert (incident.fixed_at, len(incident.runs), incident.hosts) == (minutes(5), 1, ("web1",))
    assert incident.containments == ("took web2 out of the pool",)
    assert (incident.last_update_at, incident.resolved_at) == (minutes(6), minutes(13))
    assert incident.situations == (Situation.PROVIDER,)
    assert incident.announced == {"update:1"}
    assert (incident.postmortem_at, incident.postmortem_path) == (minutes(3000), "x.md")
    assert len(incident.timeline) == len(EVERY) + 1


def test_the_order_in_which_events_are_read_changes_nothing() -> None:
    read = list(events((0, declared()), *EVERY[:5]))
    assert len({fold(order).model_dump_json() for order in permutations(read)}) == 1


def test_what_is_stored_comes_back() -> None:
    for event in events((0, declared()), *EVERY):
        assert Event.model_validate_json(event.model_dump_json()) == event


def test_without_a_declaration_there_is_no_incident() -> None:
    for some in ((), events((1, Noted(text="x")))):
        with pytest.raises(ConfigurationError):
            fold(some)


def test_what_came_before_the_declaration_is_told_before_it() -> None:
    incident = folded((-5, run("refused", step("refuse", "unit-masked"))))
    assert [event.kind for event in incident.timeline] == ["run", "declared"]
    assert incident.identified_at == minutes(-5)


def test_the_first_to_claim_it_has_it_and_what_is_over_stays_over() -> None:
    incident = folded(
        (1, Acknowledged(commander="ben")),
        (2, Acknowledged(commander="cleo")),
        (3, Resolved(summary="first")),
        (4, Resolved(summary="second")),
        (5, Updated(status=IncidentStatus.MONITORING)),
        (6, run("fixed", step())),
    )
    assert (incident.commander, incident.acknowledged_at) == ("ben", minutes(1))
    assert (incident.resolution, incident.status) == ("first", IncidentStatus.RESOLVED)


def test_a_fix_is_watched_and_one_that_did_not_hold_no_longer() -> None:
    assert folded((1, run("fixed", step()))).status is IncidentStatus.MONITORING
    assert folded((1, run("fixed", step())), (2, run("not_fixed", step()))).status is IncidentStatus.IDENTIFIED
    assert folded((1, run("healthy"))).status is IncidentStatus.INVESTIGATING
    assert folded((1, run(None))).status is IncidentStatus.INVESTIGATING


@pytest.mark.parametrize("mode", ["fix", "plan"])
@pytest.mark.parametrize("verdict", ["not_fixed", "refused", "unknown", "unreachable", "mixed", "pending"])
def test_evidence_against_a_fix_ends_the_watching(mode: str, verdict: str) -> None:
    fixed = (1.0, run("fixed", step()))
    refuted = folded(fixed, (2, run(verdict, mode=mode)))
    assert (refuted.status, refuted.fixed_at) == (IncidentStatus.IDENTIFIED, None)
    said = folded((1, Updated(status=IncidentStatus.MONITORING)), (2, run(verdict, mode=mode)))
    assert said.status is IncidentStatus.IDENTIFIED
    again = folded(fixed, (2, run(verdict, mode=mode)), (3, run("fixed", step())))
    assert (again.status, again.fixed_at) == (IncidentStatus.MONITORING, minutes(3))


@pytest.mark.parametrize(
    "after",
    [
        run("healthy", mode="plan"),
        run("interrupted", mode="plan"),
        run(None),
        run("usage"),
        run("refused", playbook="do.x.y"),
    ],
)
def test_what_says_nothing_about_the_symptom_leaves_the_watching(after: RunLanded) -> None:
    held = folded((1, run("fixed", step())), (2, after))
    assert (held.status, held.fixed_at) == (IncidentStatus.MONITORING, minutes(1))


def test_what_is_run_after_the_end_says_nothing_about_it() -> None:
    late = folded((1, run("fixed", step())), (3, Resolved()), (4, run("fixed", step())), (5, run("not_fixed")))
    assert (late.fixed_at, len(late.runs), late.status) == (minutes(1), 1, IncidentStatus.RESOLVED)
    assert [event.kind for event in late.timeline][-2:] == ["run", "run"]


def test_the_public_has_its_own_name_for_it() -> None:
    first = declared(public_title="Shop")
    assert folded(first=first).public_title == "Shop"
    renamed = (1, Updated(status=IncidentStatus.INVESTIGATING, public_title="Checkout"))
    assert folded(renamed, (2, Updated(status=IncidentStatus.INVESTIGATING)), first=first).public_title == "Checkout"


def test_a_first_alert_is_never_later_than_its_declaration() -> None:
    early = folded(first=declared(first_alert_at=minutes(-7)))
    late = folded(first=declared(first_alert_at=minutes(7)))
    assert (early.started_at, late.started_at) == (minutes(-7), minutes(0))


def test_what_a_run_found_is_told_apart() -> None:
    found = run(
        "refused",
        step(),
        step("refuse", "unit-masked"),
        step("refuse", "human-step"),
        step("skip"),
        step("refuse", "unreadable"),
    )
    assert [len(part) for part in (found.changes, found.refusals, found.human_steps, found.causes)] == [1, 2, 1, 3]


@given(st.text())
def test_any_line_is_kept_as_it_is(text: str) -> None:
    given = {"title": text, "severity": Severity.SEV1, "commander": "ana"}
    if not text.strip() or len(text) > 500 or not text.isprintable():
        return
    assert Declared.model_validate(given).title == text.strip()


@pytest.mark.parametrize("title", ["", " ", "two\nlines", "a\x1b[2Jb", "x" * 501])
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValidationError, match="title"):
        declared(title=title)
