"""Facts about payments as healthy and broken hosts give them, and what a host would print for them."""

from typing import Final

from remediate.probes.queue import FailedJob, FailedJobsState, QueueFlowState, Retried
from remediate.probes.webhook import Delivery, ProviderEvents, WebhookState


def webhook(
    wrong: int = 400, right: int | None = 200, *, secret: bool = True, events: ProviderEvents | None = None
) -> WebhookState:
    """Return how a webhook answers, by status, an event with a wrong and one with the right signature."""
    return WebhookState(
        secret=secret,
        wrong=Delivery(status=wrong, error=0),
        right=None if right is None else Delivery(status=right, error=0),
        events=events,
    )


def delivered(*, accepted: int = 0, refused: int = 0, failed: int = 0, missed: int | None = None) -> ProviderEvents:
    """Return what a payment provider was answered; those that were missed are the others unless stated."""
    left = refused + failed if missed is None else missed
    last = 1795444283 if accepted + left else 0
    return ProviderEvents(accepted=accepted, refused=refused, failed=failed, missed=left, last=last)


RECORDS: Final = r"App\Jobs\RecordStripePayment"
"""A job that may be run twice."""
CHARGES: Final = r"App\Jobs\ChargeCustomer"
"""A job that must not be."""


def failed_job(
    number: int, name: str = RECORDS, *, hours: int | None = 0, retried: Retried = Retried.NO, queue: str = "default"
) -> FailedJob:
    """Return a failed job; with the same number it is the same job, which has another row once it was retried."""
    uuid = f"1834e024-75a6-4ba2-8cdd-{number:012d}"
    row = number + (1000 if retried is Retried.AGAIN else 0)
    given = {"name": name, "exception": "PDOException", "queue": queue, "hours": hours, "retried": retried}
    return FailedJob.model_validate({"id": uuid, "row": row, "uuid": uuid, **given})


def failed_jobs(*jobs: FailedJob) -> FailedJobsState:
    """Return the failed jobs of the classes that were asked for."""
    return FailedJobsState(trouble=None, jobs=jobs, asked=True)


QUEUE: Final = QueueFlowState(trouble=None, connection="redis", waiting=0)
"""A queue that answers, with nothing in it."""


def answer_of(fact: WebhookState | FailedJobsState | QueueFlowState) -> dict[str, object]:
    """Return what the PHP program of its probe would answer."""
    match fact:
        case WebhookState():
            return {**fact.model_dump(mode="json"), "curl": True}
        case FailedJobsState(trouble=None):
            return _failed_jobs(fact)
        case QueueFlowState(trouble=None):
            return {**fact.model_dump(mode="json", exclude={"trouble"}), "state": "ok", "driver": "redis"}
        case _:
            return {"state": "failed", "why": fact.trouble.value if fact.trouble else "", "code": 0}


def _failed_jobs(fact: FailedJobsState) -> dict[str, object]:
    kinds = list(dict.fromkeys((job.name, job.exception, job.queue) for job in fact.jobs))
    jobs = [
        [job.row, job.uuid, job.hours, job.retried.value, kinds.index((job.name, job.exception, job.queue))]
        for job in fact.jobs
    ]
    by = "row" if any(job.id == str(job.row) for job in fact.jobs) else "uuid"
    return {"state": "ok", "by": by, "kinds": kinds, "jobs": jobs, "others": fact.others, "more": fact.more}
