"""A journal that several processes and threads use, some of which are killed."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from remediate.errors import JournalError
from remediate.journal import database
from remediate.journal.journal import Journal
from remediate.journal.models import RunEnd
from remediate.journal.place import FILE_NAME
from remediate.journal.process import RunProcess
from support.journals import NOON, in_a_process, intent, one_line, record


def test_after_kill_9_right_behind_an_intent_the_intent_is_there(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    in_a_process(
        """
for position in range(20):
    child = os.fork()
    if child == 0:
        Journal.open().intend(intent(sys.argv[1], position))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
""",
        run.id,
    )
    assert [one.position for one in journal.open_intents()] == list(range(20))
    assert journal.runs()[0].unfinished


@pytest.mark.parametrize(
    "process", [None, RunProcess(host="laptop", machine="m", boot="b", namespace="pid:[1]", pid=7, start=42)]
)
def test_a_run_that_was_taken_over_or_has_ended_intends_no_further_step(url: str, process: RunProcess | None) -> None:
    taken, over = (replace(record(), process=process) for _ in range(2))
    with Journal.open(url) as journal:
        for run in (taken, over):
            journal.begin(run)
            journal.intend(intent(run.id, 1))
        journal.take_over(taken.id)
        journal.take_over(taken.id)
        journal.finish(over.id, RunEnd(verdict="unknown", exit_code=7, touched="unknown", finished=NOON, report="{}"))
        for run in (taken, over):
            with pytest.raises(JournalError, match="has ended, or another process has taken it over") as error:
                journal.intend(intent(run.id, 2))
            one_line(error)
        stored = journal.find(taken.id)
        assert (stored.process, stored.unfinished) == (process, True)
        assert [step.intent.position for step in stored.steps] == [1]
        journal.conclude(taken.id, "web1", 1, "not_run", "the host says so")


def test_every_step_was_intended_before_a_takeover_or_is_refused(url: str) -> None:
    """Threads intend steps as fast as they can, while the run is taken over in another connection."""
    run, done, refused = record(), list[int](), threading.Event()
    with Journal.open(url) as journal, Journal.open(url) as other:
        journal.begin(run)

        def act() -> None:
            for position in range(10_000):
                try:
                    journal.intend(intent(run.id, position))
                except JournalError:
                    refused.set()
                    return
                done.append(position)

        acting = threading.Thread(target=act)
        acting.start()
        until = time.monotonic() + 30
        while len(done) < 5 and time.monotonic() < until:
            time.sleep(0.001)
        other.take_over(run.id)
        seen = [step.intent.position for step in other.find(run.id).steps]
        acting.join(30)
    assert refused.is_set()
    assert seen == done


def test_twenty_processes_open_a_new_journal_and_write_at_once(state: Path) -> None:
    in_a_process(
        """
from contextlib import closing
from remediate.journal import database
from remediate.journal.run_id import new_run_id
database.BUSY_SECONDS = 170  # SQLite is not fair: on a busy machine one of twenty may have to wait long.
start, go = os.pipe()
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(start, 1)
        with Journal.open() as journal:
            run = new_run_id()
            journal.begin(record(run))
            for position in range(10):
                journal.intend(intent(run, position))
                journal.conclude(run, "web1", position, "proven", "x")
            journal.finish(run, RunEnd(verdict="fixed", exit_code=0, touched="yes", finished=NOW, report="{}"))
        os._exit(0)
    children.append(child)
os.close(go)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 20
"""
    )
    with Journal.open() as journal:
        runs = journal.runs(limit=100)
        assert len(runs) == 20
        assert not any(run.unfinished for run in runs)
        assert all(len(journal.find(run.shown).steps) == 10 for run in runs)
        assert journal.open_intents() == ()
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]


def test_threads_share_one_journal(journal: Journal) -> None:
    run = record()
    journal.begin(run)

    def work(number: int) -> None:
        for position in range(10):
            journal.intend(intent(run.id, position, host=f"web{number}"))
            journal.runs()
            journal.conclude(run.id, f"web{number}", position, "proven", "")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(20)))
    assert len(journal.find(run.id).steps) == 200


def test_a_journal_is_not_used_across_a_fork() -> None:
    told = in_a_process(
        """
journal = Journal.open()
child = os.fork()
try:
    journal.runs()
except JournalError as error:
    print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
journal.close()
"""
    )
    assert "opened before a fork" in told


def test_a_journal_that_others_hold_too_long_is_told(
    journal: Journal, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(state / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Journal.open() as impatient, pytest.raises(JournalError, match="in use by others") as error:
            impatient.begin(record())
        one_line(error)
        assert journal.runs() == ()
        other.execute("ROLLBACK")
    journal.begin(record())
