"""Processes that are killed while they act: nothing is applied twice, and no run is lost."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from remediate.journal.journal import Journal
from remediate.service.request import DurableRun, DurableState
from support.durable import ToyFleet, Worker
from support.soak import times

KILLS: Final = times(ci=4, soak=100)
TURNS: Final = times(ci=1, soak=100)
RUNS: Final = times(ci=4, soak=100)
CHANCE: Final = random.Random()  # noqa: S311  # Another moment each time: what it finds is to be mended.


@pytest.fixture
def toys(tmp_path: Path) -> ToyFleet:
    return ToyFleet(tmp_path / "fleet", RUNS, step_seconds=0.5).build()


def demand_each_once(toys: ToyFleet, ended: Sequence[DurableRun]) -> None:
    assert [run.state for run in ended] == [DurableState.ENDED] * len(toys.names)
    for name, run in zip(toys.names, ended, strict=True):
        steps = toys.steps(name)
        assert run.result is not None
        # What cannot be known is said to be unknown. Everything else is fixed, whoever did it.
        assert run.result.verdict in {"fixed", "unknown"}, (name, steps, run)
        assert steps == ["begin", "end"] or (steps.count("begin") <= 1 and run.result.verdict == "unknown"), run
    with Journal.open() as journal:
        assert journal.open_intents() == ()
        assert [run.id for run in journal.runs() if run.unfinished] == []


@pytest.mark.soak
@pytest.mark.timeout(times(ci=180, soak=3600))
def test_one_process_that_is_killed_again_and_again(toys: ToyFleet, state: Path) -> None:
    for _ in range(KILLS):
        worker = Worker(toys, state)
        worker.launched()
        time.sleep(CHANCE.uniform(0.1, 2))
        worker.kill()
    demand_each_once(toys, Worker(toys, state).launched().ended())


@pytest.mark.soak
@pytest.mark.timeout(times(ci=180, soak=3600))
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_workers_that_are_killed_in_turn(
    toys: ToyFleet, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    places = (tmp_path / "one", tmp_path / "two")
    workers = [Worker(toys, place, url).launched() for place in places]
    for turn in range(TURNS):
        time.sleep(CHANCE.uniform(0.1, 2))
        workers[turn % 2].kill()
        workers[turn % 2] = Worker(toys, places[turn % 2], url).launched()
    demand_each_once(toys, workers[0].ended())
    workers[1].ended()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_runs_of_a_worker_that_is_killed_are_taken_over(
    toys: ToyFleet, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    (toys.directory / "pace").write_text("3")
    first = Worker(toys, tmp_path / "one", url).launched()
    until = time.monotonic() + 60
    while not any(toys.steps(name) for name in toys.names):
        assert time.monotonic() < until
        time.sleep(0.02)
    first.kill()
    second = Worker(toys, tmp_path / "two", url).launched()
    killed = time.monotonic()
    ended = second.ended()
    assert time.monotonic() - killed < 30
    demand_each_once(toys, ended)
    notes = [str(run.result and run.result.note) for run in ended]
    assert any("resumed after a crash" in note for note in notes), (notes, ended)
