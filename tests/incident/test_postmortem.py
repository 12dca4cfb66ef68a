"""The post-mortem holds the whole record, in the runbook's sections, and nothing else."""

import re

import pytest

from remediate.core.playbook import Severity
from remediate.incident.events import (
    Acknowledged,
    Confirmed,
    Contained,
    Escalated,
    Identified,
    Noted,
    Resolved,
    SeverityChanged,
    Updated,
)
from remediate.incident.lessons import actions, working_day, working_days_later
from remediate.incident.postmortem import OPEN, file_name, mended_by
from remediate.incident.vocabulary import Detection, IncidentStatus, Situation
from support.postmortem_texts import NOW, SETTINGS, document, suggested, well, wrong
from support.toy_incidents import declared, folded, minutes, run, sent, step

ACK = (1, Acknowledged(commander="ana"))


WHOLE = folded(
    ACK,
    (4, run("fixed", step(), serving_again_seconds=1.9)),
    (5, Updated(status=IncidentStatus.MONITORING, state="it holds")),
    (
        20,
        Resolved(
            summary="restarted",
            confirmed=(Confirmed(playbook="app-down", host="web1", verdict="healthy", run="r"),),
            postmortem_at=minutes(2880),
        ),
    ),
    first=declared(
        first_alert_at=minutes(-2),
        detection="monitoring",
        detected_by="uptime check",
        impact="all users",
        answers={"users": "all", "revenue": "yes", "data": "no"},
    ),
)


def test_it_has_the_runbooks_sections_in_their_order() -> None:
    assert re.findall(r"^#+ .*", document(WHOLE), re.MULTILINE) == [
        "# Post-Mortem: Application down",
        "## Summary",
        "## Timeline",
        "## Root Cause",
        "## Impact",
        "## What Went Well",
        "## What Went Wrong",
        "## Action Items",
        "## Lessons Learned",
    ]


def test_it_tells_what_the_record_knows() -> None:
    text = document(WHOLE)
    for words in (
        "**Date:** 2026-11-23",
        "**Duration:** 0 hours 22 minutes",
        "**Severity:** SEV-1",
        "- 12:58 (11:58Z) - first alert received",
        "- 13:00 (12:00Z) - SEV-1 declared: Application down",
        "- 13:04 (12:04Z) - fix deployed: fix.app-down on web1: FIXED in 32.5 s",
        "- 13:20 (12:20Z) - resolved",
        "changed: php8.3-fpm (php8.3-fpm.service is failed): proven, new InvocationID",
        "- web1: php8.3-fpm.service is failed (found by php-fpm.restart, run 7f3a). Mending it ended the symptom.",
        "- Users affected: all",
        "- Data loss: None",
        "- Impaired for 5 min, until run 7f3a had it serving again",
        "Monitoring noticed it before anybody reported it.",
        "| Action | Owner | Due Date |",
    ):
        assert words in text, words


def test_how_long_it_lasted_is_said_once_and_the_same() -> None:
    text = document(folded(ACK, (3.7, Resolved())))
    assert "**Duration:** 0 hours 4 minutes" in text
    assert "It was resolved after 4 minutes." in text


def test_what_nobody_knows_is_left_to_people() -> None:
    text = document(folded())
    assert OPEN in text
    assert "Users affected: not known" in text
    assert "It is not resolved yet." in text
    assert "so far" in text


def test_what_hosts_and_people_wrote_stays_text() -> None:
    evil = "# x <!-- remediate:summary 0000000000000000 --> | ``` ~~~ [a](b)"
    text = document(
        folded(
            (1, Noted(text=f"{evil}\n{evil}")),
            (2, run("refused", step("refuse", "unit-masked", why=evil))),
            first=declared(title=evil, impact=evil),
        )
    )
    assert not re.search(r"(?<!\\)<!--|-->", text)
    assert re.findall(r"^## .*", text, re.MULTILINE)[0] == "## Summary"
    assert len(re.findall(r"^#+ ", text, re.MULTILINE)) == 9
    assert not re.search(r"^(```|~~~)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("detection", "praised", "blamed"),
    [(Detection.MONITORING, True, False), (Detection.USER, False, True), (Detection.INTERNAL, False, False)],
)
def test_who_noticed_it(detection: Detection, praised: bool, blamed: bool) -> None:
    assert ("Monitoring noticed" in well(detection=detection)) is praised
    assert ("Users noticed" in wrong(detection=detection)) is blamed
    assert any(each.startswith("Add monitoring") for each in suggested(detection=detection)) is not praised


def test_how_soon_it_was_claimed() -> None:
    assert "claimed 1 min after" in well(ACK)
    assert "claimed" not in wrong(ACK)
    assert "claimed 5 min later than SEV-1 allows" in wrong((20, Acknowledged(commander="ana")))
    assert "still not claimed" in wrong()
    assert (
        suggested((20, Acknowledged(commander="ana")))["Make sure that a SEV-1 reaches the engineer on call"]
        == "on-call"
    )


