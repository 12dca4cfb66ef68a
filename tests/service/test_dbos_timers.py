"""Timers of the engine: those that tick, and those that ring later, once, and in the next process too."""

import time
from datetime import timedelta

import pytest

from remediate.journal.run_id import new_run_id
from remediate.service import timers
from remediate.service.dbos_engine import DbosEngine
from remediate.service.timers import TimerTask
from support.clock import until
from support.durable import request, until_ended
from support.noted_driver import FAST, Noted, launched


class Rings:
    """A task of timers that notes when it is called, and wants to be called again as often as it is told."""

    def __init__(self, *again: float) -> None:
        self.calls: list[tuple[str, float]] = []
        self._again = list(again)

    def __call__(self, about: str) -> float | None:
        self.calls.append((about, time.monotonic()))
        return self._again.pop(0) if self._again else None


def never(about: str, why: str) -> None:
    """Give nothing up."""


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_timer_is_set_once_and_rings_later_until_its_task_is_done(url: str) -> None:
    rings = Rings(0.2)
    engine = DbosEngine(url, "w1", Noted(), FAST)
    try:
        engine.on("look", TimerTask(rings, never))
        engine.launch()
        set_at = time.monotonic()
        assert engine.after(1.5, "look", "it", "a timer")
        assert not engine.after(0, "look", "it", "a timer")
        until(lambda: len(rings.calls) == 2)
        time.sleep(1)
        assert not engine.after(0, "look", "it", "a timer")
        assert engine.find("a timer") is None
        until(lambda: engine.forget(timedelta()) == 1)
    finally:
        engine.close()
    assert [about for about, _ in rings.calls] == ["it", "it"]
    assert rings.calls[0][1] - set_at >= 1.5


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_timer_rings_in_the_next_process_if_its_own_is_gone(url: str) -> None:
    before, rings = Rings(), Rings()
    for task in (before, rings):
        engine = DbosEngine(url, "w1", Noted(), FAST)
        engine.on("look", TimerTask(task, never))
        engine.launch()
        if task is before:
            engine.after(1.5, "look", "it", "a timer")
        else:
            until(lambda: rings.calls != [])
        engine.close()
    assert ([about for about, _ in rings.calls], before.calls) == (["it"], [])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_timer_ticks_and_what_is_old_is_forgotten(url: str) -> None:
    ticks: list[int] = []
    run = new_run_id()
    with launched(url, Noted(), tick=lambda: ticks.append(1)) as engine:
        engine.start(request("web1"), run)
        until_ended(engine.find, [run], 60)
        until(lambda: len(ticks) >= 2)
        assert engine.forget(timedelta(hours=1)) == 0
        assert engine.forget(timedelta()) >= 3
        assert engine.find(run) is None
    with launched(url, Noted()):  # A release that no longer has this timer.
        pass


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_timers_that_fail_are_tried_again_and_silence_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "WAITS", (0.01, 0.01))
    tried: list[str] = []
    given_up: list[tuple[str, str]] = []

    def fail(about: str = "tick") -> None:
        tried.append(about)
        raise ValueError("hunter2")

    rings, ticks = Rings(), list[int]()
    engine = DbosEngine(url, "w1", Noted(), FAST)
    try:
        engine.on("sick", TimerTask(fail, lambda about, why: given_up.append((about, why))))
        engine.on("look", TimerTask(rings, never))
        engine.every("sick", "* * * * * *", fail)
        engine.every("well", "* * * * * *", lambda: ticks.append(1))
        engine.launch()
        engine.after(0, "sick", "it", "a sick timer")
        engine.after(0, "look", "it", "a timer")
        until(lambda: given_up and rings.calls and len(ticks) >= 2 and tried.count("tick") >= 2)
    finally:
        engine.close()
    assert (given_up, tried.count("it")) == ([("it", "ValueError")], 3)
