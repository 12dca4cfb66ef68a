"""A session over a real shell: locked, fenced, acted once, unknown where unknown."""

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Literal

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.probe import Probe
from remediate.core.vantage import Vantage
from remediate.engine.lock import LockedByOthers, lock_refusal
from remediate.errors import ContactLost, Unreachable, UnreachableCode
from remediate.probes.http import Site
from remediate.testing import Call, PaperHost, installed_shells
from remediate.transport.link import Channel, Link, LinkLost
from remediate.transport.script import Act, Fence, build
from remediate.transport.session import Acted, ActState, Rounds, Session, ShellRounds, ShellSession
from support.toys import Text

STEP = Run.of("/usr/bin/step", "1", user=ROOT)
SECOND = Run.of("/usr/bin/step", "2", user=ROOT)


class State(Probe[Text]):
    """What the file `state` in the host's home says."""

    kind: Literal["test.state"] = "test.state"

    def label(self) -> str:
        return "state"

    def command(self) -> Run:
        return Run.of("state", seconds=5)

    def parse(self, output: Output) -> Text:
        return Text(text=output.stdout)


STATE = State()


def paper_host(directory: Path, shell: str) -> PaperHost:
    paper = PaperHost(directory, shell=shell)
    (paper.home / "state").write_text("down\n")
    paper.script("state", 'cat "$HOME/state"')
    paper.script("step", 'echo "begin $1" >>"$HOME/log"; echo up >"$HOME/state"; echo "end $1" >>"$HOME/log"')
    return paper


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PaperHost]:
    with paper_host(tmp_path / "host", "sh") as paper:
        yield paper


@pytest.fixture(params=[name for name in installed_shells() if name != "mksh"])
def any_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with paper_host(tmp_path / "host", request.param) as paper:
        yield paper


def begin(host: PaperHost, act: Act | None = None, *, owner: tuple[str, ...] = (), seconds: float = 30) -> ShellRounds:
    return host.session().begin((STATE,), act, seconds=seconds, owner=owner)


def act(*steps: Run, fence: str | None = "down\n", wait: float = 0, settle: float = 0) -> Act:
    fences = () if fence is None else (Fence(run=STATE.command(), stdout=fence),)
    return Act(steps=steps or (STEP,), fence=fences, wait=wait, settle=settle)


def state(rounds: Rounds) -> str:
    answer = rounds.next()[STATE]
    assert isinstance(answer, Output)
    return answer.stdout


def steps_run(host: PaperHost) -> list[str]:
    return [call.argv[1] for call in host.calls if call.argv[0] == "step"]


def lock_is_free(host: PaperHost) -> bool:
    rounds = begin(host, act(Run.of("/usr/bin/nothing", user=ROOT), fence=None))
    try:
        return rounds.acted().state is ActState.ACTED
    finally:
        rounds.close()


def until(what: str, seconds: float = 30) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    pytest.fail(f"{what}: not within {seconds} s")


def test_the_paper_host_keeps_the_protocols(host: PaperHost) -> None:
    assert isinstance(host, Link)
    channel = host.start("true", seconds=5)
    assert isinstance(channel, Channel)
    session: Session = host.session()
    session.close()


# -- acting ------------------------------------------------------------------------------------------------------------


def test_an_act_runs_once_and_the_survey_sees_its_effect(any_host: PaperHost) -> None:
    rounds = begin(any_host, act(STEP, SECOND))
    acted = rounds.acted()
    assert acted.state is ActState.ACTED
    assert [result.run for result in acted.commands] == [STEP, SECOND]
    assert [result.output.exit for result in acted.commands] == [0, 0]
    assert state(rounds) == "up\n"
    assert state(rounds) == "up\n"
    rounds.close()
    assert steps_run(any_host) == ["1", "2"]
    assert any_host.starts == 1


def test_steps_run_as_the_user_they_name(host: PaperHost) -> None:
    host.program("artisan")
    rounds = begin(host, act(Run.of("/usr/bin/artisan", "up", user="forge"), STEP))
    rounds.acted()
    rounds.close()
    assert [call for call in host.calls if call.argv[0] != "state"] == [
        Call(("artisan", "up"), "forge"),
        Call(("step", "1"), "root"),
    ]


