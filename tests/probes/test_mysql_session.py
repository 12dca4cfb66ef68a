"""One session of a database server, and its program."""

import re
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.mysql_session import OneSession
from remediate.programs.database import CLIENT
from support.mysql_answers import CALM, FORGOTTEN, NO_SERVER
from support.stubs import stub

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
    asked = tmp_path / "asked"
    client = stub(
        tmp_path / "client",
        f'echo >>{asked}; [ "$(wc -l <{asked})" -gt {refusals} ] || '
        "{ echo 'ERROR 1040 (08004): Too many connections' >&2; exit 1; }\nfor a; do printf '<%s>' \"$a\"; done; cat",
    )
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
