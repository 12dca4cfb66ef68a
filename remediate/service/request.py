"""Runs as data: what a durable run is asked to do, and how it ended."""

from enum import Enum
from typing import Annotated, Final, Self

from pydantic import Field

from remediate.alerts.policy import InventoryName, PolicyName
from remediate.core.field_types import Form, FrozenModel, Identifier, Line
from remediate.core.options import PlanPrefix
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import Severity

LEAST_URGENT: Final = 5
"""The priority of a run whose playbook has no severity. 1 comes first."""

RunId = Annotated[Identifier, Form(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "the whole id of a run")]
Requester = Annotated[
    Identifier,
    Form(r"^[A-Za-z0-9][A-Za-z0-9_.@:/+-]{0,99}$", "letters, digits and '_.@:/+-', at most 100"),
]


class RunRequest(FrozenModel):
    """One run of a playbook on one host. It holds no secret: the engine stores it in clear."""

    playbook: PolicyName
    host: InventoryName
    plan: bool = Field(default=False, description="only look, and propose the plan")
    approved: PlanPrefix | None = Field(default=None, description="hash of the plan that was approved")
    incident: Identifier | None = None
    requested_by: Requester = Field(description="who or what asked for it: an alert's source and rule")
    reason: Line | None = None
    priority: int = Field(default=LEAST_URGENT, ge=1, le=LEAST_URGENT, description="1 comes first")


class RunResult(FrozenModel):
    """The end of a durable run."""

    run: RunId = Field(description="the run in the journal that judged the host last")
    verdict: Identifier | None = Field(description="the verdict of that run; null = it was not begun")
    exit_code: int
    touched: Identifier
    note: str | None = Field(default=None, description="why it ended so, if its report does not say it")

    @classmethod
    def unknown(cls, run: str, why: str) -> Self:
        """Return the end of a run of which nothing can be found out."""
        verdict = RunVerdict.UNKNOWN
        return cls(run=run, verdict=verdict.value, exit_code=verdict.exit_code, touched=Touched.UNKNOWN.value, note=why)


class Attempt(FrozenModel):
    """One attempt to bring a durable run to its end: its result, or what is to be done next."""

    result: RunResult | None = None
    died: RunId | None = Field(default=None, description="a run whose process died: it is to be resumed")
    unanswered: str | None = Field(default=None, description="why nothing can be found out now: try again later")


class DurableState(Enum):
    """The states of a durable run."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    """The engine could not go on with it. What it did is in the journal, and `runs.list` shows it."""


class DurableRun(FrozenModel):
    """A durable run as the engine knows it."""

    id: RunId
    state: DurableState
    request: RunRequest
    worker: Identifier | None = None
    result: RunResult | None = None


def priority(severity: Severity | None) -> int:
    """Return the priority of a playbook with this severity."""
    return LEAST_URGENT if severity is None else tuple(Severity).index(severity) + 1
