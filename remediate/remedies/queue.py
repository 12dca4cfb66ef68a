"""The remedy that retries failed jobs when that is safe."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import ProgramName, QueueName
from remediate.core.host import Host, PaymentJob, Payments
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Step, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.queue import FailedJob, FailedJobs, FailedJobsState, QueueFlow, QueueFlowState, Retried
from remediate.probes.supervisor import Workers, WorkerState
from remediate.programs.queue import retry_jobs
from remediate.remedies.application import OfApplication, stated
from remediate.remedies.handover import CODES

# These refusals name the playbook that fixes the cause.
APP_DOWN, CACHE_DOWN, DATABASE_DOWN = CODES["app-down"], CODES["cache-down"], CODES["database-down"]
FAILS_AGAIN = RefusalCode(
    name="fails-again",
    meaning="A retried job failed again: find the cause before others of its kind are retried.",
    advice="fix the cause of its failure, then add --override fails-again='what was fixed'",
    overridable=True,
)


class Fate(Enum):
    """The decision about one failed job."""

    READY = "may be retried"
    AGAIN = "failed again after it had been retried"
    INTERRUPTED = "was claimed by a retry that did not come to its end: it may have run"
    NOT_IDEMPOTENT = "must not be run twice, says the inventory"
    TOO_OLD = "is too old to be retried without asking"
    ELSEWHERE = "goes through a queue that the inventory does not name"


def fate(job: FailedJob, declared: Sequence[PaymentJob], queues: Sequence[str]) -> Fate:
    """Decide about a failed job from what the inventory declares of its class."""
    rule = next((each for each in declared if each.name.lower() == job.name.lower()), None)
    if rule is None or not rule.idempotent:
        return Fate.NOT_IDEMPOTENT
    if job.hours is None or job.hours >= rule.max_age_hours:
        return Fate.TOO_OLD
    if job.retried is not Retried.NO:
        return Fate.AGAIN if job.retried is Retried.AGAIN else Fate.INTERRUPTED
    if job.uuid is None or job.queue not in queues:
        return Fate.ELSEWHERE
    return Fate.READY


def stopped_flow(
    failed: FailedJobsState, flow: QueueFlowState, workers: WorkerState | None, program: str | None
) -> Verdict | None:
    """Refuse or wait while jobs cannot flow, naming the right playbook; else None."""
    if failed.trouble is not None:
        return refuse(DATABASE_DOWN, f"the database of the failed jobs {failed.trouble}: run `fix.database-down` first")
    if flow.trouble is not None:
        return refuse(CACHE_DOWN, f"the store of the queue {flow.trouble}: run `fix.cache-down` first")
    if workers is None:
        return None
    if not workers.daemon or not workers.processes or workers.broken:
        return refuse(APP_DOWN, f"the workers {program} are {workers.describe()}: run `fix.app-down` first")
    if workers.changing:
        return wait(f"{program} is {workers.describe()}", APP_DOWN)
    return None


class OfJobs(OfApplication):
    """A base for remedies that need to know whether failed jobs can flow again."""

    program: ProgramName | None = Field(default=None, description="supervisor group or program of the queue workers")
    jobs: tuple[PaymentJob, ...] = Field(default=(), description="classes of jobs, and which may be run twice")
    queues: tuple[QueueName, ...] = Field(default=("default",), min_length=1, description="queues that they go through")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        payments = host.settings.payments or Payments()
        flow = stated(program=host.settings.worker_program, jobs=payments.jobs, queues=payments.queues)
        return super().defaults(host) | flow

    @property
    def _failed(self) -> FailedJobs:
        classes = tuple(job.name for job in self.jobs)
        return FailedJobs(php=self.php, path=self.path, user=self.user, classes=classes)

    @property
    def _flow(self) -> QueueFlow:
        return QueueFlow(php=self.php, path=self.path, user=self.user, queues=self.queues)

    @property
    def _workers(self) -> Workers | None:
        return None if self.program is None else Workers(program=self.program)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._failed, self._flow, *((self._workers,) if self._workers else ()))


class RetryJobs(OfJobs):
    """Retry failed jobs that may be run twice: one first, then in batches (runbook 4.4: `queue:retry all`).

    Retries only classes that the inventory declares idempotent, only jobs younger than it allows, and each job only
    once. When a job fails again, it and all others are left until `--override fails-again=why` says that the cause is
    fixed. The next batch starts only after the previous one was processed. `queue:retry all` checks none of this: it
    charges customers twice and floods a provider that still fails, and its "pushed back onto the queue" does not mean
    done.

    Each job is marked in its payload before it is pushed, so no two runs push the same job, not even from different
    hosts. Laravel pushes a job and then deletes its row. When that is interrupted between the two, the marked row
    stays. No run touches it again, and a person has to find out whether the job was processed.
    """

    kind: Literal["queue.retry"] = "queue.retry"
    subject = "failed jobs"
    batch: int = Field(default=10, ge=1, le=50, description="jobs that are retried at a time, after the first")
    patience: int = Field(default=60, ge=5, le=600, description="seconds that a batch may take")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (DATABASE_DOWN, CACHE_DOWN, APP_DOWN, FAILS_AGAIN)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "payments.flow", "config.cache", "worker.restart")

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._failed,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        failed = facts[self._failed]
        if failed.trouble is None and not (self._with(failed, Fate.READY) or self._with(failed, Fate.AGAIN)):
            return skip(f"none that may be retried: {failed.describe()}")
        flow = facts[self._flow]
        if stopped := stopped_flow(failed, flow, facts[self._workers] if self._workers else None, self.program):
            return stopped
        if flow.retried:
            return wait(f"{len(flow.retried)} jobs that were retried are still in the queue")
        ready, again = self._with(failed, Fate.READY), self._with(failed, Fate.AGAIN)
        if again:
            left = f"; {len(ready)} others wait for that" if ready else ""
            return refuse(FAILS_AGAIN, f"{again[0].describe()} failed again after it had been retried{left}")
        names = ", ".join(dict.fromkeys(job.name for job in ready))
        turns = f": the oldest alone, then {self.batch} at a time" if len(ready) > 1 else ""
        return proceed(f"{len(ready)} failed jobs may be retried ({names}){turns}")

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        yield self._step(job.id for job in self._chosen(facts[self._failed]))

    @override
    def changes(self) -> tuple[Run, ...]:
        return (self._step(()),)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require that each job left the failed jobs and the queue without failing again."""
        chosen = {job.uuid for job in self._chosen(before[self._failed])}
        failed, flow = after[self._failed], after[self._flow]
        if failed.trouble is not None or flow.trouble is not None:
            return NotYet(reason=f"unknown: {failed.describe()}, {flow.describe()}")
        back = [job for job in failed.jobs if job.uuid in chosen]
        again = [job for job in back if job.retried is Retried.AGAIN]
        done = len(chosen) - len(back)
        if again:
            return Failed(reason=f"{again[0].describe()} failed again; {done} of {len(chosen)} were processed")
        if chosen.intersection(flow.retried):
            return NotYet(reason=f"{len(chosen.intersection(flow.retried))} are still in the queue")
        if flow.more:
            return NotYet(reason="more jobs that were retried are in the queue than are listed")
        if back:
            return Failed(reason=f"{len(back)} of {len(chosen)} are left: {back[0].describe()}")
        if before.output(self._failed).stdout == after.output(self._failed).stdout:
            return NotYet(reason="the failed jobs are as they were before")
        return Proven(evidence=f"{done} jobs were processed: in no queue any more, and not failed again")

    def _step(self, ids: Iterable[str]) -> Run:
        return retry_jobs(self.php, self.path, self.user, ids, batch=self.batch, patience=self.patience)

    def _with(self, failed: FailedJobsState, wanted: Fate) -> list[FailedJob]:
        return [job for job in failed.jobs if fate(job, self.jobs, self.queues) is wanted]

    def _chosen(self, failed: FailedJobsState) -> list[FailedJob]:
        """Return the jobs to retry; after an override, those that failed again come last."""
        return [*self._with(failed, Fate.READY), *self._with(failed, Fate.AGAIN)]
