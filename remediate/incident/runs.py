"""Runs on a timeline, as events read from the journal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import ValidationError

from remediate.core.few import few
from remediate.core.outcome import HostOutcome, Problem, Report, StepOutcome
from remediate.incident.events import Event
from remediate.incident.run_events import RunLanded, RunStep


class TimelineRun(Protocol):
    """A run's row in the journal."""

    @property
    def id(self) -> str:
        """The run's UUIDv7."""

    @property
    def started(self) -> datetime:
        """The time of its start."""

    @property
    def finished(self) -> datetime | None:
        """The time of its end; None if it has not ended."""

    @property
    def mode(self) -> str:
        """The mode, `fix` or `plan`: whether it could change anything."""

    @property
    def playbook(self) -> str:
        """The playbook or remedy."""

    @property
    def operator(self) -> str:
        """The operator who started it."""

    @property
    def hosts(self) -> Sequence[str]:
        """The names of its hosts."""

    @property
    def reason(self) -> str | None:
        """The reason that the operator gave."""

    @property
    def report(self) -> str | None:
        """The Report as JSON; None if the run has not ended."""


def landed(run: TimelineRun, shown: str, attempts: Sequence[RunStep], incident: str) -> Event:
    """Return a run as an event of its incident.

    Its time is the run's end, or the run's start if it has no end. `attempts` are the steps that the journal says it
    meant to do. Nothing more is known of a run that never ended.
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
    # The operator's name comes from the environment and may hold anything; an event takes one line.
    who = " ".join(run.operator.split())[:500] or "unknown"
    return Event(id=run.id, incident=incident, at=ended, who=who, data=data)


def _report(text: str | None) -> Report | None:
    try:
        return None if text is None else Report.model_validate_json(text)
    except ValidationError:  # written by a later version, or damaged: the rest of the row still counts
        return None


def _problems(report: Report) -> list[Problem]:
    problems = [report.error, *(host.error for host in report.hosts)]
    return [problem for problem in problems if problem is not None]


def _error(report: Report) -> str | None:
    return few((problem.message for problem in _problems(report)), "; ") or None


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