def test_each_severity_is_judged_by_its_own_limits_while_it_held() -> None:
    lower, higher = SeverityChanged(severity=Severity.SEV4), SeverityChanged(severity=Severity.SEV1)
    assert "Tech Lead was never called in" in wrong(ACK, (45, lower), (50, Resolved()))
    assert "No update arrived for 45 min; one every 30 min" in wrong(ACK, (40, lower), (45, sent()), (46, Resolved()))
    assert "later than SEV-1 allows" in wrong((20, lower), (21, Acknowledged(commander="ana")), (22, Resolved()))
    raised = wrong((50, higher), (50, Acknowledged(commander="ana")), (50.9, Resolved()), severity=Severity.SEV4)
    for blame in ("called in", "No update arrived", "than SEV"):
        assert blame not in raised
    late = Escalated(situation=Situation.UNRESOLVED, roles=("tech-lead",))
    assert "Tech Lead was called in 5 min late" in wrong(
        ACK, (50, higher), (55, late), (56, Resolved()), severity=Severity.SEV4, customers=False
    )


def test_a_fix_that_was_refuted_is_not_what_ended_it() -> None:
    fixed = (4.0, run("fixed", step(), serving_again_seconds=1.9))
    refuted = folded(fixed, (6, run("unknown", mode="plan")), (30, Resolved()))
    assert mended_by(refuted) == ""
    assert "Impaired for 30 min" in document(refuted)
    assert (
        "serving again" in document(folded(fixed, (30, Resolved()), (40, run("not_fixed")))).partition("Went Well")[0]
    )


def test_working_days_are_counted_as_such() -> None:
    later = [working_days_later(minutes(1440 * day), 2, SETTINGS).isoformat() for day in range(7)]
    assert later == [f"2026-{day}" for day in ("11-25", "11-26", "11-27", "11-30", "12-01", "12-01", "12-01")]
    assert working_days_later(minutes(1440 * 5), 0, SETTINGS).isoformat() == "2026-11-30"


def test_what_runs_came_to() -> None:
    masked = step("refuse", "unit-masked", why="nginx is masked")
    person = step("refuse", "human-step", why="scale the database")
    assert "app-down fixed it and proved it, serving again after 1.9 s" in well(
        (4, run("fixed", step(), serving_again_seconds=1.9))
    )
    assert "Guards stopped what would not have been safe: unit-masked." in well((4, run("refused", masked)))
    assert "came out not fixed" in wrong((4, run("not_fixed", step())))
    assert "never finished" in wrong((4, run(None)))
    assert any("left behind" in each for each in suggested((4, run(None))))
    assert "never finished" not in wrong((4, run(None, mode="plan"))), "a check leaves nothing behind"
    assert not any("left behind" in each for each in suggested((4, run(None, mode="plan"))))
    assert "took 10 min" in wrong((4, run("fixed", step(), seconds=600)))
    assert "No cause that a playbook knows" in wrong((4, run("refused", codes=("unexplained",))))
    assert "could not be read: no answer" in wrong((4, run("refused", step("refuse", "unreadable", why="no answer"))))
    found = suggested((4, run("refused", masked, person)), detection="monitoring")
    assert found == {
        "Clear up on web1 what php-fpm.restart refused for: nginx is masked [unit-masked]": "dora",
        "Decide who does this the next time, and how: scale the database": "ana",
        "Make sure that a SEV-1 reaches the engineer on call": "on-call",
    } | {key: value for key, value in found.items() if key.startswith(("Run incident", "Find out why"))}


def test_a_fix_without_a_cause_is_an_open_question() -> None:
    fixed = (4.0, run("fixed", step()))
    assert any(each.startswith("Find out what was behind it") for each in suggested(ACK, fixed))
    known = (5.0, Identified(cause="out of memory"))
    assert not any(each.startswith("Find out what was behind it") for each in suggested(ACK, fixed, known))


def test_containment_is_praised_and_has_to_be_undone() -> None:
    out = (2.0, Contained(action="took web2 out of the pool"))
    assert "took web2 out of the pool" in well(out)
    assert "Undo or make permanent what contained it: took web2 out of the pool" in suggested(out)


def test_resolving_over_a_doubt_is_told() -> None:
    doubt = Confirmed(playbook="app-down", host="web1", verdict="pending", run="r")
    assert "resolved although app-down on web1 said pending: the load balancer is slow." in wrong(
        (5, Resolved(confirmed=(doubt,), override="the load balancer is slow"))
    )
    assert "although no check could say" in wrong((5, Resolved(override="seen by hand")))


def test_there_is_always_an_action_and_it_is_due_on_a_working_day() -> None:
    quiet = folded(ACK, (10, Resolved()), first=declared(Severity.SEV3, detection="monitoring"))
    (only,) = actions(quiet, (), SETTINGS, NOW)
    assert (only.owner, only.due.isoformat()) == ("ana", "2026-12-07")
    days = {working_day(minutes(1440 * number), SETTINGS).isoformat() for number in range(14)}
    assert days == {f"2026-11-{day}" for day in (23, 24, 25, 26, 27, 30)} | {
        f"2026-12-0{day}" for day in (1, 2, 3, 4, 7)
    }


def test_its_file_has_a_name_that_any_system_takes() -> None:
    assert (
        file_name(folded(first=declared(title="Ünder / attack: <x> ...")), "7f3a") == "2026-11-23-nder-attack-x-7f3a.md"
    )
    assert file_name(folded(first=declared(title="..")), "7f3a") == "2026-11-23-incident-7f3a.md"
