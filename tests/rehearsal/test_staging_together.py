"""Several runs, interrupted runs, and the lock between them."""

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Cli, Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"


def test_two_at_once_restart_once(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(2)
    staged.spoil("php-fpm-stopped")

    both = [running.end() for running in [cli.start_fix(), cli.start_fix()]]

    assert staged.starts() == 1
    ways = sorted(ended.host.verdict.value for ended in both)
    assert "fixed" in ways
    assert ways != ["fixed", "fixed"]
    for ended in both:
        host = ended.host
        if host.verdict.value == "fixed":
            ended.is_("fixed", 0, touched="yes")
        elif host.verdict.value == "healthy":
            ended.is_("healthy", 0)
        else:
            ended.refused("locked")
    staged.serves()


def locked_by_hand(staged: "Staged", seconds: int) -> "subprocess.Popen[bytes]":
    """Hold the lock through the engine, as an operator at the console would."""
    host = staged.host
    argv = (host.engine.binary, "exec", host.container, "flock", "/etc/machine-id", "sleep", str(seconds))
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    staged.sh("for i in $(seq 100); do flock -n /etc/machine-id true || exit 0; sleep 0.05; done; exit 1")
    return process


def test_a_locked_host_is_refused(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    with locked_by_hand(staged, 60) as holder:
        try:
            ended = cli.fix()
            ended.refused("locked")
            assert "--wait SECONDS" in ended.err
            assert staged.starts() == 0
            # Looking needs no lock.
            cli.check().is_("pending", 10)
        finally:
            staged.sh("pkill -KILL -x flock; pkill -KILL -x sleep; true")
            holder.wait(20)


def test_waiting_for_the_lock(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    with locked_by_hand(staged, 6) as holder:
        ended = cli.fix("--wait", "30")
        holder.wait(20)
    ended.is_("fixed", 0, touched="yes")
    assert staged.starts() == 1
    staged.serves()


def test_the_controller_is_killed_while_acting(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(3)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix()
    staged.wait_for("ActiveState", "activating")
    running.kill(signal.SIGKILL)
    begun = time.monotonic()

    # The lock outlives the controller until what it began has settled, and names who began it.
    other = cli.fix()
    host = other.host
    if host.verdict.value == "refused":
        assert host.error is not None
        assert host.error.code in {"locked", "in-transition"}
    else:
        other.is_("healthy", 0)
    staged.sh("flock -w 40 /etc/machine-id true")
    assert time.monotonic() - begun < 30

    listed = cli("invoke", "runs.list")
    assert listed.code == 0
    first, last = listed.out.splitlines()
    assert "unfinished" in last
    assert "unfinished" not in first
    shown = cli("invoke", "runs.show", last.split()[0])
    assert "never finished" in shown.out
    assert "it may or may not have run" in shown.out

    cli.fix().is_("healthy", 0)
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_while_holding(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    running.until("samples good")
    running.kill(signal.SIGINT)

    ended = running.end(30)

    host = ended.is_("interrupted", 130, touched="yes")
    assert host.steps[0].changed
    assert "INTERRUPTED" in ended.err
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_while_acting_finishes_the_step(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(3)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    staged.wait_for("ActiveState", "activating")
    running.kill(signal.SIGINT)

    ended = running.end(40)

    ended.is_("interrupted", 130, touched="yes")
    assert "finishing the step, then stopping" in ended.err
    staged.wait_for("ActiveState", "active")
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_twice_leaves_at_once(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(5)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    staged.wait_for("ActiveState", "activating")
    running.kill(signal.SIGINT)
    running.until("press again to leave at once")
    begun = time.monotonic()
    running.kill(signal.SIGINT)

    ended = running.end(20)

    assert ended.code == 130
    assert time.monotonic() - begun < 3
    assert "what was begun on the host goes on by itself" in ended.err
    staged.wait_for("ActiveState", "active")
    assert staged.starts() == 1
