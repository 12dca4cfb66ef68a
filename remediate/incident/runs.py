"""Runs on a timeline, as events read from the journal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import ValidationError

from remediate.core.outcome import HostOutcome, Problem, Report, StepOutcome
from remediate.incident.events import Event, RunLanded, RunStep


class TimelineRun(Protocol):
    """What the journal holds about a run, as its row has it."""

    @property
    def id(self) -> str:
        """Its UUIDv7."""

    @property
    def started(self) -> datetime:
        """When it began."""

    @property
    def finished(self) -> datetime | None:
        """When it ended; None while it has not."""

    @property
    def mode(self) -> str:
        """Whether it could change anything."""

    @property
    def playbook(self) -> str:
        """Its playbook or remedy."""

    @property
    def operator(self) -> str:
        """Who ran it."""

    @property
    def hosts(self) -> Sequence[str]:
        """Where."""

    @property
    def reason(self) -> str | None:
        """Why."""

    @property
    def report(self) -> str | None:
        """Its Report as JSON; None while it has not ended."""


def landed(run: TimelineRun, shown: str, attempts: Sequence[RunStep], incident: str) -> Event:
    """Return the event that a run is, at the time when it ended; without an end: when it began.

    `attempts` are what it meant to do, as far as the journal knows: all there is of a run that never ended.
    """
    report = _report(run.report)
    mode: Literal["fix", "plan"] = "plan" if run.mode == "plan" else "fix"
    data = RunLanded(
        run=run.id,
        shown=shown,
        playbook=run.playbook,
        mode=mode,
        hosts=tuple(run.hosts),
        operator=run.operator,
        reason=run.reason,
        started=run.started,
        steps=tuple(attempts),
    )
    if report is not None:
        serving = [host.serving_again_seconds for host in report.hosts if host.serving_again_seconds is not None]
        data = data.model_copy(
            update={
                "verdict": report.verdict.value if report.verdict else "usage",
                "exit_code": report.exit_code,
                "touched": report.touched.value,
                "seconds": report.seconds,
                "error": _error(report),
                "codes": tuple(dict.fromkeys(problem.code for problem in _problems(report))),
                "serving_again_seconds": max(serving, default=None),
                "steps": tuple(_step(host, step) for host in report.hosts for step in host.steps),
            }
        )
    ended = run.finished or run.started
    if report is not None:
        ended = max(run.started, run.started + timedelta(seconds=report.seconds))
    # A name from the environment of whoever ran it may be anything; the event's is one line.
    who = " ".join(run.operator.split())[:500] or "unknown"
    return Event(id=run.id, incident=incident, at=ended, who=who, data=data)


def _report(text: str | None) -> Report | None:
    try:
        return None if text is None else Report.model_validate_json(text)
    except ValidationError:  # a later version's, or damaged: the rest of the row still counts
        return None


def _problems(report: Report) -> list[Problem]:
    problems = [report.error, *(host.error for host in report.hosts)]
    return [problem for problem in problems if problem is not None]


def _error(report: Report) -> str | None:
    return "; ".join(dict.fromkeys(problem.message for problem in _problems(report))) or None


def _step(host: HostOutcome, step: StepOutcome) -> RunStep:
    return RunStep(
        host=host.name,
        remedy=step.remedy,
        title=step.title,
        decision=step.decision.value,
        code=step.code,
        why=step.why,
        changed=step.changed,
        verified=None if step.verified is None else step.verified.value,
        evidence=step.evidence,
        seconds=step.seconds,
    )
