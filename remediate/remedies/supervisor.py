"""The remedies that start supervisor and its workers."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import ProgramName, UnitName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.errors import Unreadable
from remediate.probes.supervisor import OrphanWorkers, StrayProcess, Workers, WorkerState
from remediate.programs.processes import end_processes
from remediate.remedies.systemd import UNIT_REFUSALS, RestartService
from remediate.remedies.workers import start_program

PROGRAM_MISSING = RefusalCode(
    name="program-missing",
    meaning="supervisor has no program or group of that name.",
    advice="check worker_program in the inventory",
)

LEFT_RUNNING = RefusalCode(
    name="left-running",
    meaning="A program of the dead daemon still runs, and is no queue worker: a second one would start beside it.",
    advice="end it manually, then run this again",
    overridable=True,
)
SUPERVISOR_SILENT = RefusalCode(
    name="supervisor-silent",
    meaning="supervisor runs and does not answer on its socket, so its workers cannot be seen, stopped or started.",
    advice="`sudo systemctl restart supervisor` makes the socket again: it breaks off jobs longer than stopwaitsecs",
)


class RestartSupervisor(RestartService):
    """Start supervisor when its daemon is down (runbook 4.1, "Restart queue workers").

    Workers that a killed daemon left behind are ended first, by identity and gracefully: a Laravel worker finishes its
    job on TERM. Otherwise a second set would work next to them. When one of them does not end in time, nothing is
    started. A running daemon whose socket is gone is left to a person: its workers may be in the middle of jobs.
    """

    kind: Literal["supervisor.restart"] = "supervisor.restart"
    unit: UnitName = Field(default="supervisor", description="systemd unit of the daemon")
    user: UserName = Field(default="forge", description="user the workers run as")
    patience: int = Field(default=60, ge=0, le=3600, description="seconds an orphan may take to finish its job")
    program: ProgramName | None = Field(
        default=None, description="supervisor group or program that a running daemon is asked about; absent = not asked"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, LEFT_RUNNING, SUPERVISOR_SILENT)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {"user": host.settings.app_user, "program": host.settings.worker_program}

    @property
    @override
    def service(self) -> str:
        return self.unit

    @property
    def _orphans(self) -> OrphanWorkers:
        return OrphanWorkers(unit=self.unit)

    @override
    def checks(self) -> tuple[Probe[Fact], ...]:
        return (self._orphans,)

    @property
    def _asked(self) -> tuple[Workers, ...]:
        return () if self.program is None else (Workers(program=self.program),)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), *self._asked)

    @override
    def running(self, facts: Facts) -> Verdict | None:
        """Wait for a daemon that does not answer: one that has just been started makes its socket in a moment."""
        if all(_answers(facts, each) for each in self._asked):
            return super().running(facts)
        return wait(f"{self.title()} is active, and nobody answers on its socket", SUPERVISOR_SILENT)

    def _own(self, process: StrayProcess) -> bool:
        return process.is_worker and process.user == self.user

    @override
    def obstacle(self, facts: Facts) -> Verdict | None:
        """Refuse while a process is left that is no worker of this user."""
        strangers = [each for each in facts[self._orphans].processes if not self._own(each)]
        if not strangers:
            return None
        who = f"{strangers[0].arguments} (pid {strangers[0].pid}, user {strangers[0].user})"
        unit = facts[self._unit].describe()
        why = f"{self.title()} is {unit}, and {len(strangers)} of its programs still run: {who}"
        return refuse(LEFT_RUNNING, why)

    @override
    def remark(self, facts: Facts) -> str:
        left = facts[self._orphans].processes
        return f", workers left behind: {len(left)} unsupervised" if left else ""

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        workers = [each.identity for each in facts[self._orphans].processes if self._own(each)]
        if workers:
            yield end_processes(workers, self.user, self.patience)
        yield from super().apply(facts)

    @override
    def changes(self) -> tuple[Run, ...]:
        return (*super().changes(), end_processes((), self.user, self.patience))


def _answers(facts: Facts, probe: Workers) -> bool:
    """Return False only where nobody listens. What cannot be read is for the remedies of the workers."""
    try:
        return facts[probe].daemon
    except Unreadable:
        return True


class StartWorkers(Remedy):
    """Start the queue workers that should run and do not (runbook 4.1, "Restart queue workers").

    Only broken workers are started, no matter who stopped them, because the inventory says that they should run. A
    running worker is never restarted, because it may be in a long job. No other program of supervisor's is touched: a
    stopped one is parked until a person says otherwise.
    """

    kind: Literal["worker.start"] = "worker.start"
    program: ProgramName = Field(description="supervisor group or program of the queue workers")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (PROGRAM_MISSING,)
    after: ClassVar[tuple[str, ...]] = (
        "laravel.up",
        "incident.hand-over",
        "redis.restart",
        "redis.by-hand",
        "supervisor.restart",
    )

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {"program": host.settings.worker_program} if host.settings.worker_program else {}

    @property
    def _workers(self) -> Workers:
        return Workers(program=self.program)

    @override
    def title(self) -> str:
        return self.program

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._workers,)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._workers,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        workers = facts[self._workers]
        if not workers.daemon:
            return wait(f"{self.program}: supervisor does not run")
        if not workers.processes:
            return refuse(PROGRAM_MISSING, f"supervisor knows no program {self.program}")
        if workers.broken:
            return proceed(f"{self.program} is {workers.describe()}")
        if workers.changing:
            return wait(f"{self.program} is {workers.describe()}{_until_it_ends(workers)}")
        return skip(f"{self.program} is {workers.describe()}")

    @override
    def changes(self) -> tuple[Run, ...]:
        # `NAME:*` means every process of the group; supervisor leaves running ones alone ("already started").
        return (start_program(self.program),)


def _until_it_ends(workers: WorkerState) -> str:
    """Describe how long a stopping worker may take, and what a person can do.

    Supervisor 4.1 itself sends no signal to a process that is stopping.
    """
    ending = next((each for each in workers.changing if each.state == "STOPPING"), None)
    if ending is None:
        return ""
    said = "; one that stops ends its job first, for stopwaitsecs at most"
    if ending.pid is None:
        return said
    ask, force = (f"`sudo kill -{signal} {ending.pid}`" for signal in ("CONT", "KILL"))
    return f"{said}: if a signal has stopped it (state T), {ask} lets it end; {force} breaks the job off"
