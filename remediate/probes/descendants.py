"""Child processes of a daemon that still use an older configuration."""

import re
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, FrozenModel, UnitName, UserName
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.supervisor import is_worker
from remediate.probes.systemd import full_name
from remediate.programs.run import run_shell

_ARTISAN: Final = re.compile(r"(^|[ /])artisan['\"]? (?:-\S+ )*[a-z]")


class Descendant(FrozenModel):
    """One process that a daemon started, with an identity that no other process can have."""

    pid: int
    started: int = Field(description="clock ticks since boot: proc(5), field 22 of stat")
    stale: bool = Field(description="whether it was started before the configuration in use was written")
    user: str
    directory: str = Field(description="the directory of its artisan, else where it works; - for one that is unknown")
    arguments: str

    @property
    def identity(self) -> str:
        """The process id and the start time as one word."""
        return f"{self.pid}:{self.started}"

    def belongs_to(self, path: str) -> bool:
        """Return whether it is an artisan command of the application in this directory."""
        named = re.search(rf"(^|[ '\"]){re.escape(path)}/artisan\b", self.arguments) is not None
        here = named or self.directory == path.replace(" ", "_")
        return here and _ARTISAN.search(self.arguments) is not None

    def works_for(self, path: str) -> bool:
        """Return whether it is one of that application's workers, which finish their work on TERM."""
        return self.belongs_to(path) and is_worker(self.arguments)


class DescendantsState(Fact):
    """The processes below the main process of a unit."""

    processes: tuple[Descendant, ...]

    def commands(self, path: str) -> tuple[Descendant, ...]:
        """Return the artisan commands of one application, its own ones included."""
        return tuple(each for each in self.processes if each.belongs_to(path))

    def workers(self, path: str) -> tuple[Descendant, ...]:
        """Return the long-running artisan commands of one application."""
        return tuple(each for each in self.processes if each.works_for(path))

    def stale_workers(self, path: str) -> tuple[Descendant, ...]:
        """Return the workers that use an older configuration than the present one."""
        return tuple(each for each in self.workers(path) if each.stale)

    @property
    def stale(self) -> tuple[Descendant, ...]:
        """The processes that were started before the present configuration was written."""
        return tuple(each for each in self.processes if each.stale)

    @override
    def describe(self) -> str:
        older = f", {len(self.stale)} older than the configuration" if self.stale else ""
        return f"{len(self.processes)}{older}"


class Descendants(Probe[DescendantsState]):
    """List the processes that a unit's main process has started.

    A worker keeps the configuration that it was started with.
    """

    kind: Literal["processes.descendants"] = "processes.descendants"
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as: only it may see where its processes work")
    unit: UnitName = Field(description="systemd unit of the daemon")

    @override
    def label(self) -> str:
        return f"processes of {self.unit}"

    @override
    def command(self) -> Run:
        return run_shell("descendants", self.path, full_name(self.unit), user=self.user, seconds=8)

    @override
    def parse(self, output: Output) -> DescendantsState:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        return DescendantsState(processes=tuple(self._process(line) for line in output.stdout.splitlines()))

    def _process(self, line: str) -> Descendant:
        match line.split(" ", 5):
            case [pid, began, ("fresh" | "stale") as state, user, directory, arguments]:
                return Descendant(
                    pid=whole_number(pid, self.label()),
                    started=whole_number(began, self.label()),
                    stale=state == "stale",
                    user=user,
                    directory=directory,
                    arguments=arguments.strip(),
                )
            case _:
                raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")


class WorkersConfiguration(Fact):
    """The number of artisan commands below a unit, and of stale ones, which use an older configuration.

    A stale worker looks healthy in every other respect. A command of the application's own (`artisan orders:consume`)
    counts as a worker here, although no remedy ends it.
    """

    workers: int
    stale: int
    others: int = Field(default=0, description="processes that are not known as its commands")

    @property
    @override
    def ok(self) -> bool | None:
        return None if self.others and not self.workers else self.stale == 0

    @override
    def describe(self) -> str:
        if self.others and not self.workers:
            return f"unknown: none of the {self.others} processes below supervisor is known as a worker of it"
        if not self.workers:
            return "nothing to compare: none of its artisan commands runs"
        return f"{self.stale} of {self.workers} workers have an older one" if self.stale else "is the one in use"


class ConfigurationOfWorkers(Probe[WorkersConfiguration]):
    """Ask whether queue workers were started with the present configuration.

    A stale worker still uses the old one, with an old password for example.
    """

    kind: Literal["processes.configuration-of-workers"] = "processes.configuration-of-workers"
    subject = "configuration of the workers"
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as")
    unit: UnitName = Field(default="supervisor", description="systemd unit of supervisor")

    @property
    def _processes(self) -> Descendants:
        return Descendants(path=self.path, user=self.user, unit=self.unit)

    @override
    def command(self) -> Run:
        return self._processes.command()

    @override
    def parse(self, output: Output) -> WorkersConfiguration:
        state = self._processes.parse(output)
        found = state.commands(self.path)
        stale = sum(each.stale for each in found)
        return WorkersConfiguration(workers=len(found), stale=stale, others=len(state.processes) - len(found))
