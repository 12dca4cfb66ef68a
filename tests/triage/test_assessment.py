"""The runbook's severity table (3.2): worst answer, a person's first, open questions open."""

from itertools import product

import pytest

from remediate.core.playbook import Severity
from remediate.triage.assessment import QUESTIONS, Answer, Answers, Known, assess, assess_again

NOBODY = Answers()
TABLE = {
    "accessible": {"no": 1, "partial": 2, "yes": 3},
    "data": {"yes": 1, "no": 3},
    "revenue": {"yes": 1, "maybe": 2, "no": 3},
    "users": {"all": 1, "many": 2, "few": 3},
}


def test_the_table_is_the_one_of_the_runbook() -> None:
    assert {
        question.name: {answer.value: int(severity.value[-1]) for answer, severity in question.answers.items()}
        for question in QUESTIONS
    } == TABLE


@pytest.mark.parametrize(
    ("access", "severity", "answered"),
    [
        (Known.NO, Severity.SEV1, {"accessible", "revenue", "users"}),
        (Known.PARTIAL, Severity.SEV2, {"accessible"}),
        (Known.YES, Severity.SEV3, {"accessible"}),
        (Known.UNKNOWN, None, set[str]()),
    ],
)
def test_what_facts_alone_tell_of_an_incident(access: Known, severity: Severity | None, answered: set[str]) -> None:
    found = assess(access, NOBODY, matches=True)
    assert (found.severity, set(found.answers), set(found.from_facts)) == (severity, answered, answered)
    assert set(found.open) == set(TABLE) - answered


@pytest.mark.parametrize("access", [Known.YES, Known.UNKNOWN])
def test_without_an_incident_there_is_nothing_to_grade(access: Known) -> None:
    assert assess(access, NOBODY, matches=False).severity is None


@pytest.mark.parametrize("access", [Known.NO, Known.PARTIAL])
def test_a_site_that_cannot_be_used_is_an_incident_by_itself(access: Known) -> None:
    assert assess(access, NOBODY, matches=False).severity is not None


@pytest.mark.parametrize("answers", list(product(*TABLE.values())))
def test_the_worst_answer_grades(answers: tuple[str, ...]) -> None:
    given = dict(zip(TABLE, map(Answer, answers), strict=True))
    worst = min(TABLE[name][answer.value] for name, answer in given.items())
    found = assess(Known.UNKNOWN, Answers(**given), matches=False)
    assert found.severity is not None
    assert found.severity.value == f"SEV-{worst}"
    assert (found.open, found.from_facts) == ((), ())


def test_a_person_knows_better_than_what_was_seen() -> None:
    found = assess(Known.NO, Answers(accessible=Answer.YES, revenue=Answer.NO, users=Answer.FEW), matches=True)
    assert (found.severity, found.from_facts, found.open) == (Severity.SEV3, (), ("data",))


def test_an_answer_to_what_was_open_grades_anew() -> None:
    first = assess(Known.PARTIAL, NOBODY, matches=True)
    assert first.severity is Severity.SEV2
    again = assess_again(first, {"data": Answer.YES})
    assert (again.severity, again.open, again.from_facts) == (Severity.SEV1, ("revenue", "users"), ("accessible",))
    assert assess_again(first, {}) == first