def test_the_first_step_that_fails_is_the_last(any_host: PaperHost) -> None:
    any_host.script("step", 'echo "no such unit" >&2; exit 5')
    rounds = begin(any_host, act(STEP, SECOND))
    (failed,) = rounds.acted().commands
    assert (failed.output.exit, failed.output.stderr) == (5, "no such unit")
    assert state(rounds) == "down\n"
    rounds.close()
    assert steps_run(any_host) == ["1"]


def test_a_step_is_ended_at_its_deadline(any_host: PaperHost) -> None:
    any_host.program("step", seconds=60)
    rounds = begin(any_host, act(STEP.model_copy(update={"seconds": 0.3}), SECOND))
    begun = time.monotonic()
    (hung,) = rounds.acted().commands
    assert time.monotonic() - begun < 30
    assert hung.output.exit == 124
    assert hung.seconds >= 0.2
    rounds.close()


def test_a_moved_fence_lets_nothing_run(any_host: PaperHost) -> None:
    (any_host.home / "state").write_text("down again\n")
    rounds = begin(any_host, act())
    assert rounds.acted() == Acted(state=ActState.MOVED)
    rounds.close()
    assert steps_run(any_host) == []
    assert lock_is_free(any_host)


@pytest.mark.parametrize("text", ["it's", "a\nb\n\nc", '$HOME `id` \\n "q"', "*", "  spaces  ", "-n", "!", "ü☃"])
def test_a_fence_is_compared_byte_for_byte(any_host: PaperHost, text: str) -> None:
    (any_host.home / "state").write_text(f"{text}\n")
    rounds = begin(any_host, act(fence=f"{text}\n"))
    assert rounds.acted().state is ActState.ACTED
    rounds.close()
    (any_host.home / "state").write_text(f"{text}x\n")
    rounds = begin(any_host, act(fence=f"{text}\n", wait=10))
    assert rounds.acted().state is ActState.MOVED
    rounds.close()


def test_every_fence_must_hold(host: PaperHost) -> None:
    held, moved = Fence(run=STATE.command(), stdout="down\n"), Fence(run=STATE.command(), stdout="other\n")
    rounds = begin(host, Act(steps=(STEP,), fence=(held, moved), settle=0))
    assert rounds.acted().state is ActState.MOVED
    rounds.close()
    assert steps_run(host) == []


def test_without_flock_nothing_runs(any_host: PaperHost, tmp_path: Path) -> None:
    any_host.lock.unlink()
    rounds = begin(any_host, act())
    assert rounds.acted() == Acted(state=ActState.NO_LOCK)
    rounds.close()
    assert steps_run(any_host) == []


@pytest.mark.skipif("mksh" not in installed_shells(), reason="mksh is not installed here")
def test_an_act_runs_in_mksh(tmp_path: Path) -> None:
    with paper_host(tmp_path, "mksh") as host:
        rounds = begin(host, act())
        acted = rounds.acted()
        rounds.close()
        assert acted.state is ActState.ACTED


# -- the lock ----------------------------------------------------------------------------------------------------------


def test_a_busy_lock_names_its_holder(any_host: PaperHost) -> None:
    first = begin(any_host, act(), owner=("ana@laptop", "run-7f3a", "php-fpm.restart"))
    first.acted()
    second = begin(any_host, act(fence=None), owner=("bob@ci", "run-9999", "php-fpm.restart"))
    acted = second.acted()
    assert acted.state is ActState.LOCKED
    # Among whatever else runs on this machine.
    assert "remediate-apply ana@laptop run-7f3a php-fpm.restart" in acted.holder
    second.close()
    first.close()
    assert steps_run(any_host) == ["1"]
    for _ in until("the lock is free once its holder says done"):
        if lock_is_free(any_host):
            break


def test_the_holder_is_told_from_the_one_that_asks() -> None:
    mine = ("bob@ci", "run-9999", "nginx.restart")
    listed = """
      0 /bin/sh -s remediate-apply bob@ci run-9999 nginx.restart
      7 grep [r]emediate-apply
     42 timeout -k 5 190 /bin/sh -s remediate-apply ana@laptop run-7f3a php-fpm.restart
    """
    refusal = lock_refusal(listed, mine)
    assert refusal.reason == (
        "another run is changing this host: ana@laptop, run-7f3a, php-fpm.restart, for 42 s; nothing was changed"
    )
    assert "cannot see" in lock_refusal("", mine).reason
    assert "cannot see" in lock_refusal(listed.replace("ana@laptop", ""), mine).reason


