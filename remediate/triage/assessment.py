"""The severity by the runbook's four questions (3.2), from facts or from a person."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from pydantic import Field

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Severity


class Known(Enum):
    """The known usability of the service."""

    YES = "yes"
    PARTIAL = "partial"
    NO = "no"
    UNKNOWN = "unknown"


class Answer(Enum):
    """The possible answers to the questions."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"
    ALL = "all"
    MANY = "many"
    FEW = "few"
    PARTIAL = "partial"


class Question(FrozenModel):
    """One row of the runbook's table: a question, and the severity of each answer."""

    name: str
    text: str
    answers: dict[Answer, Severity]


QUESTIONS: Final = (
    Question(
        name="accessible",
        text="service accessible?",
        answers={Answer.NO: Severity.SEV1, Answer.PARTIAL: Severity.SEV2, Answer.YES: Severity.SEV3},
    ),
    Question(name="data", text="data at risk?", answers={Answer.YES: Severity.SEV1, Answer.NO: Severity.SEV3}),
    Question(
        name="revenue",
        text="revenue impacted?",
        answers={Answer.YES: Severity.SEV1, Answer.MAYBE: Severity.SEV2, Answer.NO: Severity.SEV3},
    ),
    Question(
        name="users",
        text="users affected?",
        answers={Answer.ALL: Severity.SEV1, Answer.MANY: Severity.SEV2, Answer.FEW: Severity.SEV3},
    ),
)


class Answers(FrozenModel):
    """A person's answers; None is not answered."""

    accessible: Answer | None = None
    data: Answer | None = None
    revenue: Answer | None = None
    users: Answer | None = None


class Assessment(FrozenModel):
    """The severity, and the answers that it follows from."""

    severity: Severity | None = Field(description="null when nothing speaks for an incident")
    answers: dict[str, Answer] = Field(description="by question; what facts or a person answered")
    from_facts: tuple[str, ...] = Field(description="questions that facts have answered")
    open: tuple[str, ...] = Field(description="questions that nobody has answered")


_FROM_ACCESS: Final = {
    # A site that nobody can use affects all users, and nobody can pay on it.
    Known.NO: {"accessible": Answer.NO, "revenue": Answer.YES, "users": Answer.ALL},
    Known.PARTIAL: {"accessible": Answer.PARTIAL},
    Known.YES: {"accessible": Answer.YES},
    Known.UNKNOWN: dict[str, Answer](),
}


def assess(access: Known, answers: Answers, *, matches: bool) -> Assessment:
    """Return the severity of the worst answer. A person's answer replaces the one from facts.

    There is no severity if no person answered, no incident `matches` and the site is not known to be impaired.
    """
    given = {name: answer for name, answer in answers if answer is not None}
    found = _FROM_ACCESS[access]
    incident = bool(given) or matches or access in {Known.NO, Known.PARTIAL}
    return _assessment({**found, **given}, tuple(name for name in found if name not in given), incident=incident)


def assess_again(first: Assessment, given: Mapping[str, Answer]) -> Assessment:
    """Return a new assessment, with answers to questions that were open."""
    return _assessment({**first.answers, **given}, first.from_facts, incident=True)


def _assessment(answers: dict[str, Answer], from_facts: tuple[str, ...], *, incident: bool) -> Assessment:
    grades = [question.answers[answers[question.name]] for question in QUESTIONS if question.name in answers]
    return Assessment(
        severity=min(grades, key=lambda severity: severity.value) if incident and grades else None,
        answers=answers,
        from_facts=from_facts,
        open=tuple(question.name for question in QUESTIONS if question.name not in answers),
    )
