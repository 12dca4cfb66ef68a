"""A driver of runs that only notes what it is asked, and an engine with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock

from remediate.service.dbos_engine import DbosEngine
from remediate.service.engine import EngineLimits
from remediate.service.request import Attempt, RunRequest, RunResult

FAST = EngineLimits(poll_seconds=0.05)


def result(run: str, verdict: str = "healthy") -> Attempt:
    return Attempt(result=RunResult(run=run, verdict=verdict, exit_code=0, touched="no"))


class Noted:
    """A driver that answers from a list, then that the host is healthy, and holds runs while it is told to."""

    def __init__(self, *answers: Attempt) -> None:
        self.begun: list[str] = []
        self.resumed: list[tuple[tuple[str, ...], str]] = []
        self.given_up: list[str] = []
        self.at_once: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.go = Event()
        self.go.set()
        self._answers = list(answers)
        self._lock = Lock()

    def begin(self, run: str, request: RunRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        if not wanted():
            return Attempt(result=RunResult(run=run, verdict=None, exit_code=2, touched="no", note="it was withdrawn"))
        with self._lock:
            self.begun.append(request.host)
            for name in (request.host, request.playbook, "fleet"):
                self.at_once[name] = self.at_once.get(name, 0) + 1
                self.most[name] = max(self.most.get(name, 0), self.at_once[name])
        assert self.go.wait(60)
        with self._lock:
            for name in (request.host, request.playbook, "fleet"):
                self.at_once[name] -= 1
        return self._answer(run)

    def resume(self, dead: Sequence[str], run: str, request: RunRequest) -> Attempt:
        self.resumed.append((tuple(dead), run))
        return self._answer(run)

    def give_up(self, dead: Sequence[str], why: str) -> Attempt:
        self.given_up.append(why)
        return result(dead[0], "unknown")

    def _answer(self, run: str) -> Attempt:
        return self._answers.pop(0) if self._answers else result(run)


@contextmanager
def launched(
    url: str, driver: Noted, limits: EngineLimits = FAST, **timers: Callable[[], None]
) -> Iterator[DbosEngine]:
    engine = DbosEngine(url, "w1", driver, limits)
    try:
        for name, task in timers.items():
            engine.every(name, "* * * * * *", task)
        engine.launch()
        yield engine
    finally:
        driver.go.set()
        engine.close()
