"""The durable engine, made of dbos, which only this module and `dbos_runs` import.

dbos repeats the step in which a process died. So a step only asks the driver, which guards itself with the journal. The
version that dbos sees never changes: runs are data, and one workflow interprets them, so that a release of ours strands
no pending run. There is one dbos in a process.

A run passes three queues, each inside the one before: of its host (one at a time), of its playbook, and of the fleet,
which goes by priority. Only the last one acts.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Lock
from typing import Any, Final

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID, error
from typing_extensions import override

from remediate.journal.run_id import new_run_id
from remediate.service.attempts import DurableSteps, bring_to_end, end_as_unknown
from remediate.service.dbos_runs import FLEET, durable_runs
from remediate.service.engine import EngineLimits, RunDriver, RunEngine
from remediate.service.request import Attempt, DurableRun, DurableState, RunRequest
from remediate.service.timers import TimerTask, ring
from remediate.service.tries import logged, why_failed

HOSTS, PLAYBOOKS = "remediate-hosts", "remediate-playbooks"
_VERSION: Final = "1"
"""The version of the stored runs, not of this package. Pending runs of another version would never be resumed."""
_TIMERS: Final = "remediate-timers"
_RUN, _ACT, _TIMER, _AFTER = "remediate.run", "remediate.act", "remediate.timer.", "remediate.after"
_QUEUED_AT_ONCE: Final = 64
"""Runs of different hosts that wait in one process for their turn. Each costs a thread."""
_TIMERS_AT_ONCE: Final = 16
_MOST_STARTS: Final = 20
"""Processes that may begin the acting part of a run. This counts those too that die before the journal knows of it."""
_GIVEN_UP: Final = error.DBOSAwaitedWorkflowMaxRecoveryAttemptsExceeded.__name__
_LISTED: Final = 500
_TICKS: Final = timedelta(hours=1)
"""The age up to which ticks of timers are kept: there are four in a minute."""
_LOOK: Final = 0.1
_LOG: Final = logging.getLogger(__name__)
_STORE_SECONDS: Final = 3.0
"""Seconds in which a run that has ended passes its result on to the queues around it."""


class DbosEngine(RunEngine, DurableSteps):
    """Durable runs in a database. `url` is that of SQLAlchemy; `worker` is a name that no living process shares."""

    def __init__(
        self,
        url: str,
        worker: str,
        driver: RunDriver,
        limits: EngineLimits | None = None,
        *,
        schema: str = "remediate_service",
    ) -> None:
        self.worker = worker
        self._driver = driver
        self._limits = limits or EngineLimits()
        self._turning: set[object] = set()
        self._driving: set[object] = set()
        self._closing, self._closed = Event(), Event()
        self._timers: dict[str, tuple[str, Callable[..., None]]] = {}
        self._tasks: dict[str, TimerTask] = {}
        config: DBOSConfig = {
            "name": "remediate",
            "system_database_url": url,
            "executor_id": worker,
            "application_version": _VERSION,
            "dbos_system_schema": schema,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": self._limits.poll_seconds,
            "scheduler_polling_interval_sec": 5.0,
        }
        logging.getLogger("dbos").disabled = False
        DBOS(config=config)
        # Waiting kills no process, so it may begin again without limit.
        self._wait = self._workflow(_RUN, most_starts=None)
        self._act = self._workflow(_ACT, most_starts=_MOST_STARTS)
        self._ring = DBOS.workflow(name=_AFTER, max_recovery_attempts=_MOST_STARTS)(self._rung())

    @override
    def every(self, name: str, cron: str, task: Callable[[], None]) -> None:
        turn = Lock()

        def tick(scheduled: datetime, context: object) -> None:  # noqa: ARG001  # dbos gives both
            if turn.acquire(blocking=False):  # The last one may still run. The next one does the same.
                try:
                    DBOS.run_step({"name": name}, why_failed, f"the timer {name} fails", task)
                finally:
                    turn.release()

        tick.__qualname__ = f"{_TIMER}{name}"
        self._timers[name] = (cron, DBOS.workflow(name=f"{_TIMER}{name}")(tick))

    @override
    def on(self, name: str, task: TimerTask) -> None:
        self._tasks[name] = task

    @override
    def after(self, seconds: float, name: str, about: str, timer: str) -> bool:
        if DBOS.get_workflow_status(timer) is not None:
            return False
        with SetWorkflowID(timer), SetEnqueueOptions(delay_seconds=max(seconds, 0)):
            DBOS.enqueue_workflow(_TIMERS, self._ring, {"name": name, "about": about})
        return True

    @override
    def launch(self) -> None:
        DBOS.launch()
        queue = partial(
            DBOS.register_queue, polling_interval_sec=self._limits.poll_seconds, on_conflict="always_update"
        )
        queue(HOSTS, partition_concurrency=1, worker_concurrency=_QUEUED_AT_ONCE)
        queue(PLAYBOOKS, partition_concurrency=self._limits.playbook)
        worker = min(self._limits.worker, self._limits.fleet)
        queue(FLEET, global_concurrency=self._limits.fleet, worker_concurrency=worker)
        queue(_TIMERS, worker_concurrency=_TIMERS_AT_ONCE)
        wanted = {name: cron for name, (cron, _) in self._timers.items()}
        for schedule in DBOS.list_schedules():
            if wanted.get(schedule["schedule_name"]) != schedule["schedule"]:
                DBOS.delete_schedule(schedule["schedule_name"])
        DBOS.apply_schedules(
            [
                {"schedule_name": name, "workflow_fn": tick, "schedule": cron, "context": None}
                for name, (cron, tick) in self._timers.items()
            ]
        )

    @override
    def start(self, request: RunRequest, run: str) -> bool:
        if DBOS.get_workflow_status(run) is not None:
            return False
        self._enqueue(run, request, ((HOSTS, request.host), (PLAYBOOKS, request.playbook), (FLEET, None)))
        return True

    @override
    def find(self, run: str) -> DurableRun | None:
        return next(iter(durable_runs(DBOS.list_workflows(workflow_ids=[run], name=_RUN))), None)

    @override
    def runs(self, *, limit: int = 100) -> tuple[DurableRun, ...]:
        return durable_runs(DBOS.list_workflows(name=_RUN, has_parent=False, sort_desc=True, limit=limit))

    @override
    def waiting(self) -> tuple[DurableRun, ...]:
        open_ones = durable_runs(DBOS.list_workflows(name=_RUN, has_parent=False, status=["ENQUEUED", "PENDING"]))
        return tuple(run for run in open_ones if run.state is DurableState.QUEUED)

    @override
    def withdraw(self, run: str) -> bool:
        known = self.find(run)
        if known is None or known.state is not DurableState.QUEUED:
            return False
        # Only the two outer queues are cancelled, so that the next run of this host and playbook gets its turn. The
        # innermost part may be beginning at this moment: it asks by itself whether the run is still wanted.
        DBOS.cancel_workflows([run, f"{run}.{PLAYBOOKS}"])
        after = self.find(run)
        return after is not None and after.state is DurableState.WITHDRAWN

    def take_over(self, worker: str) -> int:
        """Queue again what a dead worker had begun. Returns how many. The caller knows that it is dead."""
        # dbos has a public call that resumes, but that one brings back what was withdrawn meanwhile, and forgets how
        # many processes died.
        return len(DBOS._recover_pending_workflows([worker]))  # noqa: SLF001

    def workers(self) -> frozenset[str]:
        """Return the names of the workers that have begun something, the dead ones too."""
        begun = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return frozenset(one.executor_id for one in begun if one.executor_id is not None)

    @override
    def forget(self, age: timedelta) -> int:
        now = datetime.now(UTC)
        ticks = [f"{_TIMER}{name}" for name in self._timers]
        return self._forgotten([_RUN, _ACT, _AFTER], now - age) + self._forgotten(ticks, now - min(age, _TICKS))

    def _forgotten(self, names: list[str], before: datetime) -> int:
        total = 0
        while names and (
            ended := DBOS.list_workflows(
                status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
                name=names,
                completed_before=before.isoformat(),
                load_input=False,
                load_output=False,
                limit=_LISTED,
            )
        ):
            DBOS.delete_workflows([one.workflow_id for one in ended])
            total += len(ended)
        return total

    @override
    def close(self, patience: timedelta = timedelta()) -> None:
        self._closing.set()
        until = time.monotonic() + patience.total_seconds()
        while self._driving and time.monotonic() < until:
            time.sleep(_LOOK)
        until = time.monotonic() + _STORE_SECONDS
        while self._turning and time.monotonic() < until:
            time.sleep(_LOOK)
        # Waiting runs now end with errors, which are not logged because they are harmless: these runs are stored, and
        # wait again after the next start.
        logging.getLogger("dbos").disabled = True
        DBOS.destroy(destroy_registry=True)
        self._closed.set()

    def _workflow(self, name: str, *, most_starts: int | None) -> Callable[..., Any]:
        def turn(data: Mapping[str, Any]) -> Any:
            here = object()
            self._turning.add(here)
            try:
                return self._in_turn(data["run"], RunRequest.model_validate(data["request"]), data["gates"])
            finally:
                self._turning.discard(here)

        turn.__qualname__ = name
        return DBOS.workflow(name=name, max_recovery_attempts=most_starts)(turn)

    def _rung(self) -> Callable[[Mapping[str, str]], None]:
        def rung(data: Mapping[str, str]) -> None:
            ring(data["name"], data["about"], self._tasks, partial(self._answered, data["name"]), DBOS.sleep)

        rung.__qualname__ = _AFTER
        return rung

    def _answered(self, name: str, question: Callable[[], Any]) -> Any:
        return DBOS.run_step({"name": name}, self._guarded, question)

    def _in_turn(self, run: str, request: RunRequest, gates: Sequence[Any]) -> Any:
        """Pass the next queue, or bring the run to its end. Whatever comes back from here is stored."""
        if not gates:
            return bring_to_end(run, request, self._driver, self).model_dump(mode="json")
        inner = self._enqueue(run, request, gates)
        try:
            return DBOS.get_result(inner)
        except Exception as failed:
            # An error that is read from the database, after a crash, has its class as a name only.
            if _GIVEN_UP not in {type(failed).__name__, getattr(failed, "name", None)}:
                raise
            why = f"{_MOST_STARTS + 1} processes began with this run, and none came to an end"
            return end_as_unknown([run], why, self._driver, self).model_dump(mode="json")

    def _enqueue(self, run: str, request: RunRequest, gates: Sequence[Any]) -> str:
        """Queue a run at the first of these gates, and return the id under which it waits there."""
        (queue, partition), *inner = gates
        waits_as = run if queue == HOSTS else f"{run}.{queue}"
        data = {"run": run, "request": request.model_dump(mode="json"), "gates": inner}
        # A queue with partitions goes by priority within each, the last one by priority alone.
        options = SetEnqueueOptions(priority=request.priority, queue_partition_key=partition)
        with SetWorkflowID(waits_as), options:
            DBOS.enqueue_workflow(queue, self._wait if inner else self._act, data)
        return waits_as

    @override
    def ask(self, name: str, question: Callable[[], Attempt]) -> Attempt:
        def asked() -> dict[str, Any]:
            try:
                attempt = question()
            except Exception as bug:  # noqa: BLE001  # The run would end without a result, and nobody would look again.
                attempt = Attempt(unanswered=f"a bug: {logged(f'{name} of a run fails', bug)}")
            return attempt.model_dump(mode="json")

        return Attempt.model_validate(self._answered(name, asked))

    @override
    def wanted(self, run: str) -> bool:
        root = DBOS.get_workflow_status(run)
        return root is not None and root.status != "CANCELLED"

    @override
    def sleep(self, seconds: float) -> None:
        DBOS.sleep(seconds)

    @override
    def new_id(self) -> str:
        return DBOS.run_step({"name": "new id"}, new_run_id)

    def _guarded(self, question: Callable[[], Any]) -> Any:
        if self._closing.is_set():
            # Nothing is stored after the end, so the next process begins this step again.
            self._closed.wait()
            raise InterruptedError
        turn = object()
        self._driving.add(turn)
        try:
            return question()
        finally:
            self._driving.discard(turn)
