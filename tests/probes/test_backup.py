"""Output of a real restore, as the probe parses it."""

import pytest

from remediate.core.command import Output
from remediate.core.host import Settings
from remediate.core.program_text import name_of
from remediate.errors import Unreadable
from remediate.probes.backup import RestoredBackup, RestoreState
from remediate.probes.rows import AGES, LiveRows
from support.this_machine import command_of

BACKUP = RestoredBackup(files="/var/backups/agency/*")
ROWS = LiveRows(php="php8.2", path="/home/forge/agency-platform", user="forge")
FILE = "file 1795458019 1795454418 1025205 /var/backups/agency/a b.sql.gz\nsql 10842184\n"
RESTORED = f"""{FILE}server 10.11.19-MariaDB-0+deb12u1
took 1.5
tables 2
table ["agency", "od`d \\"t\\\\ab", 0, null]
table ["agency", "users", 300000, "2026-11-23T08:00:00"]
state restored
"""


def read(text: str) -> RestoreState:
    return BACKUP.read(Output(stdout=text)).state


def test_a_restore() -> None:
    state = BACKUP.read(Output(stdout=RESTORED))
    assert (state.ok, state.file, state.old) == (True, "/var/backups/agency/a b.sql.gz", 3601)
    assert (state.size, state.sql, state.seconds) == (1025205, 10842184, 1.5)
    assert [(table.name, table.rows) for table in state.tables] == [('od`d "t\\ab', 0), ("users", 300000)]
    assert state.describe() == "restored in 1.5 s: 2 tables"


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("", None), ("completed 2026-11-23 8:00:00\n", 37219), ("completed 2026-11-24 08:00:00\n", -49181)],
)
def test_when_it_was_completed_by_its_own_account(line: str, seconds: int | None) -> None:
    assert BACKUP.read(Output(stdout=f"{line}{RESTORED}")).completed == seconds


@pytest.mark.parametrize(
    ("why", "state", "ok"),
    [
        ("ERROR 1064 (42000) at line 25: You have an error in your SQL syntax", RestoreState.BROKEN, False),
        ("ERROR at line 2: Unknown command '?'.", RestoreState.BROKEN, False),
        ("", RestoreState.BROKEN, False),
        ("ERROR 1227 (42000) at line 1: Access denied; you need SUPER", RestoreState.NOT_ALLOWED, None),
        ("ERROR 1045 (28000) at line 1: Access denied for user '?'", RestoreState.NOT_ALLOWED, None),
        ("ERROR 1114 (HY000) at line 9: The table '?' is full", RestoreState.NO_ROOM, None),
        ("ERROR 2013 (HY000) at line 9: Lost connection to server during query", RestoreState.DIED, None),
    ],
)
def test_what_is_wrong_with_a_dump_is_told_from_what_is_wrong_with_the_trial(
    why: str, state: RestoreState, ok: bool | None
) -> None:
    found = BACKUP.read(Output(stdout=f"{FILE}state broken {why}\n"))
    assert (found.state, found.ok, found.why) == (state, ok, why)


def test_a_dump_of_mysql_that_mariadb_does_not_take_is_not_called_broken() -> None:
    why = "ERROR 1273 (HY000) at line 24: Unknown collation: '?'"
    assert read(f"{FILE}mysql\nstate broken {why}\n") is RestoreState.OF_MYSQL
    assert read(f"{FILE}state broken {why}\n") is RestoreState.BROKEN


def test_the_faults_are_those_of_the_backup() -> None:
    faults = {state for state in RestoreState if BACKUP.read(Output(stdout=f"{FILE}{_ended(state)}")).ok is False}
    assert {state.value for state in faults} == {"missing", "empty", "damaged", "truncated", "no-dump", "broken"}


def _ended(state: RestoreState) -> str:
    return f"took 1.0\ntables 0\nstate {state.value}\n"


def test_one_that_was_ended_is_late_whatever_it_had_begun_to_say() -> None:
    assert read(f'{FILE}took 9.0\ntables 1\ntable ["a", "b", 1, null]\nstate resto\nlate\n') is RestoreState.LATE


