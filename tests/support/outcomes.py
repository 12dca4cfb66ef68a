"""Shorthands for outcomes in tests."""

from remediate.core.facts import Facts
from remediate.core.outcome import HostOutcome, Problem, Reading, Report, RunVerdict, Touched, readings
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable


def code(outcome: HostOutcome | Report) -> str | None:
    """Return the code of the error of a host or a run, None without one."""
    return outcome.error.code if outcome.error else None


def problem(of: HostOutcome | Report) -> Problem:
    """Return the error of a host or a run, which there has to be."""
    assert of.error is not None
    return of.error


def told(outcome: HostOutcome) -> list[tuple[str, str | None]]:
    """Say what became of each remedy."""
    return [
        (step.remedy, step.verified.value if step.verified else step.code or step.decision.value)
        for step in outcome.steps
    ]


def outcome_of(verdict: RunVerdict, state: Touched = Touched.NO, **rest: object) -> HostOutcome:
    """Return the outcome of web1."""
    stated = {"name": "web1", "address": "192.0.2.1", "seconds": 31.45, "exit_code": verdict.exit_code}
    return HostOutcome.model_validate({**stated, "verdict": verdict, "touched": state, **rest})


def seen(facts: dict[Probe[Fact], Fact | Unreadable]) -> tuple[Reading, ...]:
    """Return how a report shows these facts."""
    return readings(Facts(facts))