@pytest.mark.parametrize(
    ("said", "overridable"),
    [
        ("me 1000\nheld 65534 7 nobody sleep 9", True),
        ("me 1000\nheld 65534 7 nobody sleep 9\nheld 1001 8 ben sleep 9", True),
        ("me 1000\nheld 65534 7 nobody sleep 9\nheld 0 8 root sleep 9", False),
        ("me 1000\nheld 65534 7 nobody sleep 9\nhidden", False),
        ("me 1000\nheld 1000 7 forge sleep 9", False),
        ("me 1000\nheld 0 7 root sleep 9", False),
        ("me 1000\nhidden", False),
        ("held 65534 7 nobody sleep 9", False),
        ("me 1000\nheld 65534 7 nobody x\n 42 /bin/sh -s remediate-apply ana@laptop run-7f3a php-fpm.restart", False),
    ],
)
def test_only_a_known_stranger_can_be_overridden(said: str, overridable: bool) -> None:
    refusal = lock_refusal(said, ("bob@ci", "run-9999", "nginx.restart"))
    assert isinstance(refusal, LockedByOthers) is overridable
    assert "nothing was changed" in refusal.reason


@pytest.fixture
def stranger(any_host: PaperHost) -> Iterator[subprocess.Popen[bytes]]:
    """Hold the lock as another user."""
    any_host.lock.chmod(0o644)
    with any_host.lock.open() as file:
        words = ("setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", f"flock {file.fileno()}; exec sleep 60")
        held = subprocess.Popen(words, pass_fds=(file.fileno(),), start_new_session=True)
    with any_host.lock.open() as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                break
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.02)
    yield held
    held.kill()
    held.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_a_strangers_lock_is_named_and_can_be_overridden(
    any_host: PaperHost, stranger: subprocess.Popen[bytes]
) -> None:
    mine = ("bob@ci", "run-9999", "php-fpm.restart")
    rounds = begin(any_host, act(), owner=mine)
    acted = rounds.acted()
    rounds.close()
    # Other tests on this machine have runs of their own.
    said = "\n".join(line for line in acted.holder.splitlines() if line.startswith(("me ", "held ", "hidden")))
    refusal = lock_refusal(said, mine)
    assert isinstance(refusal, LockedByOthers), acted.holder
    assert f"process {stranger.pid} of nobody (sleep 60)" in refusal.reason
    assert steps_run(any_host) == []
    for fence, state, ran in (("other\n", ActState.MOVED, []), ("down\n", ActState.ACTED, ["1"])):
        given = act(fence=fence).model_copy(update={"despite": refusal.held})
        rounds = begin(any_host, given, owner=mine)
        assert rounds.acted().state is state
        rounds.close()
        assert steps_run(any_host) == ran
    given = act(fence=None).model_copy(update={"despite": refusal.held.replace("65534", "65533")})
    rounds = begin(any_host, given, owner=mine)
    assert rounds.acted().state is ActState.LOCKED
    rounds.close()


def test_a_second_act_waits_for_the_lock_when_told_to(any_host: PaperHost) -> None:
    first = begin(any_host, act())
    first.acted()
    begun = time.monotonic()
    threading.Timer(0.5, first.close).start()
    second = begin(any_host, act(SECOND, fence=None, wait=60))
    assert second.acted().state is ActState.ACTED
    assert time.monotonic() - begun > 0.4
    second.close()
    assert steps_run(any_host) == ["1", "2"]


def test_waiting_ends(host: PaperHost) -> None:
    first = begin(host, act())
    first.acted()
    begun = time.monotonic()
    second = begin(host, act(SECOND, fence=None, wait=0.4))
    assert second.acted().state is ActState.LOCKED
    assert time.monotonic() - begun < 30
    second.close()
    first.close()


def test_who_waits_looks_again_at_the_fence_once_it_has_the_lock(host: PaperHost) -> None:
    first = begin(host, act())
    first.acted()
    threading.Timer(0.3, first.close).start()
    second = begin(host, act(SECOND, wait=60))
    assert second.acted().state is ActState.MOVED
    second.close()
    assert steps_run(host) == ["1"]


