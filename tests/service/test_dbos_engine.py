"""The engine: ids, turns, priorities, tries. Its driver here only notes what it is asked."""

import json
import os
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path

import pytest
from dbos import DBOS
from sqlalchemy import create_engine, text

from remediate.journal.run_id import new_run_id
from remediate.service import attempts, dbos_engine
from remediate.service.dbos_engine import PLAYBOOKS, DbosEngine
from remediate.service.dbos_runs import FLEET
from remediate.service.engine import EngineLimits
from remediate.service.request import Attempt, DurableRun, DurableState, RunRequest, RunResult
from support.clock import until
from support.durable import request, until_ended
from support.noted_driver import FAST, Noted, launched, result


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_run_is_queued_and_ends_once(url: str) -> None:
    driver, run = Noted(), new_run_id()
    with launched(url, driver) as engine:
        assert engine.find(run) is None
        assert engine.start(request("web1"), run)
        assert not engine.start(request("web1"), run)
        (found,) = until_ended(engine.find, [run], 60)
        assert (found.request, found.result) == (request("web1"), result(run).result)
        assert engine.runs() == (found,)
        assert driver.begun == ["web1"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_host_has_one_run_at_a_time_and_a_playbook_and_the_fleet_their_limits(url: str) -> None:
    driver = Noted()
    runs = [new_run_id() for _ in range(8)]
    with launched(url, driver, EngineLimits(worker=3, playbook=2, fleet=3, poll_seconds=0.05)) as engine:
        driver.go.clear()
        for number, run in enumerate(runs):
            engine.start(request(f"web{number % 4}", playbook=f"play-{number % 2}"), run)
        until(lambda: len(driver.begun) == 3)
        time.sleep(0.5)
        driver.go.set()
        until_ended(engine.find, runs, 60)
    assert driver.most["fleet"] == 3
    assert max(driver.most[f"web{number}"] for number in range(4)) == 1
    assert max(driver.most[f"play-{number}"] for number in range(2)) <= 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_more_severe_one_comes_first_whatever_its_host(url: str) -> None:
    driver = Noted()
    driver.go.clear()
    runs = [new_run_id() for _ in range(5)]
    with launched(url, driver, EngineLimits(fleet=1, worker=1, playbook=9, poll_seconds=0.05)) as engine:
        engine.start(request("first"), runs[0])
        until(lambda: driver.begun == ["first"])
        for run, (host, priority) in zip(runs[1:], [("c", 4), ("a", 3), ("b", 1), ("d", 2)], strict=True):
            engine.start(request(host, priority=priority), run)
        until(lambda: len(DBOS.list_workflows(queue_name=FLEET, status="ENQUEUED")) == 4)
        driver.go.set()
        until_ended(engine.find, runs, 60)
    assert driver.begun == ["first", "b", "d", "a", "c"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_has_not_begun_can_be_withdrawn(url: str) -> None:
    driver = Noted()
    driver.go.clear()
    one, two = new_run_id(), new_run_id()
    with launched(url, driver) as engine:
        engine.start(request("web1"), one)
        until(lambda: driver.begun == ["web1"])
        engine.start(request("web1"), two)
        states = [found.state for run in (one, two) if (found := engine.find(run)) is not None]
        assert states == [DurableState.RUNNING, DurableState.QUEUED]
        assert [found.id for found in engine.waiting()] == [two]
        assert engine.withdraw(two)
        assert not engine.withdraw(one)
        assert not engine.withdraw(new_run_id())
        driver.go.set()
        until_ended(engine.find, [one], 60)
        withdrawn = engine.find(two)
        assert withdrawn is not None
        assert withdrawn.state is DurableState.WITHDRAWN
        assert driver.begun == ["web1"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_is_withdrawn_while_it_waits_for_the_fleet_leaves_its_playbook_to_the_next(url: str) -> None:
    driver = Noted()
    driver.go.clear()
    acts, waits, follows = (new_run_id() for _ in range(3))

    def waiting(queue: str) -> list[str]:
        return [one.workflow_id.partition(".")[0] for one in DBOS.list_workflows(queue_name=queue, status="ENQUEUED")]

    with launched(url, driver, EngineLimits(worker=1, playbook=1, fleet=1, poll_seconds=0.05)) as engine:
        engine.start(request("web1", playbook="other"), acts)
        until(lambda: driver.begun == ["web1"])
        engine.start(request("web2"), waits)
        until(lambda: waiting(FLEET) == [waits])
        engine.start(request("web3"), follows)
        until(lambda: waiting(PLAYBOOKS) == [follows])
        assert engine.withdraw(waits)
        until(lambda: follows in waiting(FLEET))
        driver.go.set()
        until_ended(engine.find, [acts, follows], 60)
        until(lambda: DBOS.list_workflows(status=["ENQUEUED", "PENDING"], load_output=False) == [])
        found = engine.find(waits)
        assert (found and found.state, driver.begun) == (DurableState.WITHDRAWN, ["web1", "web3"])


def end_of(url: str, driver: Noted, run: str) -> RunResult:
    """Start a run in an engine of its own, and return its result."""
    with launched(url, driver) as engine:
        engine.start(request("web1"), run)
        return result_of(engine, run)


def result_of(engine: DbosEngine, run: str) -> RunResult:
    (found,) = until_ended(engine.find, [run], 60)
    assert found.result is not None
    return found.result


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_begins_just_when_it_is_withdrawn_has_its_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, run = Noted(), new_run_id()
    driver.go.clear()
    with launched(url, driver) as engine:
        looked = engine.find
        ask = iter([DurableState.QUEUED])

        def waits_then_begins(run: str) -> DurableRun | None:
            found = looked(run)
            if found is None or (state := next(ask, None)) is None:
                return found
            until(lambda: driver.begun == ["web1"])  # After the look, and before what it leads to.
            return found.model_copy(update={"state": state})

        engine.start(request("web1"), run)
        monkeypatch.setattr(engine, "find", waits_then_begins)
        assert not engine.withdraw(run)
        (found,) = engine.runs()
        assert (found.state, found.worker) == (DurableState.RUNNING, "w1")
        driver.go.set()
        (found,) = until_ended(looked, [run], 60)
        assert found.result is not None
        assert found.result.verdict == "healthy"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_is_withdrawn_just_before_it_begins_does_not_begin(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, run = Noted(), new_run_id()
    with launched(url, driver) as engine:
        wanted = engine.wanted

        def withdrawn(run: str) -> bool:
            DBOS.cancel_workflows([run, f"{run}.{PLAYBOOKS}"])  # Its inner workflow has left the last queue.
            return wanted(run)

        monkeypatch.setattr(engine, "wanted", withdrawn)
        engine.start(request("web1"), run)
        until(lambda: (found := engine.find(run)) is not None and found.state is DurableState.WITHDRAWN)
        assert driver.begun == []
        assert engine.find(run) == engine.runs()[0]
        until(lambda: DBOS.list_workflows(status=["ENQUEUED", "PENDING"], load_output=False) == [])
        assert engine.find(run) == engine.runs()[0]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_run_whose_process_died_is_resumed_under_a_new_id(url: str) -> None:
    run = new_run_id()
    second = new_run_id()
    driver = Noted(Attempt(died=run), Attempt(died=second))
    found = end_of(url, driver, run)
    assert [dead for dead, _ in driver.resumed] == [(run,), (run, second)]
    assert found.run == driver.resumed[1][1] != run


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_run_that_kills_its_processes_is_given_up(url: str) -> None:
    run = new_run_id()
    driver = Noted(*(Attempt(died=run) for _ in range(9)))
    found = end_of(url, driver, run)
    assert driver.given_up == ["5 processes died with this run"]
    assert found.verdict == "unknown"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_cannot_be_found_out_is_tried_again_and_is_unknown_in_the_end(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "WAITS", (0.1, 0.1))
    one, two = new_run_id(), new_run_id()
    silent = Attempt(unanswered="web1 does not answer")
    with launched(url, driver := Noted(silent)) as engine:
        engine.start(request("web1"), one)
        assert (result_of(engine, one), driver.begun) == (result(one).result, ["web1", "web1"])
        driver._answers += [silent] * 3
        engine.start(request("web1"), two)
        found = result_of(engine, two)
        assert (found.verdict, found.note) == ("unknown", "web1 does not answer")
        assert driver._answers == []  # A try follows each wait, the last one too.


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_is_stored_is_json_and_is_read_again_by_another_release(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBOS__APPVERSION", "another")
    driver, run = Noted(), new_run_id()
    driver.go.clear()
    with launched(url, driver) as engine:
        engine.start(request("web1"), run)
    database = create_engine(url)
    with database.connect() as connection:
        rows = connection.execute(text("SELECT serialization, application_version FROM workflow_status")).all()
        (stored,) = connection.execute(text("SELECT inputs FROM workflow_input LIMIT 1")).one()
    database.dispose()
    assert set(rows) == {("portable_json", "1")}
    assert json.loads(stored)["positionalArgs"][0]["request"]["host"] == "web1"
    with launched(url, driver := Noted()) as engine:
        until_ended(engine.find, [run], 60)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_bug_is_tried_again_then_unknown_and_the_text_of_its_error_is_not_stored(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driver, run, begun = Noted(), new_run_id(), list[str]()

    def begin(run: str, request: RunRequest, wanted: Callable[[], bool]) -> Attempt:
        begun.append(run)
        raise ValueError("hunter2")

    monkeypatch.setattr(driver, "begin", begin)
    monkeypatch.setattr(attempts, "WAITS", (0.01, 0.01))
    found = end_of(url, driver, run)
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("journal.sqlite3*"))
    assert run.encode() in stored
    assert b"hunter2" not in stored
    assert (found.verdict, found.note, len(begun)) == ("unknown", "a bug: ValueError", 3)
    assert "begin of a run fails: ValueError" in caplog.text


class Deadly(Noted):
    """A driver that kills its process before anything is recorded."""

    def begin(self, run: str, request: RunRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        os._exit(9)

    def give_up(self, dead: Sequence[str], why: str) -> Attempt:
        os._exit(9)


def deadly(url: str, worker: str, dead: str | None, run: str) -> None:
    engine = DbosEngine(url, worker, Deadly(), FAST)
    engine.launch()
    if dead is not None:
        engine.take_over(dead)
    engine.start(request("web1"), run)
    time.sleep(60)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_run_that_kills_whoever_begins_it_is_unknown_although_the_journal_never_heard_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos_engine, "_MOST_STARTS", 2)
    run = new_run_id()
    # Three die as they begin it, and the fourth one as it gives it up.
    workers = ("w1", "w2", "w3", "w4")
    for dead, worker in zip((None, *workers), workers, strict=False):
        process = get_context("fork").Process(target=deadly, args=(url, worker, dead, run))
        process.start()
        process.join(60)
        assert process.exitcode == 9
    driver = Noted()
    engine = DbosEngine(url, "w5", driver, FAST)
    engine.launch()
    try:
        engine.take_over("w4")
        found = result_of(engine, run)
    finally:
        engine.close()
    assert (found.verdict, driver.begun) == ("unknown", [])
    assert driver.given_up == ["3 processes began with this run, and none came to an end"]
