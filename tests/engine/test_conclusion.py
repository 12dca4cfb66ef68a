"""The last look after the stability window: whatever came up a moment ago has to be seen to last."""

import threading
from collections.abc import Mapping

import pytest

from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.engine.stability import samples
from remediate.playbooks.app_down import app_down
from remediate.probes.supervisor import WorkerState
from remediate.testing import ScriptedEvent, play
from support import examples as ex
from support.incidents import AGAIN, DOWN, FPM, HEALTHY, HOST, UP, WORKERS, working
from support.outcomes import code
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

HOLD = 30.0
LAST = 2 + samples(HOLD) + 1
"""The survey after the window: the first one, the one after the act and the samples come before it."""
OLD = ex.workers("RUNNING", "RUNNING")


class Waits(threading.Event):
    """A stop that never comes. It notes each wait, and a clock jumps by it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def now(self) -> float:
        return sum(self.waits)

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return False


def replaced(position: int, *, uptime: float, of: WorkerState = OLD) -> WorkerState:
    """Return the workers with another process in one place, up for that long."""
    new = ex.workers("RUNNING", "RUNNING", pid=20001 + position, uptime=uptime).processes[position]
    processes = (*of.processes[:position], new, *of.processes[position + 1 :])
    return of.model_copy(update={"processes": processes})


def fixed(
    monkeypatch: pytest.MonkeyPatch, at: Mapping[int, Changes | ScriptedEvent], hold: float = HOLD
) -> tuple[HostOutcome, list[float]]:
    """Fix PHP-FPM with a window of `hold` seconds. Return the outcome and the waits after the window."""
    stop = Waits()
    monkeypatch.setattr("remediate.engine.stability.monotonic", stop.now)
    session = FactSession({**HEALTHY, FPM: ex.FAILED, **DOWN}, {FPM: AGAIN, **UP}, at=at)
    outcome = play(app_down(HOST), session, host=HOST, options=Options(hold=hold, yes=True), stop=stop)
    return outcome, stop.waits[samples(hold) :]


YOUNG = replaced(1, uptime=2)


@pytest.mark.parametrize(
    ("at", "hold", "waited"),
    [
        ({LAST: {WORKERS: replaced(1, uptime=5)}}, HOLD, []),
        ({LAST: {WORKERS: YOUNG}}, HOLD, [3]),
        # Many workers may replace each other for ever, each after a long life.
        ({LAST: {WORKERS: YOUNG}, LAST + 1: {WORKERS: replaced(0, uptime=1, of=YOUNG)}}, HOLD, [3]),
        ({2 + samples(3) + 1: {WORKERS: YOUNG}}, 3, [1]),
    ],
    ids=["up for long: not", "a moment ago: yes", "once", "no longer than the window"],
)
def test_what_came_up_a_moment_ago_is_waited_for(
    at: dict[int, Changes | ScriptedEvent], hold: float, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, waits = fixed(monkeypatch, at, hold)
    assert (outcome.verdict, waits) == (RunVerdict.FIXED, waited)


def test_what_came_up_a_moment_ago_and_dies_is_not_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    at: dict[int, Changes | ScriptedEvent] = {
        LAST: {WORKERS: YOUNG},
        LAST + 1: working("RUNNING", "FATAL"),
    }
    outcome, waits = fixed(monkeypatch, at)
    assert (outcome.verdict, code(outcome), waits) == (RunVerdict.NOT_FIXED, "not-holding", [3])
