"""Two workers on one database, which are started again whenever they end."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from remediate.journal.journal import Journal
from remediate.service.request import DurableRun, DurableState
from support.durable import ToyFleet
from support.durable_worker import Worker

_LOOK: Final = 0.1


class Crew:
    """As many workers as there are ways to the database. Each has a state directory of its own."""

    def __init__(self, toys: ToyFleet, directory: Path, urls: Sequence[str]) -> None:
        self.died = 0
        """The number that ended without being told to."""
        self._toys = toys
        self._directory = directory
        self._urls = urls
        self._places = list(range(len(urls)))
        self._workers = [self._started(number) for number in range(len(urls))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()

    def launched(self, number: int) -> None:
        """Wait until this worker works. It is started again if it has ended."""
        self.tend()
        while not self._workers[number].works():
            time.sleep(_LOOK)
            self.tend()

    @property
    def workers(self) -> Sequence[Worker]:
        return self._workers

    def kill(self, number: int, *, elsewhere: bool = False) -> None:
        """Kill a worker, and start it again: under its name, or elsewhere, so that its runs have to be taken over."""
        self._workers[number].kill()
        if elsewhere:
            self._places[number] = max(self._places) + 1
        self._workers[number] = self._started(number)

    def tend(self) -> None:
        """Start workers again that have ended, as systemd does."""
        for number, worker in enumerate(self._workers):
            if not worker.lives:
                worker.kill()
                self.died += 1
                self._workers[number] = self._started(number)

    def told(self) -> Sequence[DurableRun] | None:
        """Return all runs once they have ended, None before."""
        for worker in self._workers:
            with suppress(EOFError):  # It died just now.
                if worker.tells():
                    return worker.ended()
        return None

    def ended(self, seconds: float) -> Sequence[DurableRun]:
        """Return all runs. Raises TimeoutError if they have not ended within that time."""
        until = time.monotonic() + seconds
        while (ended := self.told()) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"the runs have not ended within {seconds} s")
            self.tend()
            time.sleep(_LOOK)
        return ended

    def _started(self, number: int) -> Worker:
        return Worker(self._toys, self._directory / f"worker{self._places[number]}", self._urls[number])


def until_acting(workers: Sequence[Worker], seconds: float = 60) -> int | None:
    """Wait until the journal says that one of these workers acts, and return which. None if none does."""
    until = time.monotonic() + seconds
    with Journal.open() as journal:
        while time.monotonic() < until:
            processes = [journal.find(intent.run).process for intent in journal.open_intents()]
            pids = {process.pid for process in processes if process is not None}
            acting = [number for number, worker in enumerate(workers) if worker.pid in pids]
            if acting:
                return acting[0]
            time.sleep(_LOOK / 5)
    return None


def demand_each_once(toys: ToyFleet, ended: Sequence[DurableRun], what: str = "") -> None:
    """Demand that each run has ended, that nothing was done twice, and that what is unknown has its reason.

    `what` happened to the runs: the record of `make soak` counts it beside the ends.
    """
    assert [run.state for run in ended] == [DurableState.ENDED] * len(toys.names), ended
    for name, run in zip(toys.names, ended, strict=True):
        steps = toys.steps(name)
        assert run.result is not None
        # What cannot be known is said to be unknown. Everything else is fixed, whoever did it.
        if run.result.verdict == "unknown":
            assert steps.count("begin") <= 1, (name, steps, run)
            assert run.result.note, run
        else:
            assert (run.result.verdict, steps) == ("fixed", ["begin", "end"]), (name, run)
    with Journal.open() as journal:
        assert journal.open_intents() == ()
        assert [run.id for run in journal.runs(limit=10_000) if run.unfinished] == []
    results = [run.result for run in ended if run.result is not None]
    unknown = sum(result.verdict == "unknown" for result in results)
    resumed = sum(bool(result.note) for result in results)
    print(  # noqa: T201  # tests/soak.sh writes it down.
        f"soak: {what}: {len(ended)} runs, {resumed} of them resumed after a death, {unknown} unknown with a reason"
    )
