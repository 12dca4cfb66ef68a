"""Looks are recorded without the database, and every reader of the journal finds them."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from remediate.core.outcome import Mode
from remediate.engine.run_recorder import JournalRecorder
from remediate.errors import JournalError
from remediate.journal import spool as module
from remediate.journal.journal import Journal
from remediate.journal.models import RunEnd, RunRecord
from remediate.journal.place import FILE_NAME
from remediate.journal.process import RunProcess
from remediate.journal.spool import FOLDER, Spool
from remediate.masking.masker import Masker
from remediate.playbooks.app_down import app_down
from support.incidents import host
from support.journals import NOON, record
from support.toys import report_of

END = RunEnd(verdict="healthy", exit_code=0, touched="no", finished=NOON, report='{"schema": 1}')


def look() -> RunRecord:
    return replace(record(reason="before the release"), mode="plan", given="{}", process=RunProcess.current())


def recording(run: RunRecord) -> JournalRecorder:
    recorder = JournalRecorder(run.id, Masker())
    recorder.begin(run, spool=True)
    return recorder


@pytest.fixture
def spool(state: Path) -> Spool:
    found = Spool.of(None)
    assert found is not None
    return found


def files(state: Path) -> list[str]:
    return sorted(file.name for file in (state / FOLDER).iterdir())


def test_a_look_imports_no_sqlalchemy() -> None:
    script = """
import sys
from remediate.core.outcome import Mode
from remediate.engine.run_recorder import JournalRecorder
from remediate.masking.masker import Masker
from support.journals import record
run = record("01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4")
recorder = JournalRecorder(run.id, Masker())
recorder.begin(run, spool=True)
print(recorder.shown, recorder.trouble, recorder.unwritten, "sqlalchemy" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True, timeout=120)
    assert said.split() == ["7f3a0c", "None", "None", "False"]


def test_the_next_reader_finds_all_that_was_recorded(spool: Spool, state: Path) -> None:
    ended, going = look(), look()
    spool.begin(ended)
    spool.finish(ended, END)
    spool.begin(going)
    with Journal.open() as journal:
        assert files(state) == []
        found, other = journal.find(ended.id), journal.find(going.id)
    assert (found.started, found.finished, found.verdict, found.report) == (NOON, NOON, "healthy", END.report)
    assert (found.reason, found.hosts, found.given, found.process) == (
        ended.reason,
        ended.hosts,
        ended.given,
        ended.process,
    )
    assert other.unfinished


def test_a_look_that_ends_after_its_start_was_taken_in_is_ended(spool: Spool, state: Path) -> None:
    run = look()
    spool.begin(run)
    with Journal.open() as journal:
        assert journal.find(run.id).unfinished
    spool.finish(run, END)
    with Journal.open() as journal:
        assert journal.find(run.id).verdict == "healthy"
        assert len(journal.runs()) == 1
    assert files(state) == []


def test_both_files_of_a_look_are_one_ended_run(spool: Spool, state: Path) -> None:
    run = look()
    spool.finish(run, END)
    spool.begin(run)  # As if the process had died before it removed this one.
    with Journal.open() as journal:
        assert [each.verdict for each in journal.runs()] == ["healthy"]
    assert files(state) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"record": {}, "end": null}',
        '{"record": null, "end": null}',
        lambda good: good.replace('"app-down"', "null"),
        lambda good: good.replace('"exit_code":0', f'"exit_code":{2**70}'),
        lambda good: good.replace('"healthy"', '{"a": 1}'),
    ],
)
def test_what_cannot_be_read_or_stored_stays_and_holds_nobody_up(
    spool: Spool, state: Path, text: str | Callable[[str], str]
) -> None:
    bad, good = look(), look()
    spool.finish(bad, END)
    (file,) = (state / FOLDER).iterdir()
    file.write_text(text if isinstance(text, str) else text(file.read_text()))
    spool.begin(good)
    with Journal.open() as journal:
        assert [each.id for each in journal.runs()] == [good.id]
    assert files(state) == [file.name]


def test_where_the_database_cannot_be_written_the_looks_stay(
    spool: Spool, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal.open().close()
    spool.begin(look())
    there = files(state)

    def refused(self: object) -> None:
        raise JournalError("the journal is read-only")

    monkeypatch.setattr("remediate.journal.database.JournalDatabase.writing", refused)
    with Journal.open() as journal:
        assert journal.runs() == ()
    assert files(state) == there != []


def test_directories_and_files_are_private_whatever_the_umask(spool: Spool, state: Path) -> None:
    spool.begin(look())
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (state, state / FOLDER, *(state / FOLDER).iterdir())]
    assert modes == [0o700, 0o700, 0o600]


def test_a_shared_journal_has_no_spool(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Spool.of("postgresql://db.example.com/journal") is None
    monkeypatch.setenv("REMEDIATE_JOURNAL", f"sqlite:///{tmp_path}/shared.db")
    run = look()
    recorder = recording(run)
    recorder.close()
    assert not (state / FOLDER).exists()
    with Journal.open() as journal:
        assert journal.find(run.id).unfinished


@pytest.mark.parametrize(("limit", "value"), [("_MANY", 3), ("_LARGE", 1000)])
def test_a_full_spool_is_taken_along(
    spool: Spool, state: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(module, limit, value)
    for _ in range(3):
        spool.begin(look())
    recorder = recording(look())
    recorder.close()
    assert files(state) == []
    with Journal.open() as journal:
        assert len(journal.runs()) == 4


def test_a_run_that_may_act_does_not_wait_for_looks(spool: Spool, state: Path) -> None:
    spool.begin(look())
    there = files(state)
    run = record()
    recorder = JournalRecorder(run.id, Masker())
    recorder.begin(run)
    assert recorder.trouble is None
    assert recorder.fixes(host(), app_down, NOON) == ()
    recorder.close()
    assert files(state) == there


def test_a_look_may_ask_for_other_runs_and_ends_in_the_spool(state: Path) -> None:
    run = look()
    recorder = recording(run)
    assert not (state / FILE_NAME).exists()
    assert recorder.fixes(host(), app_down, NOON) == ()
    assert (state / FILE_NAME).exists()
    recorder.finish(report_of(mode=Mode.PLAN))
    recorder.close()
    assert (recorder.trouble, files(state)) == (None, [f"{run.id}.ended"])
    with Journal.open() as journal:
        assert journal.find(recorder.shown).id == run.id


def test_a_journal_that_breaks_while_a_look_goes_on_is_told_and_suggests_no_override(state: Path) -> None:
    recorder = recording(look())
    (state / FILE_NAME).write_text("not a database")
    assert recorder.fixes(host(), app_down, NOON) == ()
    assert recorder.trouble is not None
    assert str(state / FILE_NAME) in recorder.trouble


@pytest.mark.parametrize("damaged", [b"not a database", None])
def test_a_look_says_at_once_that_the_journal_cannot_be_used(state: Path, damaged: bytes | None) -> None:
    state.mkdir()
    if damaged is None:
        (state / FILE_NAME).mkdir()
    else:
        (state / FILE_NAME).write_bytes(damaged)
    recorder = recording(look())
    assert recorder.trouble is not None
    assert str(state / FILE_NAME) in recorder.trouble


def test_a_folder_that_cannot_be_written_is_told_in_one_line(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    (state / FOLDER).write_text("a file")
    run = look()
    recorder = recording(run)
    assert recorder.trouble is not None
    assert str(state / FOLDER) in recorder.trouble
    assert "\n" not in recorder.trouble
    assert recorder.shown == run.id
