"""The place of a journal: private, found, and told when it cannot be there."""

import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError, JournalError
from remediate.journal import database
from remediate.journal.journal import Journal
from remediate.journal.place import FILE_NAME
from support.journals import SECRET, in_a_process, intent, one_line, record

# Where it is, and who may read it


def test_directory_and_files_are_private_whatever_the_umask(state: Path) -> None:
    before = os.umask(0)
    try:
        with Journal.open() as journal:
            journal.begin(record())
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in state.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert modes == {FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600}


def test_the_file_never_has_another_mode(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[int] = []
    link = Path.hardlink_to

    def watched(self: Path, target: Path) -> None:
        linked.append(stat.S_IMODE(target.stat().st_mode))
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", watched)
    before = os.umask(0)
    try:
        Journal.open().close()
    finally:
        os.umask(before)
    assert linked == [0o600]
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]


def test_a_path_is_given_as_url_and_odd_names_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a b#é" / "j.db"
    with Journal.open(f"sqlite:///{path}") as journal:
        journal.begin(record())
    assert path.is_file()


def test_without_the_variable_it_is_in_the_users_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Journal.open().close()
    assert (tmp_path / "remediate" / FILE_NAME).is_file() or sys.platform == "darwin"


def test_commits_are_synced_and_the_log_is_written_ahead(journal: Journal) -> None:
    with journal.database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": database.BUSY_SECONDS * 1000,
    }


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x?mode=ro",
        f"nonsense {SECRET}",
        f"postgresql://ana:{SECRET}@db:port/x",
        f"nodialect://ana:{SECRET}@db/x",
        f"oracle+oracledb://ana:{SECRET}@db/x",
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Journal.open(url)
    assert SECRET not in one_line(error)


# Faults of the disk


def test_a_full_disk_fails_the_intent_and_nothing_else(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    # The limit belongs to the one connection that is in the pool.
    with journal.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    meant = intent(run.id, params=json.dumps({"x": SECRET * 10_000}))
    with pytest.raises(JournalError, match="the disk or a quota is full: free some space") as error:
        journal.intend(meant)
    assert SECRET not in one_line(error)
    assert journal.open_intents() == ()
    with journal.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    journal.intend(meant)
    assert journal.open_intents() == (meant,)


def test_a_journal_that_cannot_be_written_in_full_is_not_created(state: Path) -> None:
    told = in_a_process(
        """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    Journal.open()
except JournalError as error:
    print(error)
"""
    )
    assert told.startswith(f"the journal {state / FILE_NAME} cannot be")
    assert list(state.iterdir()) == []


def test_a_directory_that_may_not_be_written_is_told() -> None:
    # Permissions do not bind root: there the child becomes nobody, who could not enter pytest's own directory.
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        told = in_a_process(
            """
base = sys.argv[1]
state = os.path.join(base, "state")
os.environ["REMEDIATE_STATE_DIR"] = state
Journal.open().close()
journal = os.path.join(state, "journal.sqlite3")
if os.getuid() == 0:
    os.chown(state, 65534, 65534)
    os.chown(journal, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def attempt(directory):
    os.environ["REMEDIATE_STATE_DIR"] = directory
    try:
        Journal.open()
    except JournalError as error:
        print(error)

os.chmod(state, 0o500)
attempt(state)
attempt(os.path.join(state, "below"))
os.chmod(journal, 0o000)
attempt(state)
os.chmod(state, 0o000)
attempt(state)
os.chmod(state, 0o700)
""",
            base,
        )
    lines = told.splitlines()
    file = f"the journal {base}/state/{FILE_NAME}"
    assert len(lines) == 4
    assert lines[0].startswith(f"{file} is read-only: look at the owner and mode")
    assert lines[1].startswith(
        f"the journal {base}/state/below/{FILE_NAME} cannot be created (Permission denied): look"
    )
    assert lines[2].startswith(f"{file} cannot be opened: look at the owner and mode")
    assert lines[3].startswith(f"{file} cannot be created (Permission denied): look at the owner and mode")


def test_a_state_directory_that_is_a_file_is_told(state: Path) -> None:
    state.write_text("x")
    with pytest.raises(JournalError, match="cannot be created") as error:
        Journal.open()
    assert str(state) in one_line(error)
