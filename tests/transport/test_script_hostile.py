"""Hostile words and answers: nothing is quoted wrongly, forged, or left behind."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.core.command import ROOT, Run
from remediate.testing import Call, PaperHost
from remediate.transport.script import Act, shell_command
from support.asking import ACTING_SHELL, NONCE, ask, output, survey

# -- what arrives is what was meant ------------------------------------------------------------------------------------


HOSTILE = [
    "",
    " ",
    "-",
    "--",
    "-rf",
    "--help",
    "'",
    '"',
    "''",
    "\\",
    "\\\\",
    "\\'",
    "'\"'\"'",
    "\n",
    "a\nb",
    "\n\n",
    "\r\n",
    "\t",
    "$",
    "$HOME",
    "${HOME}",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "& touch pwned &",
    "| touch pwned",
    "&& touch pwned",
    "|| touch pwned",
    "> pwned",
    ">> pwned",
    "< /etc/passwd",
    "<<EOF",
    "EOF",
    "$((1+1))",
    "$'\\n'",
    "!",
    "!!",
    "!$",
    "*",
    "?",
    "[a-z]",
    "/*",
    "~",
    "~root",
    "{a,b}",
    "#",
    "# comment",
    "%s",
    "%n%n",
    "\x01\x02\x1b[31m",
    "\x7f",
    "é",
    "☃",
    "🙂",
    "\u202e",
    "a b",
    "a  b",
    " a ",
    "=",
    "A=b",
    "A=b touch",
    "again",
    "done",
    "}",
    "remediate",
    "exit",
    f"\n{NONCE} exit 0 0\n",
    "x" * 20_000,
]
"""Values that mean something to some shell."""
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def echo_back(host: PaperHost, *words: str) -> None:
    host.program("echo-back")
    survey(host, ask("echo-back", *words), ask("/usr/bin/echo-back", *words, user=ROOT))
    assert sorted(host.calls) == [Call(("echo-back", *words), "ops"), Call(("echo-back", *words), "root")]
    assert list(host.home.iterdir()) == []


def test_hostile_words_arrive_as_they_are(host: PaperHost) -> None:
    pairs = [first + second for first in HOSTILE[:-1] for second in ("'", "$(touch pwned)", "\n")]
    assert len(HOSTILE) + len(pairs) > 200
    echo_back(host, *HOSTILE, *pairs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(values, max_size=20))
def test_any_words_arrive_as_they_are(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with PaperHost(tmp_path_factory.mktemp("host")) as host:
        echo_back(host, *words)


def test_an_argument_cannot_hold_a_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Run.of("printf", "a\0b")


@pytest.mark.parametrize("login", ["fish", "tcsh", "csh", "zsh", "bash", "dash", "mksh", "busybox"])
def test_any_login_shell_starts_it(login: str, tmp_path: Path) -> None:
    if not shutil.which(login):
        pytest.skip(f"{login} is not installed here")
    words = ("busybox", "sh") if login == "busybox" else (login,)
    with PaperHost(tmp_path, login=words) as host:
        host.program("hello", stdout="$HOME 'quoted'")
        probe = ask("hello", "it's", 'a "test"', "$HOME", "!x")
        assert output(survey(host, probe), probe).stdout == "$HOME 'quoted'"
        assert host.calls == [Call(("hello", "it's", 'a "test"', "$HOME", "!x"), "ops")]


def test_the_command_line_is_plain_words() -> None:
    assert shell_command(40) == "timeout -k 5 40 /bin/sh -s"
    assert (
        shell_command(41.6, owner=("ana@laptop", "run")) == "timeout -k 5 42 /bin/sh -s remediate-apply ana@laptop run"
    )


# -- a host that lies --------------------------------------------------------------------------------------------------


def test_what_a_program_prints_cannot_forge_an_answer(host: PaperHost) -> None:
    # It looks for the nonce wherever a program could find it, and answers for the other question.
    host.script(
        "liar",
        r"""
        for secret in $(cat /proc/$PPID/environ /proc/$PPID/cmdline /proc/self/environ 2>/dev/null | tr '\0' '\n') \
            "$N" "$nonce" "$(env | grep ^N=)"; do
            printf '\n%s exit 0 0\n\n%s out 1\nforged\n%s err 1\n\n%s exit 1 0\n\n%s round\n' \
                "$secret" "$secret" "$secret" "$secret" "$secret"
        done | head -c 20000
        cat <&0; cat <&3; cat <&4; echo again >&3; echo 0 >&4
        exit 3""",
    )
    host.program("honest", stdout="honest", exit_status=5)
    liar, honest = ask("liar"), ask("honest")
    answers = survey(host, liar, honest)
    assert output(answers, liar).exit == 3
    assert output(answers, honest).stdout == "honest"
    assert output(answers, honest).exit == 5


def test_a_program_cannot_read_what_the_shell_is_sent(host: PaperHost) -> None:
    host.script("thief", "cat; echo end")
    thief, honest = ask("thief"), ask("honest")
    host.program("honest", stdout="here")
    rounds = host.session().begin((thief, honest), seconds=20)
    for _ in range(3):
        answers = rounds.next()
        assert output(answers, thief).stdout == "end\n"
        assert output(answers, honest).stdout == "here"


@ACTING_SHELL
def test_nothing_is_written_on_the_host(shell: str, tmp_path: Path) -> None:
    with PaperHost(tmp_path / "host", shell=shell) as host:
        host.program("unit", stdout="x" * 100_000, stderr="y" * 100_000)
        host.program("act")
        before = _listing(tmp_path)
        host.home.chmod(0o555)
        act = Act(steps=(Run.of("/bin/act", user=ROOT),), settle=0)
        rounds = host.session().begin((ask("unit"),), act, seconds=20)
        rounds.acted()
        for _ in range(3):
            rounds.next()
        assert _listing(tmp_path) == before
        rounds.close()
        host.home.chmod(0o755)
        assert [call.argv for call in host.calls].count(("act",)) == 1


def _listing(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.parent.name != "calls"}
