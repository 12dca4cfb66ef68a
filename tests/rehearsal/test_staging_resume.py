"""A controller that is killed while it acts: the host finishes the step, and nobody does it twice."""

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container


def test_a_killed_controller_is_resumed_without_a_second_restart(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(8)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix()
    staged.wait_for("activating")
    running.kill(signal.SIGKILL)
    assert running.process.wait(timeout=30) == -signal.SIGKILL

    listed = cli("invoke", "runs.list")
    assert "not running any more: its process died" in listed.out
    assert f"({staged.name} php-fpm.restart)" in listed.out
    run = listed.out.split("runs.resume ")[1].split()[0]

    # The step goes on without its controller, under the lock of the host.
    target = ("--inventory", str(staged.inventory), "--yes", "--json", "--hold", "3")
    early = cli("invoke", "runs.resume", run, *target)
    assert early.code == 3, early.err
    assert "stays open" in early.err
    assert "php-fpm.restart, for " in early.err

    ended = cli("invoke", "runs.resume", run, *target, "--wait", "120")
    ended.is_("healthy", 0)
    assert "php-fpm.restart: proven" in ended.err
    assert "ended as FIXED" in ended.err
    assert staged.starts() == 1
    assert staged.unit(value="NRestarts") == "0"
    staged.serves()

    shown = cli("invoke", "runs.show", run, "--json").report
    assert (shown.verdict and shown.verdict.value, shown.touched.value) == ("fixed", "yes")
    assert "runs.resume" not in cli("invoke", "runs.list").out
