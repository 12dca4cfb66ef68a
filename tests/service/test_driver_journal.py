"""Runs whose journal takes nothing, or cannot be read."""

import pytest

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.engine.run_recorder import JournalRecorder
from remediate.journal.journal import Journal
from remediate.journal.run_id import new_run_id
from remediate.service.driver import LibraryDriver
from remediate.service.request import Attempt
from remediate.transport.session import Session
from support.dead_runs import dead_run, ended
from support.durable import ToyFleet, request


def test_a_run_that_lost_the_journal_before_its_record_is_tried_again(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.directory.joinpath("no").write_text("x" * 9999)

    def connect(host: Host) -> Session:
        monkeypatch.setenv("REMEDIATE_JOURNAL", f"sqlite:////{toys.directory}/no")
        return toys.connect(host)

    driver, run = LibraryDriver(toys.project, connect=connect, options=Options(hold=0)), new_run_id()
    assert "journal" in str(driver.begin(run, request("toy0")).unanswered)
    assert toys.steps("toy0") == []
    monkeypatch.delenv("REMEDIATE_JOURNAL")
    assert ended(toys.driver().begin(run, request("toy0"))).verdict == "fixed"


def test_a_run_whose_end_the_journal_did_not_take_is_found_out(
    toys: ToyFleet, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, run = toys.driver(), new_run_id()
    with monkeypatch.context() as cut:
        for write in ("conclude", "finish"):
            cut.setattr(JournalRecorder, write, lambda *_, **__: None)
        assert driver.begin(run, request("toy0")) == Attempt(died=run)
    assert driver.begin(run, request("toy0")) == Attempt(died=run)
    assert ended(driver.resume([run], new_run_id(), request("toy0"))).verdict == "fixed"
    assert (journal.open_intents(), toys.steps("toy0")) == ((), ["begin", "end"])


def test_a_resumed_run_whose_end_the_journal_did_not_take_is_found_out_too(
    toys: ToyFleet, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, dead, second = toys.driver(), dead_run(journal, toys), new_run_id()
    with monkeypatch.context() as cut:
        for write in ("conclude", "finish"):
            cut.setattr(JournalRecorder, write, lambda *_, **__: None)
        assert driver.resume([dead], second, request("toy0")) == Attempt(died=second)
    toys.say("toy0", "down in another way")
    result = ended(driver.resume([dead, second], new_run_id(), request("toy0")))
    assert (result.run, result.verdict) == (second, "unknown")
    assert toys.steps("toy0") == ["begin", "end"]  # What may have run is not done again.


def test_a_journal_that_cannot_be_read_stops_everything(toys: ToyFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.directory.joinpath("no").write_text("x" * 9999)
    monkeypatch.setenv("REMEDIATE_JOURNAL", f"sqlite:////{toys.directory}/no")
    driver: LibraryDriver = toys.driver()
    for attempt in (
        driver.begin(new_run_id(), request("toy0")),
        driver.resume([new_run_id()], new_run_id(), request("toy0")),
        driver.give_up([new_run_id()], "x"),
    ):
        assert "is not a journal, or damaged" in str(attempt.unanswered)
    assert toys.steps("toy0") == []
