"""Truth table: failed jobs are retried or left, and retries are proven."""

from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.host import PaymentJob
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.queue import (
    FailedJob,
    FailedJobs,
    FailedJobsState,
    QueueFlow,
    QueueFlowState,
    Retried,
    StoreTrouble,
)
from remediate.probes.supervisor import Workers
from remediate.programs.queue import BUDGET_SECONDS, retry_jobs
from remediate.remedies.queue import Fate, RetryJobs, fate
from support import examples as ex
from support import payment_examples as pay
from support.hosts import host_with
from support.render import surveyed
from support.toys import LOST, Known, decide

PATH = "/home/forge/agency-platform"
DECLARED = (PaymentJob(name=pay.RECORDS, idempotent=True, max_age_hours=24), PaymentJob(name=pay.CHARGES))
REMEDY = RetryJobs(php="php8.2", path=PATH, program="agency-worker", jobs=DECLARED)
FAILED = FailedJobs(php="php8.2", path=PATH, user="forge", classes=(pay.RECORDS, pay.CHARGES))
FLOW = QueueFlow(php="php8.2", path=PATH, user="forge")
WORKERS = Workers(program="agency-worker")
RUNNING = ex.workers("RUNNING", "RUNNING")


def facts(*jobs: FailedJob, flow: Fact | Unreadable = pay.QUEUE, workers: Fact | Unreadable = RUNNING) -> Known:
    return {FAILED: pay.failed_jobs(*jobs), FLOW: flow, WORKERS: workers}


# -- which job ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (pay.failed_job(1), Fate.READY),
        (pay.failed_job(1, hours=23), Fate.READY),
        (pay.failed_job(1, pay.RECORDS.upper()), Fate.READY),  # PHP's class names know no case
        (pay.failed_job(1, hours=24), Fate.TOO_OLD),
        (pay.failed_job(1, hours=None), Fate.TOO_OLD),
        (pay.failed_job(1, pay.CHARGES), Fate.NOT_IDEMPOTENT),
        (pay.failed_job(1, pay.CHARGES, hours=99, retried=Retried.AGAIN), Fate.NOT_IDEMPOTENT),
        (pay.failed_job(1, r"App\Jobs\Other"), Fate.NOT_IDEMPOTENT),
        (pay.failed_job(1, "?"), Fate.NOT_IDEMPOTENT),
        (pay.failed_job(1, retried=Retried.AGAIN), Fate.AGAIN),
        (pay.failed_job(1, retried=Retried.INTERRUPTED), Fate.INTERRUPTED),
        (pay.failed_job(1, queue="slow"), Fate.ELSEWHERE),
        (pay.failed_job(1, queue="sqs/default"), Fate.ELSEWHERE),
        (pay.failed_job(1).model_copy(update={"uuid": None}), Fate.ELSEWHERE),
    ],
)
def test_what_becomes_of_a_job(job: FailedJob, expected: Fate) -> None:
    assert fate(job, DECLARED, ("default",)) is expected


# -- the guard ---------------------------------------------------------------------------------------------------------

JOBS = {
    "none": (),
    "ready": (pay.failed_job(1), pay.failed_job(2)),
    "left": (
        pay.failed_job(3, pay.CHARGES),
        pay.failed_job(4, hours=40),
        pay.failed_job(5, retried=Retried.INTERRUPTED),
    ),
    "mixed": (pay.failed_job(1), pay.failed_job(3, pay.CHARGES)),
    "again": (pay.failed_job(6, retried=Retried.AGAIN),),
    "again and ready": (pay.failed_job(1), pay.failed_job(6, retried=Retried.AGAIN)),
}
FLOWS: dict[str, Fact | Unreadable] = {
    "idle": pay.QUEUE,
    "busy": pay.QUEUE.model_copy(update={"waiting": 7}),
    "retrying": pay.QUEUE.model_copy(update={"waiting": 1, "retried": ("x",)}),
    "down": QueueFlowState(trouble=StoreTrouble.REFUSED),
    "unknown": LOST,
}
WORKER_STATES: dict[str, Fact | Unreadable] = {
    "running": RUNNING,
    "stopped": ex.workers("STOPPED", "RUNNING"),
    "starting": ex.workers("STARTING", "RUNNING"),
    "no daemon": ex.NO_DAEMON,
    "no program": ex.NO_PROGRAM,
    "unknown": LOST,
}


@pytest.mark.parametrize(("jobs", "flow", "workers"), list(product(JOBS, FLOWS, WORKER_STATES)))
def test_every_state(jobs: str, flow: str, workers: str) -> None:
    if jobs in {"none", "left"}:
        expected = "skip"
    elif flow == "unknown" or workers == "unknown":
        expected = "unreadable"
    elif flow == "down":
        expected = "cache-down"
    elif workers in {"stopped", "no daemon", "no program"}:
        expected = "app-down"
    elif workers == "starting":
        expected = "app-down"  # it waits, and says so when patience is over
    elif flow == "retrying":
        expected = "wait"
    else:
        expected = "fails-again" if jobs.startswith("again") else "proceed"
    assert decide(REMEDY, facts(*JOBS[jobs], flow=FLOWS[flow], workers=WORKER_STATES[workers])) == expected


