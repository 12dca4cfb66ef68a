"""Facts about payments on healthy and broken hosts."""

from typing import Final

from remediate.probes.queue import FailedJob, FailedJobsState, QueueFlowState, Retried
from remediate.probes.webhook import ProviderEvents, WebhookDelivery, WebhookState


def webhook(
    wrong: int = 400, right: int | None = 200, *, secret: bool = True, events: ProviderEvents | None = None
) -> WebhookState:
    """Return a webhook's status for a wrongly signed event and for a rightly signed one."""
    return WebhookState(
        secret=secret,
        wrong=WebhookDelivery(status=wrong, error=0),
        right=None if right is None else WebhookDelivery(status=right, error=0),
        events=events,
    )


def delivered(
    *, accepted: int = 0, refused: int = 0, failed: int = 0, missed: int | None = None, complete: bool = True
) -> ProviderEvents:
    """Return the answers that a payment provider got.

    All that were not accepted count as missed unless stated.
    """
    left = refused + failed if missed is None else missed
    last = 1795444283 if accepted + left else 0
    return ProviderEvents(accepted=accepted, refused=refused, failed=failed, missed=left, last=last, complete=complete)


RECORDS: Final = r"App\Jobs\RecordStripePayment"
"""A job that may run twice."""
CHARGES: Final = r"App\Jobs\ChargeCustomer"
"""A job that must not run twice."""


def failed_job(
    number: int, name: str = RECORDS, *, hours: int | None = 0, retried: Retried = Retried.NO, queue: str = "default"
) -> FailedJob:
    """Return a failed job.

    The same number means the same job, which has another row after a retry.
    """
    uuid = f"1834e024-75a6-4ba2-8cdd-{number:012d}"
    row = number + (1000 if retried is Retried.AGAIN else 0)
    given = {"name": name, "exception": "PDOException", "queue": queue, "hours": hours, "retried": retried}
    return FailedJob.model_validate({"id": uuid, "row": row, "uuid": uuid, **given})


def failed_jobs(*jobs: FailedJob) -> FailedJobsState:
    """Return the failed jobs of the requested classes."""
    return FailedJobsState(trouble=None, jobs=jobs, asked=True)


QUEUE: Final = QueueFlowState(trouble=None, connection="redis", waiting=0)
"""An empty queue that answers."""