def test_concurrent_acts_run_one_after_the_other_and_once_each(any_host: PaperHost) -> None:
    any_host.script("step", 'echo "begin $1" >>"$HOME/log"; sleep 0.1; echo "end $1" >>"$HOME/log"')
    done: list[ActState] = []

    def run(number: int) -> None:
        rounds = begin(any_host, act(Run.of("/usr/bin/step", str(number), user=ROOT), fence=None, wait=60))
        done.append(rounds.acted().state)
        rounds.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [ActState.ACTED] * 6
    log = (any_host.home / "log").read_text().splitlines()
    assert sorted(log[::2]) == [f"begin {number}" for number in range(6)]
    assert [line.replace("begin", "end") for line in log[::2]] == log[1::2]


def test_of_many_acts_on_one_state_exactly_one_runs(any_host: PaperHost) -> None:
    states: list[ActState] = []

    def run() -> None:
        rounds = begin(any_host, act())
        states.append(rounds.acted().state)
        rounds.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states.count(ActState.ACTED) == 1
    assert set(states) <= {ActState.ACTED, ActState.LOCKED, ActState.MOVED}
    assert steps_run(any_host) == ["1"]


def test_when_the_controller_is_gone_the_lock_is_kept_until_settled(any_host: PaperHost) -> None:
    rounds = begin(any_host, act(settle=1.0))
    rounds.acted()
    begun = time.monotonic()
    rounds._channel.close()
    for _ in until("the lock is free again"):
        if lock_is_free(any_host):
            break
    assert time.monotonic() - begun > 0.9


# -- what is not known -------------------------------------------------------------------------------------------------


def test_a_link_lost_while_acting_is_contact_lost(any_host: PaperHost) -> None:
    any_host.lose(seen=b"fence held")
    rounds = begin(any_host, act())
    with pytest.raises(ContactLost, match="may or may not have run"):
        rounds.acted()
    rounds.close()
    for _ in until("the step runs all the same"):
        if steps_run(any_host) == ["1"]:
            break


@pytest.mark.parametrize("seen", [b" hello", b"lock held", b"fence held", b"exit s0", b"acted"])
def test_a_link_lost_after_the_last_line_was_sent_is_never_harmless(host: PaperHost, seen: bytes) -> None:
    host.lose(seen=seen)
    rounds = begin(host, act())
    with pytest.raises(ContactLost):
        rounds.acted()
    rounds.close()


def test_a_link_lost_after_acting_is_contact_lost(host: PaperHost) -> None:
    host.lose(seen=b"out 0")
    rounds = begin(host, act())
    with pytest.raises(ContactLost):  # noqa: PT012  # which of the two sees it is a race
        rounds.acted()
        rounds.next()
    rounds.close()


@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.98])
def test_a_link_lost_before_the_last_line_is_unreachable_and_runs_nothing(host: PaperHost, part: float) -> None:
    host.lose(sent=int(part * len(host.on_paper(build("0" * 32, [STATE.command()], act())))))
    with pytest.raises(Unreachable) as caught:
        begin(host, act())
    assert caught.value.code is UnreachableCode.LOST
    time.sleep(0.2)
    assert host.calls == []


def test_a_link_lost_in_the_last_line_is_contact_lost(host: PaperHost) -> None:
    script = host.on_paper(build("0" * 32, [STATE.command()], act()))
    host.lose(sent=len(script) - 3)
    with pytest.raises(ContactLost):
        begin(host, act())


def test_a_link_lost_while_only_asking_is_unreachable(host: PaperHost) -> None:
    host.lose(seen=b"out 0")
    rounds = begin(host)
    with pytest.raises(Unreachable, match="the link died"):
        rounds.next()
    rounds.close()


def test_a_link_lost_after_a_refusal_changed_nothing(host: PaperHost) -> None:
    (host.home / "state").write_text("moved\n")
    rounds = begin(host, act())
    assert rounds.acted().state is ActState.MOVED
    with pytest.raises(Unreachable):
        rounds.next()
    rounds.close()


def test_no_answer_in_time_while_acting_is_contact_lost(host: PaperHost) -> None:
    host.program("step", seconds=60)
    rounds = begin(host, act(), seconds=1)
    channel = rounds._channel
    channel._until = time.monotonic() + 0.5  # type: ignore[attr-defined]  # a PaperChannel
    with pytest.raises(ContactLost, match="no answer in time"):
        rounds.acted()
    rounds.close()


