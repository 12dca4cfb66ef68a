"""The remedy that replaces queue workers by signals, because `queue:restart` needs the cache."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, ProgramName, UnitName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, Step, Verification
from remediate.core.verdict import Decision, RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.descendants import Descendant, Descendants
from remediate.probes.queue_motion import Cause, QueueMotion, QueueMotionState, QueueWorker
from remediate.probes.supervisor import ProgramState, Workers, WorkerState
from remediate.probes.systemd import full_name
from remediate.programs.processes import end_processes
from remediate.programs.run import run_shell
from remediate.remedies.application import stated

NOT_SUPERVISED = RefusalCode(
    name="worker-not-supervised",
    meaning="Supervisor does not run the workers of the stuck queue.",
    advice="restart those workers where they are managed, then run this again",
)


def renew_workers(
    workers: Iterable[Descendant | QueueWorker], user: str, program: str | None, patience: int
) -> Iterator[Step]:
    """Ask workers to finish (TERM), then have supervisor start those that stay down.

    A worker that is still in a long job does not delay the start of the others.
    """
    identities = list(dict.fromkeys(each.identity for each in workers))
    if not identities:
        return
    yield end_processes(identities, user, patience, left="leave")
    if program is not None:
        # A program with autorestart=unexpected stays down after a clean end; running ones are left alone.
        yield start_program(program)


def renewing(user: str, program: str | None, patience: int) -> tuple[Run, ...]:
    """Return every command that `renew_workers` may yield."""
    return (
        end_processes((), user, patience, left="leave"),
        *((start_program(program),) if program is not None else ()),
    )


def missing(after: WorkerState, spared: Iterable[ProgramState]) -> bool:
    """Return whether a process of a program does not run, apart from the spared ones."""
    names = {each.name for each in spared}
    down = [each for each in after.processes if each.state != "RUNNING" and each.name not in names]
    return not after.daemon or not after.processes or bool(down)


_ASTRAY: Final = (
    ", after a restart too: they may read another store than the application writes to: compare `environment` and "
    "`command` of {program} in supervisor's configuration with .env"
)


def start_program(program: str) -> Run:
    """Return the command that starts those processes of a supervisor group that do not run."""
    return run_shell("supervisor", "start", program, user=ROOT, seconds=60)


class RestartWorkers(Remedy):
    """Restart queue workers that have an old configuration or take no jobs (runbook 4.3: `queue:restart`).

    Needed when a worker was started before the configuration was written: it keeps an old password or store for as long
    as it lives, and looks healthy. Also needed when jobs wait and none moves, because the workers were stopped by a
    signal, are in a job for longer than their own `--timeout`, or take none. A worker within its time is busy and left
    alone.

    `queue:restart` only leaves a note in the cache. A worker looks for it in the store that *it* was started with, if
    that store answers. So each worker gets TERM and finishes its job (Laravel does, with the pcntl extension), and
    supervisor starts it again. A worker that does not end in time is left running.
    """

    kind: Literal["worker.restart"] = "worker.restart"
    program: ProgramName = Field(description="supervisor group or program of the queue workers")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the workers run as")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds a worker may take to finish its job")
    configured: bool = Field(default=True, description="whether the configuration that a worker has matters")
    queue: QueueMotion | None = Field(
        default=None, description="the question whether jobs are taken; absent = not asked"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (NOT_SUPERVISED,)
    after: ClassVar[tuple[str, ...]] = (
        "laravel.up",
        "redis.restart",
        "config.cache",
        "database.access",
        "redis.by-hand",
        # Workers that are blocked by another playbook's cause are in a job, and do not end before it is fixed.
        "incident.hand-over",
        "supervisor.restart",
    )

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        return stated(
            program=settings.worker_program,
            path=settings.app_path,
            user=settings.app_user,
            queue=QueueMotion.of(host),
        )

    @property
    def _processes(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=self.unit)

    @property
    def _workers(self) -> Workers:
        return Workers(program=self.program)

    @override
    def title(self) -> str:
        return self.program

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        processes = (self._processes,) if self.configured else ()
        return (*processes, self._workers, *((self.queue,) if self.queue else ()))

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._workers,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        stale = self._stale(facts)
        queue = None if stale else self._standing_still(facts)
        if not stale and queue is None:
            return skip("; ".join(self._well(facts)))
        workers = facts[self._workers]
        if not workers.daemon:
            return wait(f"{self.program}: supervisor does not run")
        if stale:
            return proceed(f"{len(stale)} workers of {self.program} are older than the configuration")
        if not self._stuck(facts):
            standing = self._standing(facts)
            ours = any(each.unit == full_name(self.unit) for each in standing)
            whose = f"they are not {self.program}'s" if ours else f"{self.unit} did not start them"
            return refuse(
                NOT_SUPERVISED, f"{queue}; {whose}: `ps -fp {','.join(_pids(standing))}` tells whose they are"
            )
        return proceed(str(queue))

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        ended: tuple[Descendant | QueueWorker, ...] = self._stale(facts) or self._stuck(facts)
        # One command starts the whole group, so it is not used when a person has stopped one of its processes.
        program = None if facts[self._workers].parked else self.program
        yield from renew_workers(ended, self.user, program, self.patience)

    @override
    def changes(self) -> tuple[Run, ...]:
        return renewing(self.user, self.program, self.patience)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        workers = after[self._workers]
        if missing(workers, before[self._workers].parked):
            return NotYet(reason=f"{self.program} is {workers.describe()}")
        stuck = () if self._stale(before) else self._stuck(before)
        if not stuck:
            return super().verify(before, after)
        # Their program in supervisor does not matter: they have to be gone, and the queue has to move.
        state = self._state(after)
        left = {each.identity for each in state.workers} if state is not None else set()
        still = _pids(each for each in stuck if each.identity in left)
        if still:
            return NotYet(
                reason=f"{', '.join(still)} did not end when asked to: `sudo kill -KILL {' '.join(still)}` breaks the "
                "job off, which then fails or is run again: not where it takes money"
            )
        served = {name for each in stuck for name in each.queues}
        stalls = state.stalls if state is not None else ()
        if lost := [each for each in stalls if each.cause is Cause.UNATTENDED and each.level.name in served]:
            return Failed(reason=f"{lost[0].describe()}: supervisor did not start its workers again")
        verdict = self.guard(after)
        if verdict.decision is Decision.SKIP:
            return Proven(evidence=f"{verdict.reason}, unlike before")
        idle = any(each.cause is Cause.IDLE for each in stalls)
        reason = f"{verdict.reason}{_ASTRAY.format(program=self.program) if idle else ''}"
        return (Failed if verdict.decision is Decision.REFUSE else NotYet)(reason=reason)

    def _state(self, facts: Facts) -> QueueMotionState | None:
        return facts[self.queue] if self.queue is not None else None

    def _stale(self, facts: Facts) -> tuple[Descendant, ...]:
        return facts[self._processes].stale_workers(self.path) if self.configured else ()

    def _well(self, facts: Facts) -> Iterator[str]:
        """Yield why it is not needed, naming only what was checked."""
        if self.configured and facts[self._processes].workers(self.path):
            yield f"no worker of {self.program} is older than the configuration"
        elif self.configured:
            yield f"no worker of {self.path} is seen below {self.unit}"
        state = self._state(facts)
        if state is not None and (state.looked_into or not self.configured):
            yield f"the queue: {state.describe()}"

    def _standing_still(self, facts: Facts) -> str | None:
        """Return which queue stands still because of its workers, else None."""
        state = self._state(facts)
        if state is None:
            return None
        said = [each.describe() for each in state.stalls if each.cause is not Cause.UNATTENDED]
        return "; ".join(said) or (state.describe() if state.all_stopped else None)

    def _standing(self, facts: Facts) -> tuple[QueueWorker, ...]:
        """Return the workers that make a queue stand still, no matter who started them."""
        state = self._state(facts)
        if state is None:
            return ()
        stalled = (each for stall in state.stalls if stall.cause is not Cause.UNATTENDED for each in stall.workers)
        return tuple(dict.fromkeys((*stalled, *(state.workers if state.all_stopped else ()))))

    def _stuck(self, facts: Facts) -> tuple[QueueWorker, ...]:
        """Return the standing workers that supervisor started for this program and starts again."""
        own = self._own_pids(facts)
        ours = (each for each in self._standing(facts) if each.unit == full_name(self.unit))
        return tuple(each for each in ours if not own or each.pid in own)

    def _own_pids(self, facts: Facts) -> set[int]:
        """Return the program's pids where they are workers; empty where a shell runs them."""
        state = self._state(facts)
        pids = {each.pid for each in facts[self._workers].processes if each.pid is not None}
        return pids if state is not None and any(each.pid in pids for each in state.workers) else set()


def _pids(workers: Iterable[QueueWorker]) -> list[str]:
    return [str(each.pid) for each in workers]
