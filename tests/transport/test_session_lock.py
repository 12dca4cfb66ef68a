"""The lock of a host: held, named, waited for, overridden."""

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from remediate.core.command import ROOT, Run
from remediate.engine.lock import LockedByOthers, lock_refusal
from remediate.testing import PaperHost
from remediate.transport.acted import ActState
from support.paper_hosts import SECOND, act, acted, begin, lock_is_free, steps_run, until


def test_a_busy_lock_names_its_holder(any_host: PaperHost) -> None:
    first = begin(any_host, act(), owner=("ana@laptop", "run-7f3a", "php-fpm.restart"))
    first.acted()
    found = acted(any_host, act(fence=None), owner=("bob@ci", "run-9999", "php-fpm.restart"))
    assert found.state is ActState.LOCKED
    # Among whatever else runs on this machine.
    assert "remediate-apply ana@laptop run-7f3a php-fpm.restart" in found.holder
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


def test_a_run_that_only_waits_or_acts_in_a_container_does_not_hold_it() -> None:
    said = """me 1000
held 65534 7 nobody sleep 9
     42 /bin/sh -s remediate-apply ana@laptop run-7f3a php-fpm.restart
"""
    mine = ("bob@ci", "run-9999", "nginx.restart")
    assert "held by process 7 of nobody (sleep 9)" in lock_refusal(said, mine).reason
    holds = said + "held 1000 9 forge /bin/sh -s remediate-apply ana@laptop run-7f3a php-fpm.restart\n"
    assert "another run is changing this host: ana@laptop, run-7f3a" in lock_refusal(holds, mine).reason
    # A holder that cannot be seen may be that run.
    assert "another run is changing this host: ana@laptop, run-7f3a" in lock_refusal(f"{said}hidden\n", mine).reason


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
    found = acted(any_host, act(), owner=mine)
    # Other tests on this machine have runs of their own.
    said = "\n".join(line for line in found.holder.splitlines() if line.startswith(("me ", "held ", "hidden")))
    refusal = lock_refusal(said, mine)
    assert isinstance(refusal, LockedByOthers), found.holder
    assert f"process {stranger.pid} of nobody (sleep 60)" in refusal.reason
    assert steps_run(any_host) == []
    for fence, state, ran in (("other\n", ActState.MOVED, []), ("down\n", ActState.ACTED, ["1"])):
        given = act(fence=fence).model_copy(update={"despite": refusal.held})
        assert acted(any_host, given, owner=mine).state is state
        assert steps_run(any_host) == ran
    given = act(fence=None).model_copy(update={"despite": refusal.held.replace("65534", "65533")})
    assert acted(any_host, given, owner=mine).state is ActState.LOCKED


def test_a_second_act_waits_for_the_lock_when_told_to(any_host: PaperHost) -> None:
    first = begin(any_host, act())
    first.acted()
    begun = time.monotonic()
    threading.Timer(0.5, first.close).start()
    assert acted(any_host, act(SECOND, fence=None, wait=60)).state is ActState.ACTED
    assert time.monotonic() - begun > 0.4
    assert steps_run(any_host) == ["1", "2"]


def test_waiting_ends(sh_host: PaperHost) -> None:
    begin(sh_host, act()).acted()
    assert acted(sh_host, act(SECOND, fence=None, wait=0.4)).state is ActState.LOCKED


def test_who_waits_looks_again_at_the_fence_once_it_has_the_lock(sh_host: PaperHost) -> None:
    first = begin(sh_host, act())
    first.acted()
    threading.Timer(0.3, first.close).start()
    assert acted(sh_host, act(SECOND, wait=60)).state is ActState.MOVED
    assert steps_run(sh_host) == ["1"]


def test_concurrent_acts_run_one_after_the_other_and_once_each(any_host: PaperHost) -> None:
    any_host.script("step", 'echo "begin $1" >>"$HOME/log"; sleep 0.1; echo "end $1" >>"$HOME/log"')

    def run(number: int) -> ActState:
        return acted(any_host, act(Run.of("/usr/bin/step", str(number), user=ROOT), fence=None, wait=60)).state

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(run, range(6)))
    assert done == [ActState.ACTED] * 6
    log = (any_host.home / "log").read_text().splitlines()
    assert sorted(log[::2]) == [f"begin {number}" for number in range(6)]
    assert [line.replace("begin", "end") for line in log[::2]] == log[1::2]


def test_of_many_acts_on_one_state_exactly_one_runs(any_host: PaperHost) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: acted(any_host, act()).state, range(8)))
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