@pytest.mark.parametrize(
    "text",
    [
        "",
        FILE,
        f"{FILE}state\n",
        f"{FILE}state healthy\n",
        "state restored\n",
        "state broken\n",
        f"{FILE}state restored\n",
        f"{FILE}took 1\ntables 0\nstate restored\n",
        f'{FILE}took 1.0\ntables 0\ntable ["a", "b", 1, null]\nstate restored\n',
        f'{FILE}took 1.0\ntables 1\ntable ["a", "b", "1", null]\nstate restored\n',
        f'{FILE}took 1.0\ntables 1\ntable ["a", "b", -1, null]\nstate restored\n',
        f"{FILE}took 1.0\ntables 1\ntable {'[' * 5000}\nstate restored\n",
        f"completed 2026-13-45 99:99:99\n{RESTORED}",
        "file 1 2 3\nstate empty\n",
        "file now then 3 /a\nstate empty\n",
    ],
)
def test_what_is_not_understood_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_the_command_hands_everything_over_as_an_argument() -> None:
    run = RestoredBackup(files="/b/a b*", scratch="/srv/scratch", seconds=60, user="backup").command()
    assert (run.user, run.stdin) == ("backup", None)
    assert run.argv.count("/b/a b*") == 1
    assert run.seconds > 60
    names = [name for word in run.argv if (name := name_of(word))]
    assert names == ["leave_nothing.sh", "restore_dump.sh", "restore_grants.sql", "count_rows.sql"]


def test_a_program_that_restores_has_no_line_that_swallows_the_next() -> None:
    assert not any("#" in word and " # " in word for word in BACKUP.command().argv)


# -- the live rows -----------------------------------------------------------------------------------------------------


def answered(answer: str) -> Output:
    return Output(stdout=f"PHP Deprecated: something\n\nremediate:{answer}\n")


def test_the_rows_of_a_live_database() -> None:
    young = "[" + ",".join(map(str, range(len(AGES)))) + "]"
    rows = f'[["jobs",0,null,null],["visits",2000,{young},86400],["events",null,null,9]]'
    state = ROWS.read(answered(f'{{"driver":"mysql","database":"agency","tables":{rows},"more":0}}'))
    assert state.describe() == "2000 rows in 2 tables, 1 not counted"
    visits = state.tables[1]
    assert [visits.written_within(hours) for hours in (0.5, 1, 1.5, 26, 27, 500)] == [0, 0, 1, 5, 6, None]
    assert state.tables[0].written_within(1) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"driver":"mysql","database":"","tables":[],"more":0,"failed":2002}', "error 2002"),
        ('{"driver":"pgsql","database":"","tables":[],"more":0}', "pgsql"),
        ('{"driver":"mysql","database":"a","tables":[["a","1",null,null]],"more":0}', "unexpected answer"),
        ('{"driver":"mysql","database":"a","tables":[["a",-1,null,null]],"more":0}', "unexpected answer"),
        ('{"driver":"mysql","database":"a","tables":[["a",1,[1],null]],"more":0}', "unexpected answer"),
        ('{"driver":"mysql","database":"a","tables":[["a",true,null,null]],"more":0}', "unexpected answer"),
        ("[]", "unexpected answer"),
    ],
)
def test_rows_that_are_not_understood_are_unreadable(answer: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        ROWS.read(answered(answer))


def test_counting_is_done_as_the_application_and_within_a_survey() -> None:
    run = command_of(ROWS)
    assert (run.user, run.seconds < 40) == ("forge", True)
    assert run.argv[-len(AGES) :] == tuple(map(str, AGES))


# -- the inventory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"files": "backups/*"},
        {"files": "/b/*;rm -rf /"},
        {"files": "/b/$(id)"},
        {"files": "/b/*", "scratch": "/" + "a" * 70},
        {"files": "/b/*", "scratch": "/var/../tmp"},
        {"files": "/b/*", "seconds": 3600},
        {"files": "/b/*", "volatile_tables": ["a b"]},
        {"files": "/b/*", "restore_to": "x"},
    ],
)
def test_what_an_inventory_may_not_say(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="backup"):
        Settings.model_validate({"backup": wrong})
