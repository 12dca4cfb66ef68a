"""The durable runs, read from the workflows of dbos."""

from collections.abc import Sequence
from typing import Final

from dbos import DBOS, WorkflowStatus

from remediate.service.request import DurableRun, DurableState, RunRequest, RunResult

FLEET: Final = "remediate-fleet"
"""The innermost queue: what has left it acts."""


def durable_runs(roots: Sequence[WorkflowStatus]) -> tuple[DurableRun, ...]:
    """Return the runs of these workflows. The innermost one tells whether it has begun."""
    inner = {f"{root.workflow_id}.{FLEET}" for root in roots if root.status == "PENDING"}
    begun = {
        one.workflow_id: one
        for one in (DBOS.list_workflows(workflow_ids=sorted(inner), load_input=False) if inner else ())
        if one.status != "ENQUEUED"
    }
    return tuple(_of(root, begun.get(f"{root.workflow_id}.{FLEET}")) for root in roots)


def _of(root: WorkflowStatus, leaf: WorkflowStatus | None) -> DurableRun:
    data = root.input["args"][0] if root.input else {}
    match root.status:
        case "SUCCESS":
            state = DurableState.ENDED
        case "CANCELLED":
            state = DurableState.WITHDRAWN
        case "ERROR" | "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
            state = DurableState.FAILED
        case _:
            state = DurableState.QUEUED if leaf is None else DurableState.RUNNING
    return DurableRun(
        id=root.workflow_id,
        state=state,
        request=RunRequest.model_validate(data["request"]),
        worker=None if leaf is None else leaf.executor_id,
        result=RunResult.model_validate(root.output) if state is DurableState.ENDED else None,
    )