def test_a_host_that_stops_answering_tells_what_it_told(host: PaperHost) -> None:
    host.program("state", stdout="seen", seconds=60)
    rounds = begin(host)
    rounds._channel._until = time.monotonic() + 0.5  # type: ignore[attr-defined]  # a PaperChannel
    with pytest.raises(Unreachable, match="answered none of the questions"):
        rounds.next()
    rounds.close()


# -- what is not a shell -----------------------------------------------------------------------------------------------


def login(host: PaperHost, directory: Path, script: str) -> None:
    """Give the user another login shell."""
    shell = directory / "login"
    shell.write_text(f"#!/bin/sh\n{script}")
    shell.chmod(0o755)
    host._login = (str(shell),)


def test_a_talkative_login_shell_does_no_harm(tmp_path: Path, host: PaperHost) -> None:
    login(host, tmp_path, "echo 'Welcome!'; echo '0123 exit 0 0'; printf 'no newline'; exec /bin/sh \"$@\"\n")
    rounds = begin(host, act())
    assert rounds.acted().state is ActState.ACTED
    assert state(rounds) == "up\n"
    rounds.close()


@pytest.mark.parametrize(
    "other",
    [
        "exec awk 'END { print \"fish: Unknown command: remediate()\" }'\n",  # as fish: told at the end of its input
        'exec awk \'END { print "fish: Unknown command: remediate()" >"/dev/stderr" }\'\n',
        "echo 'fish: Unknown command'; exec sleep 60\n",
    ],
)
def test_a_start_up_file_that_gives_the_login_to_another_program(
    tmp_path: Path, host: PaperHost, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", 0.5)
    login(host, tmp_path, other)
    rounds, began = begin(host), monotonic()
    with pytest.raises(Unreachable, match="the login does not give a shell: fish: Unknown command") as caught:
        rounds.next()
    assert caught.value.code is UnreachableCode.SHELL
    assert monotonic() - began < 5
    rounds.close()


def test_a_host_that_says_nothing_at_all_is_not_called_one_without_a_shell(
    tmp_path: Path, host: PaperHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", 0.5)
    login(host, tmp_path, "exec sleep 60\n")
    rounds = begin(host)
    with pytest.raises(Unreachable, match="no answer in time") as caught:
        rounds.next()
    assert caught.value.code is UnreachableCode.LOST
    rounds.close()


def test_a_login_that_gives_no_shell_is_unreachable_and_says_what_it_said(tmp_path: Path, host: PaperHost) -> None:
    login(host, tmp_path, "echo 'This account is currently not available.'\nexit 1\n")
    rounds = begin(host)
    with pytest.raises(Unreachable, match="This account is currently not available") as caught:
        rounds.next()
    assert caught.value.code is UnreachableCode.SHELL
    rounds.close()


def test_a_login_that_floods_is_given_up(tmp_path: Path, host: PaperHost) -> None:
    login(host, tmp_path, "exec yes flood\n")
    rounds = begin(host)
    with pytest.raises(Unreachable, match="floods"):
        rounds.next()
    rounds.close()


def test_the_answer_of_a_controller_is_not_asked_of_a_host(host: PaperHost) -> None:
    site = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
    with pytest.raises(TypeError, match="asked from the host"):
        host.session().begin((site,), seconds=5)
    assert host.starts == 0


def test_an_owner_cannot_break_out_of_the_command_line(host: PaperHost) -> None:
    rounds = begin(host, act(), owner=("$(touch pwned)", "a b; touch pwned", "x" * 300))
    assert rounds.acted().state is ActState.ACTED
    rounds.close()
    assert not (host.home / "pwned").exists()


class _DeadLink:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def start(self, command: str, *, seconds: float) -> Channel:
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "code"),
    [(LinkLost("gone"), UnreachableCode.LOST), (TimeoutError("slow"), UnreachableCode.TIMEOUT)],
)
def test_a_shell_that_cannot_be_started_is_unreachable(error: Exception, code: UnreachableCode) -> None:
    with pytest.raises(Unreachable) as caught:
        ShellSession(_DeadLink(error)).begin((STATE,), act(), seconds=5)
    assert caught.value.code is code
