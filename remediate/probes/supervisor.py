"""Supervisor's programs, and workers that run outside it."""

import re
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel, ProgramName, UnitName
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.systemd import full_name
from remediate.programs.run import run_shell

STATES = frozenset(
    {"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"}
)  # supervisor's own process states
_LINE = re.compile(r"^(?P<name>\S+)\s+(?P<state>[A-Z]+)(?:\s+(?P<detail>.*))?$")
_PID = re.compile(r"^pid (?P<pid>[0-9]{1,20})(?:, uptime (?P<uptime>-?[0-9]{1,12}))?$")


class ProgramState(FrozenModel):
    """One process that supervisor manages."""

    name: str
    state: str
    pid: int | None = None
    uptime: float | None = Field(default=None, description="seconds")
    detail: str = ""


class WorkerState(Fact):
    """The processes of one program or group.

    RUNNING says little: a program that crashes every two seconds is RUNNING in between.
    """

    processes: tuple[ProgramState, ...]
    daemon: bool = Field(description="whether supervisor itself answered")

    @property
    def broken(self) -> tuple[ProgramState, ...]:
        """The processes that supervisor has given up on, or was ordered to stop."""
        return tuple(each for each in self.processes if each.state in {"FATAL", "EXITED", "STOPPED", "UNKNOWN"})

    @property
    def parked(self) -> tuple[ProgramState, ...]:
        """The processes that somebody stopped. One that ends by itself is EXITED or FATAL."""
        return tuple(each for each in self.processes if each.state == "STOPPED")

    @property
    def changing(self) -> tuple[ProgramState, ...]:
        """The processes on their way to another state."""
        return tuple(each for each in self.processes if each.state in {"STARTING", "STOPPING", "BACKOFF"})

    @property
    @override
    def settling(self) -> bool:
        return bool(self.changing)

    @property
    @override
    def ok(self) -> bool | None:
        return self.daemon and bool(self.processes) and all(each.state == "RUNNING" for each in self.processes)

    @override
    def age(self, uptime: float) -> float | None:  # supervisor reports ages, not start times
        return min((each.uptime for each in self.processes if each.uptime is not None), default=None)

    @property
    @override
    def incarnation(self) -> str | None:
        return " ".join(f"{each.name}={each.pid}" for each in self.processes)

    def same_incarnation(self, earlier: Fact) -> bool:
        """Return whether every process is the same one, or was replaced as intended.

        A worker that lived long and then made room for a new one was recycled (`--max-jobs`, `--max-time`). One that
        makes room after seconds crashes, however well it looks in between.
        """
        if not isinstance(earlier, WorkerState):
            return False
        before = {each.name: each for each in earlier.processes}
        now = {each.name: each for each in self.processes}
        return before.keys() == now.keys() and all(_recycled(before[name], now[name]) for name in now)

    @override
    def describe(self) -> str:
        if not self.daemon:
            return "unknown: supervisor does not answer"
        if not self.processes:
            return "no such program"
        running = sum(1 for each in self.processes if each.state == "RUNNING")
        rest = sorted({each.state for each in self.processes if each.state != "RUNNING"})
        return f"{running}/{len(self.processes)} running{', ' + ', '.join(rest) if rest else ''}"


_NO_DAEMON: Final = 3
"""Exit status of the program if nobody answers on supervisor's socket."""
RECYCLED_SECONDS = 60.0
"""Seconds after which the end of a process counts as intended. Supervisor then starts the next one."""


def _recycled(before: ProgramState, now: ProgramState) -> bool:
    if before.pid == now.pid and before.state == now.state:
        return True
    if (before.state, now.state) == ("STARTING", "RUNNING"):
        return True  # the reason for the start was judged when it was STARTING
    lived = before.uptime is not None and before.uptime >= RECYCLED_SECONDS
    return lived and now.state in {"RUNNING", "STARTING"}


class Workers(Probe[WorkerState]):
    """Ask supervisor's daemon about one program or group, over its own socket."""

    brief: ClassVar[bool] = True
    volatile: ClassVar[str] = ", uptime .*"

    kind: Literal["supervisor.workers"] = "supervisor.workers"
    program: ProgramName = Field(description="supervisor group or program")

    @override
    def label(self) -> str:
        return self.program

    @override
    def command(self) -> Run:
        return run_shell("supervisor", "status", user=ROOT, seconds=8)

    @override
    def parse(self, output: Output) -> WorkerState:
        if output.exit == _NO_DAEMON:
            return WorkerState(processes=(), daemon=False)
        if output.exit != 0:
            raise Unreadable(f"{self.program}: {last_line(output.stderr or output.stdout)}")
        found: list[ProgramState] = []
        for line in output.stdout.splitlines():
            match = _LINE.match(line)
            if match is None or match["state"] not in STATES:
                raise Unreadable(f"{self.program}: unexpected line {line[:80]!r}")
            if match["name"].partition(":")[0] == self.program:
                found.append(_process(match["name"], match["state"], match["detail"] or ""))
        return WorkerState(processes=tuple(found), daemon=True)


