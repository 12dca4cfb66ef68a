"""Processes that are killed while they act: nothing is applied twice, and no run is lost."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from remediate.journal.journal import Journal
from support.crew import Crew, demand_each_once, until_acting
from support.cut_proxy import Cut, CutProxy, by_tcp, socket_of
from support.durable import ToyFleet
from support.durable_worker import Worker
from support.soak import times

KILLS: Final = times(ci=10, soak=100)
CUTS: Final = times(ci=3, soak=30)
RUNS: Final = times(ci=10, soak=100)
STEP: Final = 0.5
"""Seconds of a step. Each kill comes after the journal has heard that one began, so that there is one to resume."""
CHANCE: Final = random.Random()  # noqa: S311  # Another moment each time: what it finds is to be mended.


@pytest.fixture
def toys(tmp_path: Path) -> ToyFleet:
    fleet = ToyFleet(tmp_path / "fleet", RUNS, step_seconds=STEP).build()
    fleet.want(0)
    return fleet


@pytest.mark.soak
@pytest.mark.timeout(times(ci=180, soak=1800))
def test_one_process_that_is_killed_again_and_again(toys: ToyFleet, state: Path) -> None:
    for kill in range(KILLS):
        toys.want(RUNS * (kill + 1) // KILLS)
        worker = Worker(toys, state).launched()
        until_acting([worker])
        time.sleep(CHANCE.uniform(0, STEP))
        worker.kill()
    demand_each_once(toys, Worker(toys, state).launched().ended(600), f"one process on SQLite, {KILLS} kills")


@pytest.mark.soak
@pytest.mark.timeout(times(ci=240, soak=1800))
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_workers_that_are_killed_in_turn(
    toys: ToyFleet, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    with Crew(toys, tmp_path, (url, url)) as crew:
        for kill in range(KILLS):
            crew.launched(kill % 2)
            toys.want(RUNS * (kill + 1) // KILLS)  # Only now: the other worker alone would be done with it meanwhile.
            acting = until_acting(crew.workers)
            time.sleep(CHANCE.uniform(0, STEP))
            crew.kill(kill % 2 if acting is None else acting, elsewhere=CHANCE.random() < 0.3)
        demand_each_once(toys, crew.ended(600), f"two workers on PostgreSQL, {KILLS} kills")


@pytest.mark.soak
@pytest.mark.timeout(times(ci=240, soak=1800))
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_workers_one_of_which_loses_the_database_again_and_again(
    toys: ToyFleet, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    with CutProxy(socket_of(url)) as proxy, Crew(toys, tmp_path, (url, by_tcp(url, proxy.port))) as crew:
        for cut in range(CUTS):
            toys.want(RUNS * (cut + 1) // CUTS)
            crew.launched(1)
            time.sleep(CHANCE.uniform(0.05, 3))
            proxy.cut(tuple(Cut)[cut % 3])
            time.sleep(CHANCE.uniform(0.5, 12))
            proxy.heal()
        what = f"two workers on PostgreSQL, {CUTS} cuts of the network of one, which gave up {crew.died} times"
        demand_each_once(toys, crew.ended(600), what)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_worker_whose_database_never_answers_again_ends(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = ToyFleet(tmp_path / "fleet", 2, step_seconds=30).build()
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    with CutProxy(socket_of(url)) as proxy:
        worker = Worker(toys, tmp_path / "one", by_tcp(url, proxy.port)).launched()
        proxy.cut(Cut.FORGET)
        worker.lost(90)  # Nothing heals the cut, and no connection ends.


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_runs_of_a_worker_that_is_killed_are_taken_over(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = ToyFleet(tmp_path / "fleet", 4, step_seconds=3).build()
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
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


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_run_with_which_five_processes_of_two_workers_died_is_unknown(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = ToyFleet(tmp_path / "fleet", 1, step_seconds=0).build()
    toys.slow_down("toy0")
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    killed: set[str] = set()
    with Crew(toys, tmp_path, (url, url)) as crew, Journal.open() as journal:
        while (ended := crew.told()) is None:
            for run in journal.runs():
                process = journal.find(run.id).process
                if run.unfinished and run.id not in killed and process is not None:
                    killed.add(run.id)
                    os.kill(process.pid, signal.SIGKILL)
            crew.tend()
            time.sleep(0.05)
    demand_each_once(toys, ended)
    assert ended[0].result is not None
    assert (ended[0].result.note, len(killed), toys.steps("toy0")) == ("5 processes died with this run", 5, [])
