"""What makes queue workers take a new configuration: signals, since `queue:restart` travels through the cache."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from pydantic import Field

from remediate.command import ROOT, Run
from remediate.fields import AbsolutePath, ProgramName, UnitName, UserName
from remediate.host import Host
from remediate.probe import Fact, Probe
from remediate.probes.descendants import Descendant, Descendants
from remediate.probes.supervisor import ProgramState, Workers, WorkerState
from remediate.programs.processes import end_processes
from remediate.programs.run import run_shell
from remediate.remedy import NotYet, Remedy, Step, Verification
from remediate.survey import Facts
from remediate.verdict import Verdict, proceed, skip, wait


def renew_workers(workers: Iterable[Descendant], user: str, program: str | None, patience: int) -> Iterator[Step]:
    """Ask workers to finish what they do (TERM) and have supervisor start what does not come back by itself.

    One that goes on with a long job does not keep those from being started that have made room.
    """
    identities = [each.identity for each in workers]
    if not identities:
        return
    yield end_processes(identities, user, patience, left="leave")
    if program is not None:
        # A program with autorestart=unexpected stays down after a clean end; those that run are left as they are.
        yield start_program(program)


def renewing(user: str, program: str | None, patience: int) -> tuple[Run, ...]:
    """Return every command that `renew_workers` may yield."""
    return (
        end_processes((), user, patience, left="leave"),
        *((start_program(program),) if program is not None else ()),
    )


def missing(after: WorkerState, spared: Iterable[ProgramState]) -> bool:
    """Whether a process of a program does not run, of those that are not spared."""
    names = {each.name for each in spared}
    down = [each for each in after.processes if each.state != "RUNNING" and each.name not in names]
    return not after.daemon or not after.processes or bool(down)


def start_program(program: str) -> Run:
    """Return the command that starts those processes of a supervisor group that do not run."""
    return run_shell("supervisor", "start", program, user=ROOT, seconds=60)


class RestartWorkers(Remedy):
    """Make queue workers take the configuration in use (runbook 4.3: `queue:restart`).

    Needed when a worker was started before the configuration was written: it goes on with an old password or store
    for as long as it lives, and looks well. `queue:restart` only leaves a note in the cache, which a worker finds in
    the store that *it* was started with, if that one answers. So each is asked by TERM, finishes its job (Laravel
    does, with the pcntl extension), and supervisor starts it anew. One that does not end in time is left working.
    """

    kind: Literal["worker.restart"] = "worker.restart"
    program: ProgramName = Field(description="supervisor group or program of the queue workers")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the workers run as")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds a worker may take to finish its job")

    after: ClassVar[tuple[str, ...]] = (
        "laravel.up",
        "redis.restart",
        "config.cache",
        "database.access",
        "redis.by-hand",
        "supervisor.restart",
    )

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        given = {"program": settings.worker_program, "path": settings.app_path, "user": settings.app_user}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _processes(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=self.unit)

    @property
    def _workers(self) -> Workers:
        return Workers(program=self.program)

    def title(self) -> str:
        """See Remedy."""
        return self.program

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._processes, self._workers)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._workers,)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        stale = facts[self._processes].stale_workers(self.path)
        if not stale:
            return skip(f"no worker of {self.program} is older than the configuration")
        workers = facts[self._workers]
        if not workers.daemon:
            return wait(f"{self.program}: supervisor does not run")
        return proceed(f"{len(stale)} workers of {self.program} are older than the configuration")

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        stale = facts[self._processes].stale_workers(self.path)
        # Every process of the group is started by one command: not where somebody has stopped one of them.
        program = None if facts[self._workers].parked else self.program
        yield from renew_workers(stale, self.user, program, self.patience)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return renewing(self.user, self.program, self.patience)

    def verify(self, before: Facts, after: Facts) -> Verification:
        """See Remedy."""
        workers = after[self._workers]
        if missing(workers, before[self._workers].parked):
            return NotYet(reason=f"{self.program} is {workers.describe()}")
        return super().verify(before, after)
