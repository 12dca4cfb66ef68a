"""Results of a rehearsal, as values for the table, JUnit, Markdown and exit code."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict, Field

from remediate.core.field_types import FrozenModel
from remediate.core.outcome import HostOutcome, Report
from remediate.rehearsal.trial import Trial


class TrialAnswer(FrozenModel):
    """The result of one run of the playbook in a trial."""

    verdict: str
    code: str | None = Field(default=None, description="why it was not done, as a stable name")
    touched: str
    steps: tuple[str, ...] = Field(description="kind and end of every remedy, for example php-fpm.restart proven")
    seconds: float

    @classmethod
    def of(cls, report: Report) -> Self:
        """Summarise a report about one host."""
        (host,) = report.hosts
        return cls(
            verdict=host.verdict.value,
            code=host.error.code if host.error else None,
            touched=host.touched.value,
            steps=tuple(
                f"{step.remedy} {step.verified.value if step.verified else step.code or step.decision.value}"
                for step in host.steps
            ),
            seconds=host.seconds,
        )


def symptoms(host: HostOutcome, *, after: bool) -> tuple[str, ...]:
    """Return what a run saw wrong, in a few lines, or that everything is right."""
    readings = host.after if after and host.after else host.before
    ill = [f"{reading.label} {reading.note}" for reading in readings if reading.ok is False]
    return tuple(dict.fromkeys(ill)) or ("everything as it should be",)


class Typed(FrozenModel):
    """The result of the same fault when the runbook's commands were typed word for word."""

    claimed: bool = Field(description="every command ended with exit status 0")
    well: bool = Field(description="the site is right and everything runs that ran before the fault")
    harm: tuple[str, ...] = Field(description="what it did to things that were not broken")


class TrialOutcome(FrozenModel):
    """One trial: the answers, and every deviation from what was declared."""

    name: str
    fault: str = Field(description="what was broken, in words")
    expected: str
    codes: tuple[str, ...] = ()
    deviations: tuple[str, ...]
    check: TrialAnswer | None = None
    fix: TrialAnswer | None = None
    again: TrialAnswer | None = None
    followed: TrialAnswer | None = Field(default=None, description="once a person had done what the refusal advises")
    before: tuple[str, ...] = Field(default=(), description="what the playbook saw wrong before")
    after: tuple[str, ...] = Field(default=(), description="and afterwards")
    typed: Typed | None = None
    seconds: float

    @property
    def passed(self) -> bool:
        """Return whether nothing deviated from the declaration."""
        return not self.deviations

    @classmethod
    def failed(cls, trial: Trial, why: str, seconds: float) -> Self:
        """Record a trial that could not be completed."""
        return cls(
            name=trial.name,
            fault=trial.description,
            expected=trial.expected.value,
            codes=trial.codes,
            deviations=(why,),
            seconds=seconds,
        )


class RehearsalReport(FrozenModel):
    """One rehearsal of one playbook: the `--json` document, one per line for several playbooks."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    schema_: str = Field(default="remediate.rehearsal/1", alias="schema")
    playbook: str
    version: str = Field(description="version of remediate")
    digest: str = Field(description="of the content that was rehearsed")
    started: datetime
    seconds: float
    whole: bool = Field(description="whether every declared case was tried")
    stopped: bool = Field(default=False, description="whether it was interrupted")
    trials: tuple[TrialOutcome, ...]

    @property
    def passed(self) -> bool:
        """Return whether there was a trial, none deviated, and nothing was interrupted."""
        return bool(self.trials) and not self.stopped and all(trial.passed for trial in self.trials)
