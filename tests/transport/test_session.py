"""A session over a real shell: what acts, once, and what is no shell."""

from pathlib import Path

import pytest

from remediate.core.command import Run
from remediate.core.vantage import Vantage
from remediate.errors import Unreachable, UnreachableCode
from remediate.probes.http import Site
from remediate.testing import Call, PaperHost, installed_shells
from remediate.transport.acted import Acted, ActState
from remediate.transport.link import Channel, Link, LinkLost
from remediate.transport.script import Act, Fence
from remediate.transport.session import Session, ShellSession
from support.paper_hosts import SECOND, STATE, STEP, act, acted, begin, lock_is_free, paper_host, state, steps_run
from support.stubs import stub


def test_the_paper_host_keeps_the_protocols(sh_host: PaperHost) -> None:
    assert isinstance(sh_host, Link)
    channel = sh_host.start("true", seconds=5)
    assert isinstance(channel, Channel)
    session: Session = sh_host.session()
    session.close()


# -- acting ------------------------------------------------------------------------------------------------------------


def test_an_act_runs_once_and_the_survey_sees_its_effect(any_host: PaperHost) -> None:
    rounds = begin(any_host, act(STEP, SECOND))
    found = rounds.acted()
    assert found.state is ActState.ACTED
    assert [(result.run, result.output.exit) for result in found.commands] == [(STEP, 0), (SECOND, 0)]
    assert state(rounds) == "up\n"
    assert state(rounds) == "up\n"
    rounds.close()
    assert steps_run(any_host) == ["1", "2"]
    assert any_host.starts == 1


def test_steps_run_as_the_user_they_name(sh_host: PaperHost) -> None:
    sh_host.program("artisan")
    acted(sh_host, act(Run.of("/usr/bin/artisan", "up", user="forge"), STEP))
    assert [call for call in sh_host.calls if call.argv[0] != "state"] == [
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
    any_host.program("step", seconds=300)
    rounds = begin(any_host, act(STEP.model_copy(update={"seconds": 0.3}), SECOND))
    (hung,) = rounds.acted().commands
    assert hung.output.exit == 124
    assert hung.seconds >= 0.2


def test_a_moved_fence_lets_nothing_run(any_host: PaperHost) -> None:
    (any_host.home / "state").write_text("down again\n")
    assert acted(any_host, act()) == Acted(state=ActState.MOVED)
    assert steps_run(any_host) == []
    assert lock_is_free(any_host)


@pytest.mark.parametrize("text", ["it's", "a\nb\n\nc", '$HOME `id` \\n "q"', "*", "  spaces  ", "-n", "!", "ü☃"])
def test_a_fence_is_compared_byte_for_byte(any_host: PaperHost, text: str) -> None:
    (any_host.home / "state").write_text(f"{text}\n")
    assert acted(any_host, act(fence=f"{text}\n")).state is ActState.ACTED
    (any_host.home / "state").write_text(f"{text}x\n")
    assert acted(any_host, act(fence=f"{text}\n", wait=10)).state is ActState.MOVED


def test_every_fence_must_hold(sh_host: PaperHost) -> None:
    held, moved = Fence(run=STATE.command(), stdout="down\n"), Fence(run=STATE.command(), stdout="other\n")
    assert acted(sh_host, Act(steps=(STEP,), fence=(held, moved), settle=0)).state is ActState.MOVED
    assert steps_run(sh_host) == []


def test_without_flock_nothing_runs(any_host: PaperHost, tmp_path: Path) -> None:
    any_host.lock.unlink()
    assert acted(any_host, act()) == Acted(state=ActState.NO_LOCK)
    assert steps_run(any_host) == []


@pytest.mark.skipif("mksh" not in installed_shells(), reason="mksh is not installed here")
def test_an_act_runs_in_mksh(tmp_path: Path) -> None:
    with paper_host(tmp_path, "mksh") as host:
        assert acted(host, act()).state is ActState.ACTED


# -- what is not a shell -----------------------------------------------------------------------------------------------


FISH = "the login does not give a shell: fish: Unknown command"


def login(host: PaperHost, directory: Path, script: str) -> None:
    """Give the user another login shell."""
    host._login = (str(stub(directory / "login", script)),)


def test_a_talkative_login_shell_does_no_harm(tmp_path: Path, sh_host: PaperHost) -> None:
    login(sh_host, tmp_path, "echo 'Welcome!'; echo '0123 exit 0 0'; printf 'no newline'; exec /bin/sh \"$@\"\n")
    rounds = begin(sh_host, act())
    assert rounds.acted().state is ActState.ACTED
    assert state(rounds) == "up\n"


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        # As fish does, told at the end of its input.
        ("exec awk 'END { print \"fish: Unknown command: remediate()\" }'", UnreachableCode.SHELL, FISH),
        (
            'exec awk \'END { print "fish: Unknown command: remediate()" >"/dev/stderr" }\'',
            UnreachableCode.SHELL,
            FISH,
        ),
        ("echo 'fish: Unknown command'; exec sleep 300", UnreachableCode.SHELL, FISH),
        # A host that says nothing at all is not called one without a shell.
        ("exec sleep 300", UnreachableCode.LOST, "no answer in time"),
        (
            "echo 'This account is currently not available.'\nexit 1",
            UnreachableCode.SHELL,
            "is currently not available",
        ),
    ],
)
def test_a_login_that_gives_no_shell_is_unreachable_and_says_what_it_said(
    tmp_path: Path, sh_host: PaperHost, monkeypatch: pytest.MonkeyPatch, script: str, code: UnreachableCode, said: str
) -> None:
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", 0.5)
    monkeypatch.setattr("remediate.transport.session.END_SECONDS", 0.5)
    login(sh_host, tmp_path, f"{script}\n")
    rounds = begin(sh_host)
    with pytest.raises(Unreachable, match=said) as caught:
        rounds.next()
    assert caught.value.code is code


def test_a_shell_that_comes_late_is_heard_all_the_same(
    tmp_path: Path, sh_host: PaperHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins at the end of its input, which is always later than the wait for its first word."""
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", 0.1)
    monkeypatch.setattr("remediate.transport.session.END_SECONDS", 30)
    login(sh_host, tmp_path, f'cat >{tmp_path}/script; exec /bin/sh "$@" <{tmp_path}/script\n')
    assert state(begin(sh_host)) == "down\n"


def test_a_login_that_floods_is_given_up(tmp_path: Path, sh_host: PaperHost) -> None:
    login(sh_host, tmp_path, "exec yes flood\n")
    rounds = begin(sh_host)
    with pytest.raises(Unreachable, match="floods"):
        rounds.next()


def test_the_answer_of_a_controller_is_not_asked_of_a_host(sh_host: PaperHost) -> None:
    site = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
    with pytest.raises(TypeError, match="asked from the host"):
        sh_host.session().begin((site,), seconds=5)
    assert sh_host.starts == 0


def test_an_owner_cannot_break_out_of_the_command_line(sh_host: PaperHost) -> None:
    assert acted(sh_host, act(), owner=("$(touch pwned)", "a b; touch pwned", "x" * 300)).state is ActState.ACTED
    assert not (sh_host.home / "pwned").exists()


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
