"""Timers of the engine: those that tick, and those that ring later, once, and in the next process too."""

import time
from datetime import timedelta

import pytest

from remediate.journal.run_id import new_run_id
from remediate.service.dbos_engine import DbosEngine
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


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_timer_is_set_once_and_rings_later_until_its_task_is_done(url: str) -> None:
    rings = Rings(0.2)
    engine = DbosEngine(url, "w1", Noted(), FAST)
    try:
        engine.on("look", rings)
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
        engine.on("look", task)
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
