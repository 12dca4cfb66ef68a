"""Sessions of a staging host's database server, and the programs that ask."""

import re

import pytest

from remediate.core.command import Output, Run
from remediate.core.program_text import program_text
from remediate.core.services import DatabaseLimits
from remediate.errors import Unreadable
from remediate.probes.mysql import FirstQuery, LongestIdle, SessionsState
from remediate.programs.database import ACCOUNT, CLIENT, end_idle, end_queries, first_query, list_sessions, longest_idle
from support import examples as ex
from support.mysql_answers import CALM, FORGOTTEN, FULL, NO_SERVER, SESSIONS

# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_server_on_which_nobody_waits() -> None:
    state = SESSIONS.read(Output(stdout=CALM))
    assert state == ex.SESSIONS
    assert (state.ok, state.describe()) == (True, "nobody waits")


def test_a_transaction_that_others_wait_for() -> None:
    state = SESSIONS.read(Output(stdout=FORGOTTEN))
    assert state.ok is False
    assert state.describe() == (
        "locks are waited for, held by 80 (agency@agency), idle in a transaction since 14:32:02Z; long: 81 "
        "(agency@agency), running since 14:31:57Z: select sleep(?), `id1`, ?, `we'ird`, ?"
    )
    assert [(each.idle, each.blocks, each.beyond) for each in state.sessions] == [
        (True, True, True),
        (False, False, True),
    ]


def test_a_server_without_a_connection_left() -> None:
    state = SESSIONS.read(Output(stdout=FULL))
    assert (state.ok, state.full, state.limit) == (False, True, 10)
    assert state.describe() == "all 10 connections in use (agency 10 idle)"
    nearly = state.model_copy(update={"full": False})
    assert (nearly.ok, nearly.describe()) == (True, "nearly all 10 connections in use (agency 10 idle)")
    assert state.model_copy(update={"holders": ()}).held == "by all"


@pytest.mark.parametrize("number", [2, 111])
def test_a_server_that_does_not_run_is_an_answer(number: int) -> None:
    state = SESSIONS.read(Output(stderr=NO_SERVER.replace("(2)", f"({number})"), exit=1))
    assert (state.up, state.ok, state.describe()) == (False, False, "the server does not run")


@pytest.mark.parametrize(
    "output",
    [
        Output(stderr="ERROR 1040 (08004): Too many connections\n", exit=1),
        Output(stderr=NO_SERVER.replace("(2)", "(11)"), exit=1),
        Output(stderr=NO_SERVER.replace("(2)", "(13)"), exit=1),
        Output(stderr="ERROR 1045 (28000): Access denied for user 'root'@'localhost'\n", exit=1),
        Output(stderr="sudo: a password is required\n", exit=1),
        Output(stderr="/bin/sh: 1: /usr/bin/mariadb: not found\n", exit=127),
        Output(exit=124),
        Output(),
        Output(stdout="\n"),
        Output(stdout="null\n"),
        Output(stdout="[]\n"),
        Output(stdout=CALM + "7\n"),
        Output(stdout=CALM + '["count"]\n'),
        Output(stdout=CALM + "{}\n"),
        Output(stdout=FORGOTTEN[:-40]),
        Output(stdout=FORGOTTEN, cut=True),
        Output(stdout=FORGOTTEN.replace("1795444322", "-1")),
        Output(stdout=FORGOTTEN.replace("1795444322", "9" * 30)),
        Output(stdout=FORGOTTEN.replace('"id": 80', '"id": null')),
        Output(stdout=CALM.replace("151", '"many"')),
        Output(stdout="Warnung: veraltet\n" + CALM),
    ],
)
def test_whatever_else_a_server_says_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        SESSIONS.read(output)


def test_many_sessions_are_not_all_named() -> None:
    many = SessionsState(up=True, limit=9, waiting=True, sessions=tuple(ex.session(n) for n in range(1, 7)))
    assert many.describe().endswith("and 3 more")


# -- what is run there -------------------------------------------------------------------------------------------------

LIMITS = DatabaseLimits(lock_wait=2, idle_transaction=3, long_query=4, idle=5)


@pytest.mark.parametrize(
    "run",
    [
        list_sessions(LIMITS),
        longest_idle(LIMITS, "shop"),
        first_query(LIMITS, "shop"),
        end_queries(LIMITS, "shop"),
        end_idle(LIMITS, "shop"),
    ],
    ids=["list", "longest", "first", "end", "idle"],
)
def test_the_programs_are_fixed_and_the_limits_are_variables(run: Run) -> None:
    assert (run.user, run.argv[0], run.argv[-3]) == (ACCOUNT, CLIENT, "--execute")
    (given,) = (word for word in run.argv if word.startswith("--init-command="))
    assert given.startswith("--init-command=SET @lock_wait = 2, @idle_transaction = 3, @long_query = 4, @idle = 5")
    assert ("@application = 'shop'" in given) is (run != list_sessions(LIMITS))
    assert "shop" not in run.argv[-2]
    assert not re.search(r"[\x00-\x1f]| -- |judged\.sql|%%", run.argv[-2])


