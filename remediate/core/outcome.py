"""Outcomes as values: the Report that renderers, the journal and the exit code share."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final, Self

from pydantic import ConfigDict, Field, JsonValue

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.playbook import Severity
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import INTERRUPTED_EXIT_CODE, Unreadable

SCHEMA: Final = "remediate.report/1"


class RunVerdict(Enum):
    """The result of a run. Its exit code is part of the contract."""

    HEALTHY = "healthy"
    FIXED = "fixed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_FIXED = "not_fixed"
    MIXED = "mixed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """The exit status of the process."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    RunVerdict.HEALTHY: 0,
    RunVerdict.FIXED: 0,
    RunVerdict.REFUSED: 3,
    RunVerdict.UNREACHABLE: 4,
    RunVerdict.NOT_FIXED: 5,
    RunVerdict.MIXED: 6,
    RunVerdict.UNKNOWN: 7,
    RunVerdict.PENDING: 10,
    RunVerdict.INTERRUPTED: INTERRUPTED_EXIT_CODE,
}


class Mode(Enum):
    """The mode of a run: it may change something, or only plan."""

    FIX = "fix"
    PLAN = "plan"


class Touched(Enum):
    """The answer to whether a host was changed, for the person on call."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Verified(Enum):
    """The result of verifying a remedy's effect."""

    PROVEN = "proven"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Problem(FrozenModel):
    """The reason for a failure or refusal: a stable code and one line."""

    code: Identifier
    message: str


class Reading(FrozenModel):
    """One answer of a survey, for reports."""

    probe: Identifier = Field(description="kind of the probe")
    params: dict[str, JsonValue] = Field(description="its parameters")
    label: str = Field(description="what it is about, for a person")
    vantage: Vantage
    value: JsonValue = Field(description="the typed answer; null when there was none")
    ok: bool | None = Field(description="as it should be; null = cannot know, or only informs")
    note: str = Field(description="the answer in a few words, or why there is none")

    @classmethod
    def of(cls, probe: Probe[Fact], answer: Fact | Unreadable) -> Self:
        """Convert an answer to its form in reports."""
        known = None if isinstance(answer, Unreadable) else answer
        return cls(
            probe=probe.kind,
            params=probe.model_dump(mode="json", exclude={"kind"}),
            label=probe.label(),
            vantage=probe.vantage,
            value=None if known is None else known.model_dump(mode="json"),
            ok=None if known is None else known.ok,
            note=f"unknown: {answer}" if known is None else known.describe(),
        )


def readings(facts: Facts) -> tuple[Reading, ...]:
    """Convert a whole survey to its form in reports."""
    return tuple(Reading.of(probe, answer) for probe, answer in facts)


class CommandRecord(FrozenModel):
    """One command that changed a host, or would change it."""

    argv: tuple[str, ...]
    user: Identifier | None = Field(description="user it runs as; null = the SSH user")
    exit: int | None = Field(default=None, description="exit status; null when it was not run")
    seconds: float | None = Field(default=None, description="duration; null when it was not run")

    @classmethod
    def planned(cls, run: Run) -> Self:
        """Return the record of a command that has not run."""
        return cls(argv=run.argv, user=run.user)


class StepOutcome(FrozenModel):
    """The decision about one remedy, and its result."""

    remedy: Identifier = Field(description="kind of the remedy")
    title: str = Field(description="what it acts on")
    params: dict[str, JsonValue]
    decision: Decision
    code: Identifier | None = Field(default=None, description="why it was refused, as a stable name")
    why: str
    advice: Identifier = Field(default="", description="what to do about a refusal, in one line")
    onward: tuple[str, ...] = Field(
        default=(), description="commands that a person may go on with, without the program and the host"
    )
    changed: bool = False
    verified: Verified | None = None
    commands: tuple[CommandRecord, ...] = ()
    evidence: str = ""
    seconds: float = 0


class HostIdentity(FrozenModel):
    """The machine that answered, and its boot."""

    machine: Identifier
    boot: Identifier


class HostOutcome(FrozenModel):
    """The result of a run on one host."""

    name: Identifier
    address: Identifier
    read_with: tuple[Identifier, ...] = Field(
        default=(), description="Ansible's programs that read parts of its inventory entry"
    )
    identity: HostIdentity | None = None
    verdict: RunVerdict
    exit_code: int
    severity: Severity | None = Field(
        default=None, description="decided by what was seen before; null where the playbook has one severity only"
    )
    touched: Touched
    seconds: float
    serving_again_seconds: float | None = None
    rolled_back: bool = False
    error: Problem | None = None
    before: tuple[Reading, ...] = ()
    steps: tuple[StepOutcome, ...] = ()
    after: tuple[Reading, ...] = ()


class Report(FrozenModel):
    """One run on all its hosts: the `--json` document (docs/schemas/report.json)."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    schema_: Identifier = Field(default=SCHEMA, alias="schema", description="name and version of this format")
    version: Identifier = Field(description="version of remediate")
    run: Identifier = Field(description="UUIDv7 of the run")
    mode: Mode
    playbook: Identifier
    operator: Identifier
    reason: str | None = None
    incident: Identifier | None = None
    started: datetime = Field(description="UTC")
    seconds: float
    verdict: RunVerdict | None = Field(description="null when the run was refused as wrong usage")
    exit_code: int
    touched: Touched
    error: Problem | None = None
    plan_hash: Identifier | None = Field(
        default=None, description="hash of the plan that was made, or that was approved and run; null without one"
    )
    approved_by: tuple[Identifier, ...] = Field(default=(), description="who approved the plan that was run")
    hosts: tuple[HostOutcome, ...] = ()


def overall(hosts: Iterable[HostOutcome]) -> RunVerdict:
    """Return the verdict over several hosts: their common one, or mixed.

    Healthy and fixed together count as fixed; one interrupted host makes the run interrupted.
    """
    verdicts = {host.verdict for host in hosts}
    if RunVerdict.INTERRUPTED in verdicts:
        return RunVerdict.INTERRUPTED
    if verdicts <= {RunVerdict.HEALTHY, RunVerdict.FIXED}:
        return RunVerdict.FIXED if RunVerdict.FIXED in verdicts else RunVerdict.HEALTHY
    return verdicts.pop() if len(verdicts) == 1 else RunVerdict.MIXED


def touched(hosts: Iterable[HostOutcome]) -> Touched:
    """Return whether any host was changed. One unknown host outweighs the rest."""
    states = {host.touched for host in hosts}
    return next((state for state in (Touched.UNKNOWN, Touched.YES) if state in states), Touched.NO)
