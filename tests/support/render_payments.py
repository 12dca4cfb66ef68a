"""Rendering of host output about webhooks and failed jobs."""

import json

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.php import MARKER
from remediate.probes.queue import FailedJobsState, QueueFlowState, StoreTrouble
from remediate.probes.webhook import WebhookState


def of_payments(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    answer: object
    match fact:
        case WebhookState():
            answer = {**fact.model_dump(mode="json"), "curl": True}
        case FailedJobsState(trouble=StoreTrouble() as trouble) | QueueFlowState(trouble=StoreTrouble() as trouble):
            answer = {"state": "failed", "why": trouble.value, "code": 0}
        case FailedJobsState():
            answer = _failed_jobs(fact)
        case QueueFlowState():
            answer = {**fact.model_dump(mode="json", exclude={"trouble"}), "state": "ok", "driver": "redis"}
        case _:
            return None
    return Output(stdout=f"\n{MARKER}{json.dumps(answer)}\n")


def _failed_jobs(fact: FailedJobsState) -> dict[str, object]:
    kinds = list(dict.fromkeys((job.name, job.exception, job.queue) for job in fact.jobs))
    jobs = [
        [job.row, job.uuid, job.hours, job.retried.value, kinds.index((job.name, job.exception, job.queue))]
        for job in fact.jobs
    ]
    by = "row" if any(job.id == str(job.row) for job in fact.jobs) else "uuid"
    return {"state": "ok", "by": by, "kinds": kinds, "jobs": jobs, "others": fact.others, "more": fact.more}
