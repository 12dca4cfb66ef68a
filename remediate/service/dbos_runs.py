"""The durable runs, read from the workflows of dbos."""

from collections.abc import Sequence
from typing import Final

from dbos import DBOS, WorkflowStatus

from remediate.service.request import DurableRun, DurableState, RunRequest, RunResult

FLEET: Final = "remediate-fleet"
"""The innermost queue: what has left it acts."""


def durable_runs(roots: Sequence[WorkflowStatus]) -> tuple[DurableRun, ...]:
    """Return the runs of these workflows. The innermost one tells whether it has begun."""
    inner = {f"{root.workflow_id}.{FLEET}" for root in roots if root.status in {"PENDING", "CANCELLED"}}
    begun = {
        one.workflow_id: one
        for one in (DBOS.list_workflows(workflow_ids=sorted(inner), load_input=False) if inner else ())
        if one.status not in {"ENQUEUED", "CANCELLED"}
    }
    return tuple(_of(root, begun.get(f"{root.workflow_id}.{FLEET}")) for root in roots)


def _of(root: WorkflowStatus, leaf: WorkflowStatus | None) -> DurableRun:
    data = root.input["args"][0] if root.input else {}
    # A run that was withdrawn while it began may have acted all the same. The acting part then tells its end.
    end = leaf if root.status == "CANCELLED" and leaf is not None else root
    result = RunResult.model_validate(end.output) if end.status == "SUCCESS" else None
    match end.status:
        case "SUCCESS" if end is not root and result is not None and result.verdict is None:
            state, result = DurableState.WITHDRAWN, None
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
        result=result,
    )
