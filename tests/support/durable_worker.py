"""A worker process of the service, with a fleet of toys."""

import os
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Final

from remediate.core.options import Options
from remediate.errors import FAILED_EXIT_CODE
from remediate.service.engine import RunEngine
from remediate.service.request import DurableRun, DurableState
from remediate.service.service import working
from support.durable import _PRELOADED, ToyFleet, request

_OVER: Final = (DurableState.ENDED, DurableState.FAILED, DurableState.WITHDRAWN)


class Worker:
    """A process that works until it is killed, loses the database, or all runs have ended. It is forked, so it starts
    in no time.
    """

    def __init__(self, toys: ToyFleet, state: Path, journal: str | None = None) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        self._launched = False
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_work, args=(str(toys.directory), str(state), journal, there), daemon=True
        )
        self._process.start()
        there.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.is_alive()

    def works(self) -> bool:
        """Return whether it has begun to work."""
        if not self._launched and self._here.poll():
            self._launched = self._told() == "launched"
        return self._launched

    def launched(self) -> "Worker":
        until = time.monotonic() + 120
        while not self.works():
            assert time.monotonic() < until
            time.sleep(0.02)
        return self

    def tells(self) -> bool:
        """Return whether it has said that all runs have ended."""
        return self.works() and self._here.poll()

    def _told(self) -> object:
        try:
            return self._here.recv()
        except (EOFError, OSError):
            return None

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._here.close()

    def lost(self, seconds: float) -> None:
        """Wait until it ends because it lost the database."""
        self._process.join(seconds)
        assert self._process.exitcode == FAILED_EXIT_CODE, self._process.exitcode
        self._here.close()

    def ended(self, seconds: float = 150) -> list[DurableRun]:
        """Return all runs once they have ended."""
        assert self._here.poll(seconds)
        ended = [DurableRun.model_validate(each) for each in self._here.recv()]
        self._process.join(60)
        self._here.close()
        return ended


def _work(directory: str, state: str, journal: str | None, pipe: Connection) -> None:
    os.environ["REMEDIATE_STATE_DIR"] = state
    if journal is not None:
        os.environ["REMEDIATE_JOURNAL"] = journal
    fleet = ToyFleet(Path(directory), len(list(Path(directory).glob("toy*"))))
    over, lost = Event(), Event()

    def gone() -> None:
        lost.set()
        over.set()

    with working(fleet.project, gone, options=Options(hold=0), connect=fleet.connect, poll_seconds=0.1) as at_work:
        pipe.send("launched")
        # It may wait for the database without end. The real service starts its runs in such a thread, too.
        Thread(target=_start_and_tell, args=(fleet, at_work.engine, pipe, over), daemon=True).start()
        over.wait()
    os._exit(FAILED_EXIT_CODE if lost.is_set() else 0)


def _start_and_tell(fleet: ToyFleet, engine: RunEngine, pipe: Connection, over: Event) -> None:
    """Start the runs that are wanted. Tell the ends of all of them once there are that many."""
    started = 0
    while not over.is_set():
        wanted = fleet.wanted
        for run, name in list(zip(fleet.ids(), fleet.names, strict=True))[started:wanted]:
            engine.start(request(name), run)
        started = wanted
        runs = {run.id: run for run in engine.runs(limit=len(fleet.names))}
        if len(runs) == len(fleet.names) and all(run.state in _OVER for run in runs.values()):
            pipe.send([runs[run].model_dump(mode="json") for run in fleet.ids()])
            over.set()
        over.wait(0.3)
