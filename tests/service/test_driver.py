"""One run of the service: under an id once, and after a crash as the journal and the host say."""

import fcntl
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from remediate.engine.run_recorder import JournalRecorder
from remediate.errors import JournalError
from remediate.journal.journal import Journal
from remediate.journal.models import RunRecord
from remediate.journal.pause import KillSwitch, Pause
from remediate.journal.process import RunProcess
from remediate.journal.run_id import new_run_id
from remediate.service.request import Attempt
from support.dead_runs import dead_run, ended
from support.durable import ToyFleet, request
from support.journals import intent


def test_what_is_withdrawn_does_not_begin_and_what_has_begun_is_not_withdrawn(toys: ToyFleet) -> None:
    driver, run = toys.driver(), new_run_id()
    withdrawn = ended(driver.begin(run, request("toy0"), lambda: False))
    assert (withdrawn.verdict, withdrawn.touched, withdrawn.note) == (None, "no", "it was withdrawn")
    assert toys.steps("toy0") == []
    assert ended(driver.begin(run, request("toy0"), lambda: True)).verdict == "fixed"
    assert ended(driver.begin(run, request("toy0"), lambda: False)).verdict == "fixed"


def test_a_host_that_only_an_approved_plan_may_change_is_left_alone_wherever_the_service_runs(toys: ToyFleet) -> None:
    (toys.root / "pyproject.toml").write_text('[tool.remediate.approvals]\nrequired = "all"\n')
    result = ended(toys.driver().begin(new_run_id(), request("toy0")))
    assert (result.verdict, toys.steps("toy0")) == ("refused", [])


def test_an_id_runs_once_whatever_asks_again(toys: ToyFleet) -> None:
    driver, run = toys.driver(), new_run_id()
    first = ended(driver.begin(run, request("toy0")))
    assert (first.run, first.verdict, first.touched, first.exit_code) == (run, "fixed", "yes", 0)
    toys.say("toy0", "down again")
    assert ended(driver.begin(run, request("toy0"))).verdict == "fixed"
    assert toys.steps("toy0") == ["begin", "end"]


def test_a_plan_only_looks(toys: ToyFleet) -> None:
    assert ended(toys.driver().begin(new_run_id(), request("toy0", plan=True))).verdict == "pending"
    assert toys.steps("toy0") == []


@pytest.mark.parametrize("name", ["toys", "all", "toy", "web9"])
def test_what_is_no_host_by_its_name_is_not_asked_anything(toys: ToyFleet, name: str) -> None:
    result = ended(toys.driver().begin(new_run_id(), request(name)))
    assert (result.verdict, result.exit_code, result.touched) == (None, 2, "no")
    assert "host" in str(result.note)
    assert [toys.steps(each) for each in toys.names] == [[], [], []]


def test_while_paused_nothing_is_changed(toys: ToyFleet) -> None:
    KillSwitch().set(Pause("a migration", "ana", datetime.now(UTC)))
    assert ended(toys.driver().begin(new_run_id(), request("toy0"))).verdict == "refused"
    assert toys.steps("toy0") == []


