"""Durable runs on paper hosts, in processes that may be killed.

A host is down until its program `step` ran. Each call of it is a line in the host's log, so that a second one shows.
"""

import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.inventory.selection import Inventory
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service.driver import LibraryDriver
from remediate.service.request import DurableRun, DurableState, RunRequest
from remediate.testing import PaperHost
from remediate.transport.session import Session

PLAYBOOK: Final = '''
    """A toy host is down."""

    from typing import Literal

    from remediate.core.command import ROOT, Output, Run
    from remediate.core.host import Host
    from remediate.core.playbook import Severity, playbook
    from remediate.core.probe import Fact, Probe
    from remediate.core.remedy import Remedy
    from remediate.core.verdict import proceed, skip


    class Said(Fact):
        text: str

        @property
        def ok(self):
            return self.text.startswith("up")

        def describe(self):
            return self.text


    class State(Probe[Said]):
        kind: Literal["toy.state"] = "toy.state"
        subject = "state"

        def command(self):
            return Run.of("state", seconds=20)

        def parse(self, output: Output):
            return Said(text=output.stdout.strip())


    class StepUp(Remedy):
        """Bring the toy up."""

        kind: Literal["toy.step"] = "toy.step"
        settle: float = 0

        def title(self):
            return "toy"

        def probes(self):
            return (State(),)

        def identity(self):
            return (State(),)

        def guard(self, facts):
            state = facts[State()]
            return skip("it is up") if state.ok else proceed("it is down")

        def changes(self):
            return (Run.of("/usr/bin/step", user=ROOT, seconds=60),)


    @playbook(severity=Severity.SEV1, symptoms=lambda host: (State(),))
    def toy_down(host: Host):
        """Bring the toy up."""
        yield StepUp()
'''


class ToyFleet:
    """A project whose hosts are on paper. Several processes may use it, one after the other or at once."""

    def __init__(self, directory: Path, hosts: int, step_seconds: float = 0.3) -> None:
        self.directory = directory
        self.names = [f"toy{number}" for number in range(hosts)]
        self.root = directory / "project"
        self._step_seconds = step_seconds
        self._number = 0
        self._papers: list[PaperHost] = []

    def build(self) -> "ToyFleet":
        (self.root / "playbooks").mkdir(parents=True)
        (self.directory / "pace").write_text(str(self._step_seconds))
        (self.directory / "ids").write_text("\n".join(new_run_id() for _ in self.names))
        (self.root / "inventories").mkdir()
        (self.root / "pyproject.toml").write_text("[tool.remediate]\n")
        (self.root / "playbooks" / "toy_down.py").write_text(textwrap.dedent(PLAYBOOK))
        hosts = "".join(f"    {name}: {{ansible_host: 127.0.0.1, remediate: {{php: php8.3}}}}\n" for name in self.names)
        (self.root / "inventories" / "toys.yml").write_text(f"toys:\n  hosts:\n{hosts}")
        for name in self.names:
            (self.directory / name).mkdir()
            (self.directory / name / "machine-id").write_text("0123\n")
            (self.directory / name / "state").write_text("down\n")
        return self

    @property
    def project(self) -> Project:
        return Project(self.root)

    def connect(self, host: Host) -> Session:
        """Log in on a host of paper, whose state, log and lock are shared with other processes."""
        self._number += 1
        here = self.directory / host.name
        paper = PaperHost(here / f"{time.monotonic_ns()}-{self._number}", user="root")
        paper.lock = here / "machine-id"
        paper.script("state", f"[ ! -e {here}/slow ] || sleep 5; cat {here}/state")
        wait = f"sleep $(cat {self.directory}/pace)"
        paper.script("step", f"echo begin >>{here}/log; {wait}; echo up $$ >{here}/state; echo end >>{here}/log")
        self._papers.append(paper)
        return paper.session()

    def close(self) -> None:
        for paper in self._papers:
            paper.close()

    def hosts(self, name: str) -> tuple[Host, ...]:
        return Inventory.load(self.project.inventories()).select(name)

    def slow_down(self, name: str) -> None:
        """Let each look at this host take seconds."""
        (self.directory / name / "slow").touch()

    def say(self, name: str, state: str) -> None:
        (self.directory / name / "state").write_text(f"{state}\n")

    def steps(self, name: str) -> list[str]:
        """Return the log of a host: begin and end of each call of `step`."""
        log = self.directory / name / "log"
        return log.read_text().split() if log.exists() else []

    def driver(self, *, lock_seconds: float = 30, stop: Event | None = None) -> LibraryDriver:
        return LibraryDriver(
            self.project, connect=self.connect, options=Options(hold=0), lock_seconds=lock_seconds, stop=stop
        )

    @property
    def wanted(self) -> int:
        """The number of hosts whose runs are to be started."""
        wanted = self.directory / "wanted"
        return int(wanted.read_text()) if wanted.exists() else len(self.names)

    def want(self, hosts: int) -> None:
        new = self.directory / "wanted.new"
        new.write_text(str(hosts))
        new.rename(self.directory / "wanted")

    def ids(self) -> list[str]:
        """Return the ids of the runs, one for each host: the same in each process."""
        return (self.directory / "ids").read_text().split()


_PRELOADED: Final = [
    "remediate.service.service",
    "remediate.commands.service_registry",
    "remediate.engine.fleet",
    "remediate.journal.schema",
    "remediate.project.project",
    "remediate.testing",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
]
"""Modules that cost seconds at each start. Those of the tests are not found by the process from which it is forked."""


def request(host: str, **more: object) -> RunRequest:
    return RunRequest.model_validate({"playbook": "toy-down", "host": host, "requested_by": "alert:test", **more})


def until_ended(find: Callable[[str], DurableRun | None], runs: list[str], seconds: float) -> list[DurableRun]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = [run for run in map(find, runs) if run is not None]
        if len(found) == len(runs) and all(run.state is DurableState.ENDED for run in found):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"not ended within {seconds} s: {[find(run) for run in runs]}")