def _process(name: str, state: str, detail: str) -> ProgramState:
    told = _PID.search(detail.strip())
    if told is None:
        return ProgramState(name=name, state=state, detail=detail)
    uptime = None if told["uptime"] is None else int(told["uptime"])
    if uptime is not None and uptime < 0:
        uptime = None  # the wall clock gives it, and was set back
    return ProgramState(name=name, state=state, pid=int(told["pid"]), uptime=uptime)


class StrayProcess(FrozenModel):
    """A process with its identity: its id and its start time, in clock ticks."""

    pid: int
    started: int
    user: str
    arguments: str

    @property
    def identity(self) -> str:
        """The process id and the start time as one word."""
        return f"{self.pid}:{self.started}"

    @property
    def is_worker(self) -> bool:
        """True if it is one of artisan's long-running commands, which finish their work on TERM."""
        return is_worker(self.arguments)


_WORKER = re.compile(r"(^|[ /])artisan['\"]? (?:-\S+ )*(queue:work|queue:listen|horizon|reverb:start|schedule:work)")
_ONE_JOB = re.compile(r"(^|[ /])artisan['\"]? (?:-\S+ )*queue:work (.* )?--once(?= |$)")


def is_worker(arguments: str) -> bool:
    """Return whether a command line is an artisan command that works until it is ended."""
    return _WORKER.search(arguments) is not None and not is_of_one_job(arguments)


def is_of_one_job(arguments: str) -> bool:
    """Return whether it is `queue:work --once`, which `queue:listen` starts for each job.

    It hears no signal: TERM would break its job off. It ends by itself, so it does not count as a second worker.
    """
    return _ONE_JOB.search(arguments) is not None


class StrayWorkers(Fact):
    """Workers of a killed supervisor daemon that nobody supervises any more."""

    processes: tuple[StrayProcess, ...]

    @property
    @override
    def ok(self) -> bool | None:
        return False if self.processes else None

    @override
    def describe(self) -> str:
        return f"{len(self.processes)} unsupervised" if self.processes else "none"


_STRAYS = r"""
main=$(systemctl show --value -p MainPID -- "$1") || exit 3
# With nothing but the shell: a program for each field of each process would cost more than all the rest.
look() {
  parent= began=
  read -r line 2>/dev/null <"/proc/$1/stat" || return
  # The name before may hold anything; the kernel writes a line break in it as \n.
  set -- ${line##*) }
  parent=$2 began=${20}
}
ancestor() {
  each=$1
  while [ "${each:-1}" -gt 1 ]; do
    [ "$each" = "$main" ] && return 0
    look "$each"
    each=$parent
  done
  return 1
}
for file in $(grep -lE "/$2(/|\$)" /proc/[0-9]*/cgroup 2>/dev/null); do
  p=${file#/proc/}; p=${p%/cgroup}
  ancestor "$p" && continue
  look "$p"
  [ -n "$began" ] && printf '%s %s %s ' "$p" "$began" "$(ls -ld "/proc/$p" | awk '{print $3}')" &&
    tr '\0\n' '  ' <"/proc/$p/cmdline" && echo
done
true
"""


class OrphanWorkers(Probe[StrayWorkers]):
    """Look for processes of supervisor's unit that do not descend from its daemon.

    Debian's supervisor.service has KillMode=process: if the daemon is killed with -9, its workers go on, and the next
    daemon starts a second set. The control group still lists the old ones, under any name.
    """

    brief: ClassVar[bool] = True

    kind: Literal["supervisor.orphans"] = "supervisor.orphans"
    subject = "orphan workers"
    unit: UnitName = Field(default="supervisor", description="systemd unit of the daemon")

    @override
    def command(self) -> Run:
        name = full_name(self.unit)
        return Run.of("sh", "-c", _STRAYS, "sh", name, name.replace(".", r"\."), seconds=5)

    @override
    def parse(self, output: Output) -> StrayWorkers:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: systemctl show: {last_line(output.stderr)}")
        found: list[StrayProcess] = []
        for line in output.stdout.splitlines():
            match line.split(maxsplit=3):
                case [pid, started, user, arguments]:
                    identity = {"pid": whole_number(pid, self.label()), "started": whole_number(started, self.label())}
                    found.append(StrayProcess(**identity, user=user, arguments=arguments.strip()))
                case _:
                    raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
        return StrayWorkers(processes=tuple(each for each in found if not is_of_one_job(each.arguments)))