@pytest.mark.parametrize("by", ["a worker that goes on with it", "a worker that gives it up"])
def test_a_run_that_is_taken_over_while_it_looks_changes_nothing(
    toys: ToyFleet, journal: Journal, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    begin = JournalRecorder.begin

    def begin_and_lose(recorder: JournalRecorder, record: RunRecord, **spool: bool) -> None:
        begin(recorder, record, **spool)
        if by == "a worker that gives it up":
            toys.driver().give_up([record.id], "its worker is dead")
        else:
            journal.take_over(record.id)

    monkeypatch.setattr(JournalRecorder, "begin", begin_and_lose)
    run = new_run_id()
    attempt = toys.driver().begin(run, request("toy0"))
    assert attempt.result is not None
    assert (attempt.result.verdict, attempt.result.touched, toys.steps("toy0")) == ("refused", "no", [])
    assert journal.find(run).steps == ()


def test_a_dead_run_without_an_open_step_is_taken_over_before_another_goes_on(
    toys: ToyFleet, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = dead_run(journal, toys)
    journal.conclude(dead, "toy0", 0, "not_run", "something had moved")
    monkeypatch.setattr(JournalRecorder, "finish", lambda *_: None)  # So that the dead run stays open.
    toys.driver().resume([dead], new_run_id(), request("toy0"))
    with pytest.raises(JournalError, match="another process has taken it over"):
        journal.intend(intent(dead, host="toy0"))


def test_a_process_that_stops_begins_no_step(toys: ToyFleet, journal: Journal) -> None:
    stop = Event()
    stop.set()
    leaving = toys.driver(stop=stop)
    for attempt in (
        leaving.begin(new_run_id(), request("toy0")),
        leaving.resume([dead_run(journal, toys)], new_run_id(), request("toy0")),
    ):
        assert attempt.unanswered == "this process may not go on with runs"
    assert toys.steps("toy0") == []


def test_a_run_that_its_process_had_to_leave_is_brought_to_its_end_by_another(
    toys: ToyFleet, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, run, conclude = Event(), new_run_id(), JournalRecorder.conclude

    def last(self: JournalRecorder, *step: Any) -> None:
        conclude(self, *step)
        stop.set()

    with monkeypatch.context() as leaving:
        leaving.setattr(JournalRecorder, "conclude", last)
        assert toys.driver(stop=stop).begin(run, request("toy0")) == Attempt(died=run)
    assert journal.find(run).verdict == "interrupted"
    assert toys.driver().begin(run, request("toy0")) == Attempt(died=run)
    result = ended(toys.driver().resume([run], new_run_id(), request("toy0")))
    assert (result.verdict, result.touched, result.exit_code) == ("fixed", "yes", 0)
    assert "resumed after a crash" in str(result.note)
    assert toys.steps("toy0") == ["begin", "end"]


def test_a_run_that_died_is_not_begun_again_under_its_id(toys: ToyFleet, journal: Journal) -> None:
    dead = dead_run(journal, toys)
    assert toys.driver().begin(dead, request("toy0")) == Attempt(died=dead)
    assert toys.steps("toy0") == []


def test_a_run_that_still_runs_in_another_process_is_waited_for(toys: ToyFleet, journal: Journal) -> None:
    stop = Event()
    here, parent = RunProcess.current(), os.getppid()
    assert here is not None
    began = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19])
    alive = dead_run(journal, toys, process=replace(here, pid=parent, start=began))
    stop.set()
    said = toys.driver(stop=stop).begin(alive, request("toy0"))
    assert said == Attempt(unanswered=f"run {alive} still runs in another process")


def test_a_step_that_did_not_run_is_done_once(toys: ToyFleet, journal: Journal) -> None:
    dead, run = dead_run(journal, toys), new_run_id()
    driver = toys.driver()
    result = ended(driver.resume([dead], run, request("toy0")))
    assert (result.run, result.verdict) == (run, "fixed")
    assert ended(driver.resume([dead], run, request("toy0"))) == result
    assert toys.steps("toy0") == ["begin", "end"]
    assert [step.outcome for step in journal.find(dead).steps] == ["not_run"]
    assert journal.find(dead).verdict == "interrupted"


def test_a_step_that_ran_is_not_done_again(toys: ToyFleet, journal: Journal) -> None:
    dead = dead_run(journal, toys)
    toys.say("toy0", "up 42")
    result = ended(toys.driver().resume([dead], new_run_id(), request("toy0")))
    assert (result.run, result.verdict, result.touched) == (dead, "fixed", "yes")
    assert toys.steps("toy0") == []


def test_what_may_have_run_is_unknown_and_not_done_again(toys: ToyFleet, journal: Journal) -> None:
    dead, run = dead_run(journal, toys), new_run_id()
    toys.say("toy0", "down, but another way")
    driver = toys.driver()
    result = ended(driver.resume([dead], run, request("toy0")))
    assert (result.run, result.verdict, result.exit_code) == (dead, "unknown", 7)
    assert f"run {run} then found the host pending" in str(result.note)
    assert ended(driver.resume([dead], run, request("toy0"))) == result
    assert toys.steps("toy0") == []
    assert journal.find(run).mode == "plan"


def test_what_failed_is_not_tried_again_by_itself(toys: ToyFleet, journal: Journal) -> None:
    dead, run = dead_run(journal, toys), new_run_id()
    journal.conclude(dead, "toy0", 0, "failed", "it is still down")
    result = ended(toys.driver().resume([dead], run, request("toy0")))
    assert (result.run, result.verdict, result.touched) == (dead, "not_fixed", "yes")
    assert (toys.steps("toy0"), journal.find(run).mode) == ([], "plan")


def test_an_approved_plan_is_not_run_again_after_a_crash(toys: ToyFleet, journal: Journal) -> None:
    dead, run = dead_run(journal, toys), new_run_id()
    result = ended(toys.driver().resume([dead], run, request("toy0", approved="a" * 64)))
    assert (result.verdict, toys.steps("toy0"), journal.find(run).mode) == ("pending", [], "plan")


def test_a_run_that_the_journal_has_lost_is_unknown(toys: ToyFleet) -> None:
    lost = new_run_id()
    for attempt in (
        toys.driver().resume([lost], new_run_id(), request("toy0")),
        toys.driver().give_up([lost], "x"),
    ):
        assert (ended(attempt).verdict, ended(attempt).touched) == ("unknown", "unknown")
    assert toys.steps("toy0") == []


def test_two_processes_that_died_with_one_run_are_both_ended(toys: ToyFleet, journal: Journal) -> None:
    dead = [dead_run(journal, toys), dead_run(journal, toys, intended=False)]
    assert ended(toys.driver().resume(dead, new_run_id(), request("toy0"))).verdict == "fixed"
    assert [journal.find(run).verdict for run in dead] == ["interrupted", "interrupted"]
    assert toys.steps("toy0") == ["begin", "end"]


def test_while_the_dead_run_s_step_holds_the_lock_nothing_is_known(toys: ToyFleet, journal: Journal) -> None:
    dead = dead_run(journal, toys)
    lock = os.open(toys.directory / "toy0" / "machine-id", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        attempt = toys.driver(lock_seconds=0).resume([dead], new_run_id(), request("toy0"))
    finally:
        os.close(lock)
    assert "the lock of this host is held by process" in str(attempt.unanswered)
    assert (toys.steps("toy0"), journal.find(dead).unfinished) == ([], True)


def test_what_nobody_found_out_is_unknown(toys: ToyFleet, journal: Journal) -> None:
    dead = dead_run(journal, toys)
    result = ended(toys.driver().give_up([dead], "web1 does not answer"))
    assert (result.run, result.verdict, result.note) == (dead, "unknown", "web1 does not answer")
    assert [step.outcome for step in journal.find(dead).steps] == ["unknown"]


def test_a_run_that_died_before_any_step_is_unknown_too_if_nobody_judged_the_host(
    toys: ToyFleet, journal: Journal
) -> None:
    dead = dead_run(journal, toys, intended=False)
    for _ in range(2):  # The second time as after a crash.
        result = ended(toys.driver().give_up([dead], "5 processes died with this run"))
        assert (result.run, result.verdict, result.exit_code, result.touched) == (dead, "unknown", 7, "no")
        assert result.note == "5 processes died with this run"
