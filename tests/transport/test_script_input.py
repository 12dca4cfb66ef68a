"""A program's standard input reaches it whole, and no other user sees it."""

import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.testing import PaperHost
from remediate.transport.acted import ActState
from remediate.transport.script import STDOUT_LIMIT, Act, Fence
from remediate.transport.session import Answers
from support.asking import Ask, output, survey


def tell(text: str, *argv: str, number: int = 0) -> Ask:
    """Have a program read something and say what it likes."""
    return Ask(run=Run.of(*(argv or ("cat",)), stdin=text, seconds=20), number=number)


def act(host: PaperHost, *steps: Run, fence: tuple[Fence, ...] = ()) -> ActState:
    rounds = host.session().begin((tell("x"),), Act(steps=steps, fence=fence), seconds=30)
    try:
        return rounds.acted().state
    finally:
        rounds.close()


def said(answers: Answers, probe: Probe[Fact]) -> str:
    answer = output(answers, probe)
    assert answer.exit == 0
    return answer.stdout


ODD = {
    "nothing": "",
    "a newline": "\n",
    "newlines at the end": "a\n\n\n",
    "quotes": 'it\'s "quoted" `id` $(id) $HOME ${X} \\ \\n \\0 %s %d %%',
    "an option": "-n -e -- x",
    "what ends a here-document": "EOF\nEND\n!\n",
    "other letters": "pässwörd ☃",
    "not even text": "caf\udce9 \udcff",
    "every byte": bytes(range(1, 256)).decode(errors="surrogateescape"),
    "the answer to a round": "again\ndone\n",
}


@pytest.mark.parametrize("name", ODD)
def test_it_arrives_as_it_is(host: PaperHost, name: str) -> None:
    probes = [tell(ODD[name], number=number) for number in range(3)]
    answers = survey(host, *probes)
    for probe in probes:
        # Standard output that is no UTF-8 is shown with backslashes.
        expected = ODD[name].encode(errors="surrogateescape").decode(errors="backslashreplace")
        assert said(answers, probe) == expected


def test_much_of_it_arrives_and_what_is_not_read_stops_nobody(host: PaperHost) -> None:
    much = "x y\n" * 50_000
    count, ignored, plain = tell(much, "wc", "-c"), tell(much, "true", number=1), tell("z", number=2)
    answers = survey(host, ignored, count, plain, tell(much, number=3))
    assert said(answers, count).strip() == str(len(much))
    assert said(answers, ignored) == ""
    assert said(answers, plain) == "z"
    cut = answers[tell(much, number=3)]
    assert isinstance(cut, Output)
    assert (len(cut.stdout), cut.cut) == (STDOUT_LIMIT, True)


def test_one_without_input_reads_nothing(host: PaperHost) -> None:
    host.script("reads", "cat; echo end")
    quiet = tell("", "reads")
    assert said(survey(host, quiet, tell("x")), quiet) == "end\n"


def test_nobody_sees_it_among_the_processes(host: PaperHost) -> None:
    canary = "c4n4ry-of-" + "the-processes"
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for what in ("cmdline", "environ"):
                    try:
                        text = (process / what).read_bytes()
                    except OSError:
                        continue
                    if canary.encode() in text:
                        seen.append(f"{process}/{what}: {text[:80]!r}")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        host.script("slow", "sleep 0.7; cat")
        # More than a pipe holds: whatever hands it over is there for as long as it takes.
        probe = tell(canary * 10_000, "slow")
        survey(host, probe, tell(canary, number=1))
    finally:
        over.set()
        thread.join()
    assert seen == []


def test_steps_and_fences_read_too(acting: PaperHost, tmp_path: Path) -> None:
    odd = ODD["quotes"]
    first, second = tmp_path / "first", tmp_path / "second"
    acting.script("keep", 'cat > "$1"')
    steps = (
        Run.of("keep", str(first), stdin=odd),
        Run.of("true", stdin="x" * 200_000),
        Run.of("keep", str(second), stdin="b"),
    )
    fence = Fence(run=Run.of("cat", stdin=odd), stdout=odd)
    assert act(acting, *steps, fence=(fence,)) is ActState.ACTED
    assert (first.read_text(), second.read_text()) == (odd, "b")


def test_a_fence_that_reads_something_else_moves(acting: PaperHost, tmp_path: Path) -> None:
    acting.script("keep", 'cat > "$1"')
    fence = Fence(run=Run.of("cat", stdin="other"), stdout="one")
    step = Run.of("keep", str(tmp_path / "kept"), stdin="a")
    assert act(acting, step, fence=(fence,)) is ActState.MOVED
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("now", "code", "expected"),
    [
        ("a  pid 7, uptime 2:13:59\nb  STOPPED", 3, ActState.ACTED),
        ("a  pid 8, uptime 0:00:07\nb  STOPPED", 3, ActState.MOVED),
        ("a  pid 7, uptime 2:13:59\nb  FATAL", 3, ActState.MOVED),
        ("a  pid 7, uptime 2:13:59\nb  STOPPED", 0, ActState.MOVED),
        ("a  pid 7, uptime 2:13:59", 3, ActState.MOVED),
    ],
)
def test_what_only_time_changes_moves_no_fence(acting: PaperHost, now: str, code: int, expected: ActState) -> None:
    acting.program("look", stdout=f"{now}\n", exit_status=code)
    seen = "a  pid 7, uptime 0:00:07\nb  STOPPED\n"
    fence = Fence(run=Run.of("look"), stdout=seen, exit=3, volatile=", uptime .*")
    assert act(acting, Run.of("true"), fence=(fence,)) is expected
    assert fence.held(f"{now}\n", code) is (expected is ActState.ACTED)


@pytest.mark.parametrize("volatile", ["a/b", "(x)", "a+", "*a", "a**", "[0-9]", "a\\b", "x$", "'"])
def test_what_sed_and_python_read_differently_is_refused(volatile: str) -> None:
    with pytest.raises(ValidationError):
        Fence(run=Run.of("look"), stdout="", volatile=volatile)


def test_a_step_that_fails_ends_them_also_when_it_reads(acting: PaperHost, tmp_path: Path) -> None:
    acting.script("keep", 'cat > "$1"')
    acting.script("fails", "cat >/dev/null; exit 3")
    steps = (Run.of("fails", stdin="a"), Run.of("keep", str(tmp_path / "kept"), stdin="b"))
    assert act(acting, *steps) is ActState.ACTED
    assert not (tmp_path / "kept").exists()
