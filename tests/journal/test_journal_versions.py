"""Files that are no journal, damaged ones, and journals of other versions."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from remediate.errors import ConfigurationError, JournalError
from remediate.journal.journal import Journal
from remediate.journal.place import FILE_NAME
from remediate.journal.schema import version as alembic_version
from remediate.journal.versions import EARLIER, UPGRADED
from support.journals import NOON, in_a_process, one_line, record

APPROVALS = ("proposal_approvals", "proposals")
ALERTS = ("alerts", "alert_decisions", "alert_deliveries")
LACKING = {"0007_orphans": (*APPROVALS, *ALERTS), "0008_alerts": APPROVALS}
"""The tables that a version lacks, in an order in which they can be removed."""
JOURNALS = Path(__file__).with_name("journals")


# Faults of the disk


@pytest.mark.parametrize("content", [b"not a database at all " * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_journal_is_told_and_left_as_it_is(state: Path, content: bytes) -> None:
    state.mkdir()
    path = state / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(JournalError, match="move it aside") as error:
        Journal.open()
    assert str(path) in one_line(error)
    assert path.read_bytes() == content


def test_a_journal_damaged_inside_is_told_and_left_as_it_is(state: Path) -> None:
    with Journal.open() as journal:
        for _ in range(200):
            journal.begin(record(reason="x" * 500))
    path = state / FILE_NAME
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="damaged"), Journal.open() as journal:
        journal.runs()
    assert path.read_bytes() == damaged


def test_the_database_of_another_program_is_left_alone(state: Path) -> None:
    state.mkdir()
    with closing(sqlite3.connect(state / FILE_NAME)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalError, match="another program") as error:
        Journal.open()
    one_line(error)
    with closing(sqlite3.connect(state / FILE_NAME)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


# Versions of the tables


def shape(url: str) -> dict[str, list[Any]]:
    """The tables, with their columns, keys and indexes."""
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect() as connection:
        seen = sqlalchemy.inspect(connection)
        return {
            table: [
                {column["name"]: (str(column["type"]), column["nullable"]) for column in seen.get_columns(table)},
                seen.get_pk_constraint(table),
                sorted(map(str, seen.get_foreign_keys(table))),
                sorted(map(str, seen.get_unique_constraints(table))),
                {
                    index["name"]: (
                        index["column_names"],
                        index["unique"],
                        *map(str, index["dialect_options"].values()),
                    )
                    for index in seen.get_indexes(table)
                },
            ]
            for table in seen.get_table_names()
        }


def test_a_journal_of_the_sixth_version_is_upgraded_when_it_is_opened(url: str, tmp_path: Path) -> None:
    """Its contents stay, and missing tables are made; everything else about them stays, too."""
    kind = url.partition("+")[0].partition(":")[0]
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).begin() as connection:
        for statement in (JOURNALS / f"0006.{kind}.sql").read_text().split(";\n"):
            if statement.strip() not in {"", "BEGIN TRANSACTION", "COMMIT"}:
                connection.exec_driver_sql(statement)
    before = shape(url)
    with Journal.open(url) as journal:
        (run,) = journal.runs()
        assert (run.started, run.playbook, run.hosts) == (NOON, "app-down", ("web1",))
        journal.begin(record())
        assert run.process is None
    after = shape(url)
    assert after.keys() - before.keys() == {*APPROVALS, *ALERTS}
    before |= {table: after[table] for table in (*APPROVALS, *ALERTS)}
    for table, column in UPGRADED["0006_reminders"]:
        assert column not in before[table][0]
        before[table][0][column] = ("TEXT", True)
    assert after == before
    if kind == "sqlite":
        Journal.open(f"sqlite:///{tmp_path}/new.sqlite3").close()
        assert shape(f"sqlite:///{tmp_path}/new.sqlite3") == after


@pytest.mark.parametrize("version", LACKING)
def test_a_journal_of_a_later_version_gets_the_tables_that_it_lacks(url: str, version: str) -> None:
    Journal.open(url).close()
    now = shape(url)
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).begin() as connection:
        for table in LACKING[version]:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.execute(alembic_version.update().values(version_num=version))
    Journal.open(url).close()
    assert shape(url) == now


def test_a_journal_of_the_ninth_version_gets_who_asked_again(url: str) -> None:
    Journal.open(url).close()
    now = shape(url)
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE proposals DROP COLUMN also_asked")
        connection.execute(alembic_version.update().values(version_num="0009_approvals"))
    Journal.open(url).close()
    assert shape(url) == now


@pytest.mark.parametrize("version", EARLIER)
def test_an_older_journal_is_set_aside(state: Path, version: str) -> None:
    Journal.open().close()
    with closing(sqlite3.connect(state / FILE_NAME)) as older:
        older.execute("UPDATE alembic_version SET version_num = ?", (version,))
        older.commit()
    with pytest.raises(
        JournalError, match="older than the first release: nothing was overwritten; move it aside"
    ) as error:
        Journal.open()
    one_line(error)


def test_opening_again_changes_nothing_and_importing_it_is_cheap(state: Path) -> None:
    Journal.open().close()
    before = (state / FILE_NAME).read_bytes()
    Journal.open().close()
    assert (state / FILE_NAME).read_bytes() == before
    look = "import sys; from remediate.journal.journal import Journal; print('sqlalchemy' in sys.modules);"
    look += "Journal.open().close(); print('sqlalchemy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["False", "True"]


def test_an_empty_file_becomes_a_journal(state: Path) -> None:
    state.mkdir()
    (state / FILE_NAME).touch()
    begun = record()
    with Journal.open() as journal:
        journal.begin(begun)
        assert [run.id for run in journal.runs(limit=5)] == [begun.id]


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(state: Path) -> None:
    Journal.open().close()
    with closing(sqlite3.connect(state / FILE_NAME)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999_later'")
        newer.commit()
    before = (state / FILE_NAME).read_bytes()
    with pytest.raises(ConfigurationError, match="newer version of remediate: upgrade") as error:
        Journal.open()
    one_line(error)
    assert (state / FILE_NAME).read_bytes() == before


def test_tables_that_are_half_made_leave_nothing_behind(state: Path) -> None:
    told = in_a_process(
        """
from sqlalchemy import event
from remediate.journal.schema import steps
child = os.fork()
if child == 0:
    event.listen(steps, "after_create", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    Journal.open()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    assert told.split() == ["-9"]
    with Journal.open() as journal:
        journal.begin(record())
    assert [entry.name for entry in state.iterdir()] == [FILE_NAME]
