"""A host at a tenth of a core from the first look to the verdict: slow is neither down nor not fixed."""

import threading
from collections.abc import Sequence
from typing import Unpack

import pytest

from remediate.core.command import Output
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict
from remediate.core.probe import Fact, Probe
from remediate.engine.stability import lasts
from remediate.engine.surveyor import SURVEY_SECONDS
from remediate.errors import Unreachable, UnreachableCode
from remediate.playbooks.app_down import app_down
from remediate.testing import play
from remediate.testing.scripted import ScriptedRounds
from remediate.transport.acted import Acted
from remediate.transport.script import Act
from remediate.transport.session import Answers, ExecOptions
from support import examples as ex
from support.incidents import AGAIN, DEPLOY, DOWN, FPM, HEALTHY, HOST, ORPHANS, UP, WORKERS, restart
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

LATE = frozenset({WORKERS, ORPHANS, DEPLOY})
"""Questions without an answer in time when many others are asked."""
FEW = 3
ROUND = 11.0
"""Seconds that a round of many questions takes there; a few take a tenth of it."""


class Clock(threading.Event):
    """A clock that only the host and waiting move."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


class SlowHost(FactSession):
    """A scripted host that takes its time, and whose execs end when what they were given is over."""

    def __init__(self, clock: Clock, *tables: Changes) -> None:
        super().__init__(*tables)
        self.clock = clock

    def begin(self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]) -> "Slow":
        rounds = super().begin(probes, act, **how)
        return Slow(self, rounds, len(probes), self.clock.now + how["seconds"])


class Slow(ScriptedRounds):
    """The answers of one exec there."""

    def __init__(self, host: SlowHost, rounds: ScriptedRounds, asked: int, until: float) -> None:
        self._host, self._rounds, self._asked, self._until = host, rounds, asked, until

    def acted(self) -> Acted:
        return self._rounds.acted()

    def next(self) -> Answers:
        self._host.clock.now += ROUND if self._asked > FEW else ROUND / 10
        if self._host.clock.now > self._until:
            raise Unreachable(UnreachableCode.LOST, "the host ended the exec, whose time was over")
        late = LATE if self._asked > FEW else frozenset()
        return {probe: Output(exit=124) if probe in late else answer for probe, answer in self._rounds.next().items()}

    def close(self) -> None:
        self._rounds.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("surveyor", "stability", "host_runner", "open_host", "transitions", "apply"):
        monkeypatch.setattr(f"remediate.engine.{module}.monotonic", clock)
    return clock


def test_one_that_is_well_is_healthy(clock: Clock) -> None:
    outcome = play(app_down, SlowHost(clock, HEALTHY), host=HOST, options=Options(hold=30), stop=clock)
    assert outcome.verdict is RunVerdict.HEALTHY, outcome.error


def test_one_that_is_mended_is_fixed(clock: Clock) -> None:
    host = SlowHost(clock, {**HEALTHY, FPM: ex.FAILED, **DOWN}, {FPM: AGAIN, **UP})
    outcome = play(app_down, host, host=HOST, options=Options(hold=10, timeout=600, yes=True), stop=clock)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert host.ran == [restart("php8.2-fpm")]
    assert clock.now > 60, "it took its time"


@pytest.mark.parametrize(("seconds", "took"), [(30, 0.2), (30, 12), (30, 40), (300, 3), (0, 5)])
def test_a_window_has_the_time_for_its_samples(seconds: float, took: float) -> None:
    needed = max(6, round(seconds / 5) + 1) + 3
    assert max(seconds, needed * took) + SURVEY_SECONDS <= lasts(seconds, took)
    assert lasts(seconds, took) <= max(seconds, needed * took) * 2 + SURVEY_SECONDS
