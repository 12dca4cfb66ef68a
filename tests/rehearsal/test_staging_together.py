"""Several runs, interrupted runs, and the lock between them."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from remediate.core.outcome import RunVerdict
from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container


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
    staged.wait_for("activating")
    running.kill(signal.SIGKILL)
    begun = time.monotonic()

    # The lock outlives the controller until what it began has settled, and names who began it.
    other = cli.fix()
    host = other.host
    if host.verdict.value == "refused":
        assert problem(host).code in {"locked", "in-transition"}
    else:
        other.is_("healthy", 0)
    staged.sh("flock -w 40 /etc/machine-id true")
    assert time.monotonic() - begun < 40

    listed = cli("invoke", "runs.list")
    assert listed.code == 0
    first, last, state, look, resume = listed.out.splitlines()
    assert "unfinished" in last
    assert "not running any more" in state
    assert "may or may not have run" in look
    assert "look with invoke check.app-down" in look
    assert f"invoke runs.resume {last.split()[0]}" in resume
    assert "unfinished" not in first
    shown = cli("invoke", "runs.show", last.split()[0])
    assert "never finished" in shown.out
    assert "it may or may not have run" in shown.out
    document = cli("invoke", "runs.show", last.split()[0], "--json")
    assert (document.code, json.loads(document.out)["schema"]) == (5, "remediate.error/1")

    cli.fix().is_("healthy", 0)
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_while_holding(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    running.until("samples good")
    running.kill(signal.SIGINT)

    ended = running.end(30)

    ended.is_("interrupted", 130, touched="yes")
    assert ended.step().changed
    assert "INTERRUPTED" in ended.err
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_while_acting_finishes_the_step(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(3)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    staged.wait_for("activating")
    running.kill(signal.SIGINT)

    ended = running.end(40)

    ended.is_("interrupted", 130, touched="yes")
    assert "finishing the step, then stopping" in ended.err
    staged.wait_for("active")
    assert staged.starts() == 1
    staged.serves()


def test_interrupted_twice_leaves_at_once(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(5)
    staged.spoil("php-fpm-stopped")
    running = cli.start_fix(hold=60)
    staged.wait_for("activating")
    running.kill(signal.SIGINT)
    running.until("press again to leave at once")
    running.kill(signal.SIGINT)

    ended = running.end(20)  # the rest of the step and the window would take a minute

    assert ended.code == 130
    assert "what was begun on the host goes on by itself" in ended.err
    staged.wait_for("active")
    assert staged.starts() == 1


def twice(staged: "Staged", **other: object) -> Path:
    """Write an inventory that has the staging host under two names; the second may differ."""
    own = staged.inventory_with()
    variables = yaml.safe_load(own.read_text())["staging"]["hosts"][staged.name]
    own.write_text(yaml.safe_dump({"staging": {"hosts": {"first": variables, "second": {**variables, **other}}}}))
    return own


def run_both(cli: "Cli", inventory: Path, *flags: str) -> "Ended":
    target = ("--host", "staging", "--inventory", str(inventory))
    return cli("invoke", "fix.app-down", *target, "--json", "--hold", "3", *flags)


def test_no_more_hosts_are_changed_than_allowed(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")

    ended = run_both(cli, twice(staged))

    assert (ended.code, ended.report.touched.value) == (3, "no")
    assert [host.error.code for host in ended.report.hosts if host.error] == ["too-many-hosts"] * 2
    assert "--max-hosts 2" in ended.err
    assert staged.starts() == 0


def test_what_was_mended_meanwhile_is_left_alone(staged: "Staged", cli: "Cli") -> None:
    """Both names need a change when they are surveyed; at the second one's turn that is no longer so."""
    staged.spoil("php-fpm-stopped")

    ended = run_both(cli, twice(staged), "--max-hosts", "2")

    assert ended.code == 0, ended.err
    assert [host.verdict.value for host in ended.report.hosts] == ["fixed", "healthy"]
    assert [host.touched.value for host in ended.report.hosts] == ["yes", "no"]
    assert staged.starts() == 1
    staged.serves()


def test_different_verdicts_are_mixed(staged: "Staged", cli: "Cli") -> None:
    staged.sh("systemctl stop php8.2-fpm")
    ended = run_both(cli, twice(staged, ansible_user="nobody"))
    report = ended.report
    assert (ended.code, report.verdict) == (6, RunVerdict.MIXED), ended.err
    assert [host.exit_code for host in report.hosts] == [0, 4], ended.err
    staged.serves()


def test_production_wants_consent(staged: "Staged", cli: "Cli") -> None:
    real = staged.inventory_with(production=True)
    staged.spoil("php-fpm-stopped")

    ended = cli.fix(inventory=real)

    ended.refused("consent-missing")
    assert "--yes" in ended.err
    assert staged.starts() == 0
    cli.fix("--yes", inventory=real).is_("fixed", 0, touched="yes")


def test_nothing_is_done_that_cannot_be_recorded(staged: "Staged", cli: "Cli") -> None:
    (cli.home / "state").write_text("in the way")
    staged.spoil("php-fpm-stopped")

    cli.check().is_("pending", 10)
    cli.fix().refused("journal-unwritable")

    assert staged.starts() == 0
