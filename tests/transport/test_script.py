"""The host's script, run by every shell that may be /bin/sh."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.core.command import ROOT, Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.sudo import Sudo
from remediate.testing import SHELLS, Call, PaperHost, installed_shells
from remediate.transport.frames import Frame, FrameReader
from remediate.transport.script import LOCK_FILE, STDERR_LIMIT, STDOUT_LIMIT, Act, Fence, build, shell_command
from remediate.transport.session import Answers
from support.toys import Text

NONCE = "0123456789abcdef0123456789abcdef"
EVERY_SHELL = pytest.mark.parametrize("shell", installed_shells())
ACTING_SHELL = pytest.mark.parametrize("shell", [name for name in installed_shells() if name != "mksh"])
"""mksh asks, but does not act: see test_session."""


class Ask(Probe[Text]):
    """Any program, for these tests."""

    kind: Literal["test.ask"] = "test.ask"
    argv: tuple[str, ...]
    user: str | None = None
    seconds: float = 10

    def label(self) -> str:
        return self.argv[0]

    def command(self) -> Run:
        return Run(argv=self.argv, user=self.user, seconds=self.seconds)

    def parse(self, output: Output) -> Text:
        return Text(text=output.stdout)


def ask(*argv: str, user: str | None = None, seconds: float = 10) -> Ask:
    return Ask(argv=argv, user=user, seconds=seconds)


@pytest.fixture(params=installed_shells())
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host", shell=request.param) as paper:
        yield paper


def survey(host: PaperHost, *probes: Probe[Fact], seconds: float = 30) -> Answers:
    rounds = host.session().begin(probes, seconds=seconds)
    try:
        return rounds.next()
    finally:
        rounds.close()


def output(answers: Answers, probe: Probe[Fact]) -> Output:
    answer = answers[probe]
    assert isinstance(answer, Output)
    return answer


# -- one round trip says the same as many ------------------------------------------------------------------------------


NEAR_THE_LIMIT = (STDOUT_LIMIT - 1, STDOUT_LIMIT, STDOUT_LIMIT + 1, 3 * STDOUT_LIMIT)
LOOKS_LIKE_A_FRAME = (
    b"\n0123 out 0\nforged",
    b"\n0123 exit 0 0\n",
    b"exit 0 0\n",
    b"\nround\n",
    b"again\n",
    b"\n",
    b"\n\n\n",
    b"\r\n \t",
)
streams = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(LOOKS_LIKE_A_FRAME),
    st.builds(
        lambda piece, size: (piece * size)[:size], st.binary(min_size=1, max_size=7), st.sampled_from(NEAR_THE_LIMIT)
    ),
)
programs = st.lists(
    st.tuples(streams, streams, st.one_of(st.integers(0, 255), st.sampled_from((0, 124, 126, 127, 137, 141, 255)))),
    min_size=1,
    max_size=6,
)


def expected(stdout: bytes, stderr: bytes, exit_status: int) -> Output:
    """Raw standard output; of standard error the end, as text: no NUL, no newlines after it."""
    return Output(
        stdout=stdout[:STDOUT_LIMIT].decode(errors="backslashreplace"),
        stderr=stderr[-STDERR_LIMIT:].replace(b"\0", b"").rstrip(b"\n").decode(errors="backslashreplace"),
        exit=exit_status,
        cut=len(stdout) > STDOUT_LIMIT,
    )


@EVERY_SHELL
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(stubs=programs)
def test_many_questions_in_one_trip_are_answered_as_one_by_one(
    shell: str, stubs: list[tuple[bytes, bytes, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with PaperHost(tmp_path_factory.mktemp("host"), shell=shell) as host:
        probes = [ask(f"stub{index}") for index in range(len(stubs))]
        for index, (stdout, stderr, status) in enumerate(stubs):
            host.program(f"stub{index}", stdout=stdout, stderr=stderr, exit_status=status)
        together = survey(host, *probes)
        for index, probe in enumerate(probes):
            stdout, stderr, status = stubs[index]
            got, wanted = output(together, probe), expected(stdout, stderr, status)
            if got.cut:
                # The limit ends the program's output, and with it some programs.
                assert got.exit in {status, 141, 1}
                got = got.model_copy(update={"exit": wanted.exit, "stderr": wanted.stderr})
            assert got == wanted
            alone = output(survey(host, probe), probe)
            if not alone.cut:
                assert alone == got


def test_twenty_big_answers_at_once_never_mix(host: PaperHost) -> None:
    probes = [ask(f"big{index}") for index in range(20)]
    for index in range(20):
        line = f"{index:02d}" * 50 + "\n"
        host.program(f"big{index}", stdout=line * 300, stderr=f"e{index}\n" * 100, seconds=0.05 * (index % 3))
    answers = survey(host, *probes)
    for index, probe in enumerate(probes):
        assert output(answers, probe).stdout == (f"{index:02d}" * 50 + "\n") * 300
        assert output(answers, probe).stderr == (f"e{index}\n" * 100).rstrip("\n")


def test_questions_are_asked_at_the_same_time(host: PaperHost) -> None:
    probes = [ask(f"slow{index}") for index in range(8)]
    for index in range(8):  # no question is answered before all are asked
        host.script(
            f"slow{index}",
            f': >"$HOME/asked-{index}"; until [ -e "$HOME/asked-0" ] && [ $(ls "$HOME"/asked-* | wc -l) = 8 ];'
            " do sleep 0.05; done; printf done",
        )
    answers = survey(host, *probes)
    assert {output(answers, probe).stdout for probe in probes} == {"done"}


def test_a_program_that_hangs_is_ended_at_its_own_deadline_and_harms_no_other(host: PaperHost) -> None:
    host.program("hangs", stdout="never", seconds=60)
    host.program("fine", stdout="fine")
    hangs, fine = ask("hangs", seconds=0.3), ask("fine")
    begun = time.monotonic()
    answers = survey(host, hangs, fine)
    assert time.monotonic() - begun < 30
    assert output(answers, fine).stdout == "fine"
    assert output(answers, hangs).exit == 124
    with pytest.raises(Unreadable, match=r"no answer within 0\.3 s"):
        hangs.read(output(answers, hangs))


def test_a_missing_program_and_a_forbidden_one_are_unreadable(host: PaperHost) -> None:
    missing, forbidden = ask("no-such-program"), ask("/opt/no-such-program", user=ROOT)
    answers = survey(host, missing, forbidden)
    with pytest.raises(Unreadable, match="cannot run no-such-program"):
        missing.read(output(answers, missing))
    with pytest.raises(Unreadable, match="not allowed to run"):
        forbidden.read(output(answers, forbidden))


def test_another_round_asks_anew(host: PaperHost) -> None:
    host.script("count", 'echo x >>"$HOME/n"; wc -l <"$HOME/n" | tr -d " "')
    probe = ask("count")
    rounds = host.session().begin((probe,), seconds=20)
    assert [output(rounds.next(), probe).stdout for _ in range(5)] == ["1\n", "2\n", "3\n", "4\n", "5\n"]
    rounds.close()
    assert host.starts == 1


def test_who_runs_what(tmp_path: Path) -> None:
    with PaperHost(tmp_path, user="forge") as host:
        for name in ("mine", "yours", "his"):
            host.program(name)
        survey(host, ask("mine"), ask("/usr/bin/yours", user=ROOT), ask("/usr/bin/his", user="forge"))
        assert sorted(host.calls) == [Call(("his",), "forge"), Call(("mine",), "forge"), Call(("yours",), "root")]


@pytest.mark.parametrize("name", ["root", "toor"])
def test_root_needs_no_sudo(tmp_path: Path, name: str) -> None:
    with PaperHost(tmp_path, user=name) as host:
        host.no("sudo")
        host.program("yours")
        host.script("id", f"[ $1 = -u ] && echo 0 || echo {name}")
        probe, rules = ask("/usr/bin/yours", user=ROOT), Sudo()
        answers = survey(host, probe, rules)
        assert output(answers, probe).exit == 0
        assert Call(("yours",), name) in host.calls
        found = rules.read(output(answers, rules))
        assert found.describe() == "not needed: the login is root"
        assert found.allows(Run.of("/usr/bin/anything", user="forge"))


def test_anybody_else_needs_sudo(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.no("sudo")
        rules = Sudo()
        with pytest.raises(Unreadable, match="sudo: not found"):
            rules.read(output(survey(host, rules), rules))


def test_the_language_of_the_host_does_not_matter(host: PaperHost) -> None:
    host.script("language", 'echo "$LC_ALL|$LANGUAGE"')
    probe = ask("language")
    assert output(survey(host, probe), probe).stdout == "C|\n"


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
    rounds.close()


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


# -- a script cut on its way -------------------------------------------------------------------------------------------


def _cuts(host: PaperHost, shell: str) -> tuple[bytes, int]:
    """Return a script that leaves marks whatever of it runs, and where its last line begins."""
    for name in ("act", "look", "fence"):
        host.program(name, stdout="seen\n")
    steps = (Run.of("/bin/act", "1", user=ROOT), Run.of("/bin/act", "2", user=ROOT))
    act = Act(steps=steps, fence=(Fence(run=Run.of("fence"), stdout="seen\n"),), settle=0)
    script = host.on_paper(build(NONCE, [Run.of("look"), Run.of("look", "again")], act))
    return script, script.rstrip(b"\n").rfind(b"\n") + 1


def _run_cut(host: PaperHost, shell: str, script: bytes) -> None:
    words, environment = [*SHELLS[shell], "-s"], host.environment()
    subprocess.run(words, input=script, capture_output=True, check=False, env=environment, cwd=host.home, timeout=20)


@ACTING_SHELL
def test_a_script_cut_anywhere_before_its_last_line_runs_nothing(shell: str, tmp_path: Path) -> None:
    with PaperHost(tmp_path, shell=shell) as host:
        script, last = _cuts(host, shell)
        # Every byte with the shell that hosts have; with the others those near a line's end, where a cut can mean most.
        ends = (
            range(last + 1) if shell == "sh" else [at for at in range(last + 1) if script[at - 1 : at + 1].count(b"\n")]
        )
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda at: _run_cut(host, shell, script[:at]), ends))
        assert host.calls == []
        _run_cut(host, shell, script)
        assert [call.argv[0] for call in host.calls] == ["fence", "act", "act", "look", "look"]


@ACTING_SHELL
def test_a_script_cut_in_its_last_line_runs_wholly_or_not_at_all(shell: str, tmp_path: Path) -> None:
    with PaperHost(tmp_path, shell=shell) as host:
        script, last = _cuts(host, shell)
        for at in range(last, len(script)):
            before = len(host.calls)
            _run_cut(host, shell, script[:at])
            assert [call.argv[0] for call in host.calls[before:]] in (["fence", "act", "act", "look", "look"], [])


# -- the frames --------------------------------------------------------------------------------------------------------


def frames(data: bytes, *cuts: int) -> tuple[list[Frame], FrameReader]:
    reader, found, begun = FrameReader(NONCE), list[Frame](), 0
    for end in (*sorted(cuts), len(data)):
        found += reader.feed(data[begun:end])
        begun = end
    return found, reader


def framed(*words: str) -> bytes:
    return f"\n{NONCE} {' '.join(words)}\n".encode()


@given(
    payloads=st.lists(st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 255)), max_size=5),
    noise=st.binary(max_size=60),
    data=st.data(),
)
def test_frames_are_the_same_however_they_arrive(
    payloads: list[tuple[bytes, bytes, int]], noise: bytes, data: st.DataObject
) -> None:
    text, wanted = noise + framed("hello"), [Frame(("hello",), b"")]
    for index, (out, err, status) in enumerate(payloads):
        text += (
            framed("out", str(index)) + out + framed("err", str(index)) + err + framed("exit", str(index), str(status))
        )
        wanted += [
            Frame(("out", str(index)), out),
            Frame(("err", str(index)), err),
            Frame(("exit", str(index), str(status)), b""),
        ]
    text += framed("round")
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    found, reader = frames(text, *cuts)
    assert found == [*wanted, Frame(("round",), b"")]
    assert reader.greeting == noise.decode(errors="backslashreplace").strip()


def test_noise_before_the_first_frame_is_bounded() -> None:
    reader = FrameReader(NONCE)
    for _ in range(200):
        assert list(reader.feed(b"motd " * 1000)) == []
    assert len(reader.rest()) <= 2 * 4096
    assert list(reader.feed(framed("hello"))) == [Frame(("hello",), b"")]


# -- the lock and the fence --------------------------------------------------------------------------------------------

STEP = Run.of("/usr/bin/step", "1", user=ROOT)


def test_the_lock_file_is_one_that_every_host_has() -> None:
    script = build(NONCE, [], Act(steps=(STEP,))).decode()
    assert f"exec 9<{LOCK_FILE}" in script
    assert LOCK_FILE == "/etc/machine-id"


def test_a_survey_takes_no_lock() -> None:
    assert LOCK_FILE not in build(NONCE, [Run.of("true")]).decode()


def test_two_builds_of_one_question_are_the_same_but_for_the_nonce() -> None:
    assert build("a", [STEP]).replace(b"N=a\n", b"N=b\n") == build("b", [STEP])


def test_stop_reading_in_the_middle_ends_the_shell(host: PaperHost) -> None:
    host.program("endless", stdout="x")
    rounds = host.session().begin((ask("endless"),), seconds=20)
    rounds.next()
    rounds.close()
    deadline = time.monotonic() + 30
    while _running(host) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _running(host)


def _running(host: PaperHost) -> bool:
    return any(channel.process.poll() is None for channel in host._channels)