@pytest.mark.parametrize("trouble", StoreTrouble)
def test_failed_jobs_that_cannot_be_read_are_the_databases_business(trouble: StoreTrouble) -> None:
    given = {**facts(), FAILED: FailedJobsState(trouble=trouble, asked=True)}
    assert decide(REMEDY, given) == "database-down"
    assert decide(REMEDY, {**facts(), FAILED: LOST}) == "unreadable"


def test_what_it_says() -> None:
    verdict = REMEDY.guard(Facts(facts(pay.failed_job(1), pay.failed_job(2), pay.failed_job(3, pay.CHARGES))))
    assert verdict.reason == (
        r"2 failed jobs may be retried (App\Jobs\RecordStripePayment): the oldest alone, then 10 at a time"
    )
    down = REMEDY.guard(Facts(facts(pay.failed_job(1), workers=WORKER_STATES["stopped"])))
    assert "run `fix.app-down` first" in down.reason
    again = REMEDY.guard(Facts(facts(*JOBS["again and ready"])))
    assert "failed again after it had been retried; 1 others wait for that" in again.reason


def test_only_a_failure_that_somebody_mended_can_be_overridden() -> None:
    assert [code.name for code in RetryJobs.refusals if code.overridable] == ["fails-again"]


def test_without_supervisor_nobody_asks_for_workers() -> None:
    alone = REMEDY.model_copy(update={"program": None})
    assert decide(alone, {FAILED: pay.failed_jobs(pay.failed_job(1)), FLOW: pay.QUEUE}) == "proceed"


# -- what it does, and what proves it ----------------------------------------------------------------------------------


def test_only_ids_that_may_be_retried_are_handed_over_on_standard_input() -> None:
    jobs = (pay.failed_job(3, pay.CHARGES), *JOBS["ready"], *JOBS["left"], pay.failed_job(9, retried=Retried.AGAIN))
    (step,) = REMEDY.apply(Facts(facts(*jobs)))
    assert step.stdin is not None
    # Those that failed again come last: they are retried only once somebody overrode that.
    assert step.stdin.get_secret_value().split() == [pay.failed_job(number).id for number in (1, 2, 9)]
    (listed,) = REMEDY.changes()
    assert step.permission == listed.permission
    assert step == retry_jobs(
        "php8.2", PATH, "forge", [pay.failed_job(number).id for number in (1, 2, 9)], batch=10, patience=60
    )
    assert step.argv[-4:] == (PATH, "10", "60", str(BUDGET_SECONDS))
    assert step.seconds == BUDGET_SECONDS + 75


BEFORE = surveyed(facts(*JOBS["ready"], pay.failed_job(3, pay.CHARGES)))


@pytest.mark.parametrize(
    ("after", "kind", "said"),
    [
        (facts(pay.failed_job(3, pay.CHARGES)), Proven, "2 jobs were processed"),
        (facts(pay.failed_job(7)), Proven, "2 jobs were processed"),  # another one failed meanwhile
        (
            facts(pay.failed_job(1, retried=Retried.AGAIN), pay.failed_job(2)),
            Failed,
            "failed again; 0 of 2 were processed",
        ),
        (facts(pay.failed_job(2, retried=Retried.AGAIN)), Failed, "failed again; 1 of 2 were processed"),
        (facts(pay.failed_job(2)), Failed, "1 of 2 are left"),
        (facts(pay.failed_job(2, retried=Retried.INTERRUPTED)), Failed, "1 of 2 are left"),
        (
            facts(flow=pay.QUEUE.model_copy(update={"waiting": 1, "retried": (pay.failed_job(2).uuid,)})),
            NotYet,
            "1 are still in the queue",
        ),
        # More were retried than are listed: those of this run may be among them.
        (facts(flow=pay.QUEUE.model_copy(update={"retried": ("other",), "more": True})), NotYet, "more jobs"),
        (facts(flow=QueueFlowState(trouble=StoreTrouble.REFUSED)), NotYet, "unknown: "),
        ({**facts(), FAILED: FailedJobsState(trouble=StoreTrouble.DENIED, asked=True)}, NotYet, "unknown: "),
    ],
)
def test_what_proves_it(after: Known, kind: type, said: str) -> None:
    result = REMEDY.verify(BEFORE, surveyed(after))
    assert type(result) is kind
    assert said in (result.evidence if isinstance(result, Proven) else result.reason)


@pytest.mark.parametrize("probe", [FAILED, FLOW])
def test_what_cannot_be_read_proves_nothing(probe: Probe[Fact]) -> None:
    with pytest.raises(Unreadable):
        REMEDY.verify(BEFORE, surveyed({**facts(), probe: LOST}))


def test_the_inventory_fills_it() -> None:
    host = host_with(
        {
            "php": "php8.3",
            "app_path": "/srv/app",
            "worker_program": "shop",
            "payments": {"jobs": [{"name": r"App\Pay", "idempotent": True}], "queues": ["payments", "default"]},
        }
    )
    remedy = RetryJobs.on(host)
    assert remedy.jobs == (PaymentJob(name=r"App\Pay", idempotent=True),)
    assert (remedy.program, remedy.queues, remedy.batch) == ("shop", ("payments", "default"), 10)


EXAMPLES = {
    "queue.retry": (
        REMEDY,
        facts(*JOBS["ready"]),
        facts(),
        tuple(
            facts(*JOBS[jobs], flow=FLOWS[flow], workers=WORKER_STATES[workers])
            for jobs, flow, workers in product(JOBS, FLOWS, WORKER_STATES)
        ),
    )
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
