"""A staging host's answers about its database server, its disk and its PHP."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output, Run
from remediate.core.host import DatabaseLimits
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.laravel import Compared, Credentials, DatabaseTrouble
from remediate.probes.mysql import FirstQuery, LongestIdle, Sessions, SessionsState
from remediate.probes.mysql_data import DataDirectory
from remediate.probes.mysql_session import OneSession
from remediate.programs.database import ACCOUNT, CLIENT, end_idle, end_queries, first_query, list_sessions, longest_idle
from support import examples as ex

SESSIONS, DATA = Sessions(), DataDirectory()
CREDENTIALS = Credentials(php="php8.2", path="/home/forge/agency-platform", user="forge")
CALM = '{"limit": 151, "full": false, "tight": false, "waiting": false}\n'
FORGOTTEN = """{"limit": 151, "full": false, "tight": false, "waiting": true}
{"id": 80, "query": 249, "user": "agency", "database": "agency", "command": "Sleep", "started": 1795444322, \
"blocks": true, "beyond": true, "transaction": true, "modified": true, "reads": false, "statement": ""}
{"id": 81, "query": 250, "user": "agency", "database": "agency", "command": "Query", "started": 1795444317, \
"blocks": false, "beyond": true, "transaction": false, "modified": false, "reads": true, \
"statement": "select sleep(?), `id1`, ?, `we'ird`, ?"}
"""
FULL = """{"limit": 10, "full": true, "tight": true, "waiting": false}
{"user": "agency", "idle": 1, "count": 10}
{"id": 54, "query": 0, "user": "agency", "database": "agency", "command": "Sleep", "started": 1795444151, \
"blocks": false, "beyond": 1, "transaction": false, "modified": false, "reads": false, "statement": ""}
"""
NO_SERVER = "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)\n"


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


# -- the disk ----------------------------------------------------------------------------------------------------------

DF = """rw,relatime,lowerdir=/var/lib/ro:/x,uuid=on
--
Filesystem     1024-blocks     Used Available Capacity Mounted on
overlay          264212084 24789164  81601748      24% /
--
Filesystem       Inodes  IUsed    IFree IUse% Mounted on
overlay        16777216 473953 16303263    3% /
"""


def test_a_disk_with_room() -> None:
    room = DATA.read(Output(stdout=DF))
    assert (room.writable, room.percent, room.inodes, room.ok, room.describe()) == (True, 24, 3, True, "24 % full")


@pytest.mark.parametrize(
    ("text", "ok", "said"),
    [
        (DF.replace("rw,", "ro,"), False, "mounted read-only"),
        (DF.replace("24% /", "100% /"), False, "100 % full"),
        (DF.replace("3% /", "100% /"), False, "24 % full, inodes 100 %"),
        (DF.replace("3% /", "- /"), True, "24 % full"),
    ],
)
def test_a_disk_without(text: str, ok: bool, said: str) -> None:
    room = DATA.read(Output(stdout=text))
    assert (room.ok, room.describe()) == (ok, said)


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="df: /var/lib/mysql: Datei oder Verzeichnis nicht gefunden\n"),
        Output(stdout=DF[:60]),
        Output(stdout="rw\n--\n--\n"),
        Output(stdout="rw\n--\nx\n--\ny\n"),
        Output(stdout=DF.replace("24%", "viel%")),
        Output(),
    ],
)
def test_a_disk_that_nobody_can_tell_of(output: Output) -> None:
    with pytest.raises(Unreadable):
        DATA.read(output)


# -- what .env says ----------------------------------------------------------------------------------------------------

SAID = (
    '\nremediate:{"env":"sound","keys":{"host":"same","port":"same","database":"same","username":"same",'
    '"password":"differs","url":"unset"},"driver":"mysql","host":"127.0.0.1","database":"agency","username":"agency",'
    '"state":"failed","code":1045}\n'
)


def test_credentials_are_compared_and_tried_and_never_shown() -> None:
    state = CREDENTIALS.read(Output(stdout=SAID))
    assert (state.ok, state.works, state.differ) == (False, False, ("password",))
    assert state.answer is not None
    assert (state.answer.trouble, state.answer.user) == (DatabaseTrouble.DENIED, "agency")
    assert state.describe() == ("access denied (host same, port same, database same, username same, password differs)")
    with_url = CREDENTIALS.read(Output(stdout=SAID.replace('"url":"unset"', '"url":"differs"')))
    assert dict(with_url.settings)["url"] is Compared.DIFFERS
    assert "url differs" in with_url.describe()


@pytest.mark.parametrize("env", ["broken", "missing"])
def test_an_env_that_gives_nothing(env: str) -> None:
    state = CREDENTIALS.read(Output(stdout=f'remediate:{{"env":"{env}"}}\n'))
    assert (state.answer, state.works, state.ok, state.describe()) == (None, False, False, f".env is {env}")


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "remediate:null",
        'remediate:{"env":"odd"}',
        'remediate:{"env":"sound"}',
        'remediate:{"env":"sound","keys":{"host":"hunter2"},"state":"ok"}',
        'remediate:{"env":"sound","keys":{},"state":"odd"}',
        'remediate:{"env":"sound","keys":[],"state":"ok"}',
        SAID[:-12],
    ],
)
def test_credentials_that_were_not_told_are_unknown(stdout: str) -> None:
    with pytest.raises(Unreadable) as why:
        CREDENTIALS.read(Output(stdout=stdout, stderr="PHP Fatal error: x\n", exit=255))
    assert "hunter2" not in str(why.value)


def test_the_answers_above_are_documents() -> None:
    for text in (CALM, FORGOTTEN, FULL):
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


# -- one session -------------------------------------------------------------------------------------------------------

ONE = OneSession(id=80, user="agency", started=1795444322, application="agency")


def test_one_session_is_there_or_being_ended_or_gone() -> None:
    there = ONE.read(Output(stdout=FORGOTTEN.splitlines()[1] + "\n"))
    assert there.session is not None
    assert (there.session.id, there.ok, there.describe()) == (
        80,
        False,
        "80 (agency@agency), idle in a transaction since 14:32:02Z",
    )
    ending = ONE.read(Output(stdout='{"ending": 1}\n'))
    assert (ending.session, ending.ok, ending.describe()) == (None, False, "being ended: what it has changed is undone")
    gone = ONE.read(Output(stdout="\n"))
    assert (gone.session, gone.ok, gone.describe()) == (None, True, "gone")


@pytest.mark.parametrize(
    "output",
    [
        Output(stderr=NO_SERVER, exit=1),
        Output(stderr="a session is an id, a user and a second\n", exit=64),
        Output(stdout='{"ending": 0}\n'),
        Output(stdout="null\n"),
        Output(stdout=CALM),
        Output(stdout="".join(f"{line}\n" for line in FORGOTTEN.splitlines()[1:])),
    ],
)
def test_another_answer_about_one_session_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        ONE.read(output)


def session_program(tmp_path: Path, said: str, refusals: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the program about one session with a client that says what it was given, and turns away at first."""
    client, asked = tmp_path / "client", tmp_path / "asked"
    client.write_text(
        f'#!/bin/sh\necho >>{asked}; [ "$(wc -l <{asked})" -gt {refusals} ] || '
        "{ echo 'ERROR 1040 (08004): Too many connections' >&2; exit 1; }\nfor a; do printf '<%s>' \"$a\"; done; cat\n"
    )
    client.chmod(0o755)
    text = program_text("remediate.programs", "session.sh").replace(CLIENT, str(client))
    return subprocess.run(
        ("/bin/sh", "-c", text, "sh", "SELECT 1", "--init-command=SET @idle = 1"),
        input=said,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_what_names_a_session_can_only_be_values(tmp_path: Path) -> None:
    done = session_program(tmp_path, "80 agency 1795444322\n\\! id\n", refusals=2)
    assert (done.returncode, done.stderr) == (0, "")
    assert "<--init-command=SET @idle = 1, @id = 80, @user = 'agency', @started = 1795444322>" in done.stdout
    assert done.stdout.endswith("<--execute><SELECT 1>\n")


@pytest.mark.parametrize(
    "said",
    [
        *("", "\n", "80\n", "80 agency\n", "80 agency 1 2\n", "80;x agency 1\n", "-1 agency 1\n", "80 agency 1;x\n"),
        *("80 a'b 1\n", "80 a:b: 1\n", "80 a\\b 1\n", "8:0 agency 1\n", "80 a%b 1\n", "80 é 1\n", "80 $(id) 1\n"),
    ],
)
def test_what_names_no_session_reaches_no_server(tmp_path: Path, said: str) -> None:
    done = session_program(tmp_path, said)
    assert (done.returncode, done.stdout) == (64, "")
    assert not (tmp_path / "asked").exists()


def test_what_ends_one_session_looks_at_everything_again() -> None:
    text = program_text("remediate.programs", "end_session.sql")
    assert re.findall(r"\b(KILL|DROP|DELETE|UPDATE|ALTER|GRANT|CREATE|INSERT|FLUSH)\b", text) == ["KILL"]
    for word in ("id = @id", "user = @user", "@started", "user NOT REGEXP @protected"):
        assert word in text
    assert program_text("remediate.programs", "judged.sql") in text
    look = program_text("remediate.programs", "look_session.sql")
    assert not re.search(r"\b(KILL|DROP|DELETE|UPDATE|ALTER|GRANT|CREATE|INSERT|FLUSH)\b", look)


def test_a_server_with_connections_left_is_no_error_of_arithmetic() -> None:
    # BIGINT UNSIGNED value is out of range in 'count(0) - @@max_connections'
    assert "COUNT(*) -" not in program_text("remediate.programs", "judged.sql")


def test_nothing_is_installed_to_find_out_who_holds_locks() -> None:
    text = program_text("remediate.programs", "holders.sql")
    assert "INSTALL" not in text.upper()
    assert "information_schema.plugins" in text.partition("EXECUTE IMMEDIATE")[0]