def test_only_what_ends_sessions_has_words_for_it() -> None:
    words = re.compile(r"\b(KILL|DROP|DELETE|UPDATE|ALTER|GRANT|CREATE|INSERT|FLUSH)\b")
    assert words.findall(list_sessions(LIMITS).argv[-2]) == []
    assert words.findall(longest_idle(LIMITS, "shop").argv[-2]) == []
    assert words.findall(first_query(LIMITS, "shop").argv[-2]) == []
    assert words.findall(end_queries(LIMITS, "shop").argv[-2]) == ["KILL", "KILL"]
    assert words.findall(end_idle(LIMITS, "shop").argv[-2]) == ["KILL"]
    assert end_queries(LIMITS, "shop").argv[-2].index("KILL QUERY ID") < end_queries(LIMITS, "shop").argv[-2].index(
        "KILL CONNECTION"
    )


def test_what_lists_and_what_ends_judge_by_the_same_words() -> None:
    judged = program_text("remediate.programs", "judged.sql")
    for run in (
        list_sessions(LIMITS),
        longest_idle(LIMITS, "shop"),
        first_query(LIMITS, "shop"),
        end_queries(LIMITS, "shop"),
        end_idle(LIMITS, "shop"),
    ):
        assert judged in run.argv[-2]


def test_whoever_is_only_suspected_is_never_ended() -> None:
    judged = program_text("remediate.programs", "judged.sql")
    (blockers,) = re.findall(r"blockers AS \((.*?)\), keepers AS", judged)
    assert "innodb_lock_waits" in blockers
    assert "UNION" not in blockers
    for run in (end_queries(LIMITS, "shop"), end_idle(LIMITS, "shop")):
        assert "suspected" not in run.argv[-2].replace(judged, "")
    assert "suspected" in list_sessions(LIMITS).argv[-2].replace(judged, "")


def test_a_plan_names_the_program() -> None:
    assert "--execute 'end_idle.sql of remediate' '--init-command=SET " in str(end_idle(LIMITS, "shop"))


WRAPPED = (
    "ERROR 2002 (HY000): Received error packet before completion of TLS handshake. The authenticity of the following "
    "error cannot be verified: 1040 - Too many connections"
)


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("ERROR 1040 (08004): Too many connections", True),
        (WRAPPED, True),
        (NO_SERVER, False),
        ("ERROR 1045 (28000): Access denied for user 'root'@'localhost'", False),
        ("ERROR 1064 (42000) at line 1: You have an error in your SQL syntax near '1040'", False),
    ],
)
def test_only_who_is_turned_away_from_a_full_server_asks_again(said: str, again: bool) -> None:
    for run in (list_sessions(LIMITS), end_queries(LIMITS, "shop"), end_idle(LIMITS, "shop")):
        assert bool(re.search(run.retry, said)) is again


# -- which connection is idle for longest ------------------------------------------------------------------------------

LONGEST = LongestIdle(user="shop")


def test_the_connection_that_is_idle_for_longest() -> None:
    found = LONGEST.read(Output(stdout="54\t0\n"))
    assert (found.id, found.ok, found.describe()) == (54, False, "54 for longest")
    assert FirstQuery(user="shop").read(Output(stdout="54\t0\n")) == found
    assert FirstQuery(user="shop").command() == first_query(DatabaseLimits(), "shop")
    for nobody in (Output(), Output(stderr=NO_SERVER, exit=1)):
        none = LONGEST.read(nobody)
        assert (none.id, none.ok, none.describe()) == (None, True, "none for too long")


@pytest.mark.parametrize(
    "output",
    [
        Output(stderr="ERROR 1040 (08004): Too many connections\n", exit=1),
        Output(stdout="54\n"),
        Output(stdout="54\t0\n55\t0\n"),
        Output(stdout="54\tNULL\n"),
        Output(stdout="x\t0\n"),
    ],
)
def test_another_answer_about_it_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        LONGEST.read(output)


def test_a_server_with_connections_left_is_no_error_of_arithmetic() -> None:
    # BIGINT UNSIGNED value is out of range in 'count(0) - @@max_connections'
    assert "COUNT(*) -" not in program_text("remediate.programs", "judged.sql")


def test_nothing_is_installed_to_find_out_who_holds_locks() -> None:
    text = program_text("remediate.programs", "holders.sql")
    assert "INSTALL" not in text.upper()
    assert "information_schema.plugins" in text.partition("EXECUTE IMMEDIATE")[0]
