"""app-down on a real host: fixes, refusals, and no further damage."""

import re
from typing import TYPE_CHECKING

import pytest

from remediate.core.outcome import Verified
from remediate.rehearsal.faults import LineAppended, SocketRemoved
from support.outcomes import code

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"
POOL = "/etc/php/8.2/fpm/pool.d/www.conf"
RESTART = ("/usr/bin/systemctl", "restart", f"{FPM}.service")


def fixed(ended: "Ended", staged: "Staged", before: str) -> None:
    """Assert that one restart mended it, as remediate says and as the host says."""
    host = ended.is_("fixed", 0, touched="yes")
    step = ended.step()
    assert [other.remedy for other in host.steps if other.changed] == [step.remedy]
    assert (step.title, step.changed, step.verified) == (FPM, True, Verified.PROVEN)
    assert [command.argv for command in step.commands][-1] == RESTART
    assert {(command.user, command.exit) for command in step.commands} == {("root", 0)}
    assert host.serving_again_seconds is not None
    assert 0 < host.serving_again_seconds <= host.seconds
    assert all(reading.ok is not False for reading in host.after)
    assert "FIXED in" in ended.err
    assert staged.unit() not in {before, ""}
    assert staged.starts() == 1
    staged.serves()


def test_stopped_is_fixed_and_then_healthy(staged: "Staged", cli: "Cli") -> None:
    bystanders = staged.bystanders(FPM)
    before = staged.unit()
    staged.spoil("php-fpm-stopped")
    assert staged.outside() == 502

    ended = cli.fix()

    fixed(ended, staged, before)
    assert ended.host.name == staged.name
    assert ended.note(FPM).startswith("inactive since ")
    assert ended.note("https://staging.example.com/") == "502"
    # One survey, one repair, one hold, one last look, over one connection; one more where a question was late.
    assert staged.execs() in {4, 5}
    assert staged.logins() == 1
    assert staged.bystanders(FPM) == bystanders

    assert cli("invoke", "runs.show", ended.report.run, "--json").report == ended.report

    everything = staged.bystanders()
    again = cli.fix()

    again.is_("healthy", 0)
    assert again.commands == []
    assert "nothing to do, nothing was changed" in again.err
    assert staged.bystanders() == everything
    assert staged.starts() == 1


def test_healthy_costs_one_command_and_changes_nothing(staged: "Staged", cli: "Cli") -> None:
    staged.settled()
    everything = staged.bystanders()
    staged.mark()

    ended = cli.fix()

    assert ended.is_("healthy", 0).after == ()
    assert (staged.execs(), staged.logins(), staged.starts()) == (1, 1, 0)
    assert staged.bystanders() == everything


def test_the_default_window_is_thirty_seconds(staged: "Staged", cli: "Cli") -> None:
    before = staged.unit()
    staged.spoil("php-fpm-stopped")

    ended = cli.fix(hold=None)

    fixed(ended, staged, before)
    assert ended.host.seconds >= 30
    assert staged.execs() in {4, 5}


def test_broken_configuration_of_a_stopped_unit(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-broken")
    bystanders = staged.bystanders()
    last = staged.sh(f"wc -l < {POOL}").strip()

    ended = cli.fix()

    ended.refused("config-broken")
    assert f"{POOL}:{last}" in ended.step().why
    assert f"{POOL}:{last}" in ended.err
    assert ended.commands == []
    assert staged.unit(value="ActiveState") == "inactive"
    assert staged.starts() == 0
    assert staged.bystanders() == bystanders


def test_broken_configuration_under_a_running_master(staged: "Staged", cli: "Cli") -> None:
    LineAppended(path=POOL, line="nonsense = 1").inject(staged.host)
    SocketRemoved(path=f"/run/php/{FPM}.sock", unit=FPM).inject(staged.host)
    staged.mark()
    everything = staged.bystanders()
    assert staged.outside() == 502

    ended = cli.fix()

    ended.refused("config-broken")
    assert f"{POOL}:{staged.sh(f'wc -l < {POOL}').strip()}" in ended.step().why
    assert staged.bystanders() == everything
    assert staged.starts() == 0


def test_broken_configuration_while_all_is_well(staged: "Staged", cli: "Cli") -> None:
    LineAppended(path=POOL, line="nonsense = 1").inject(staged.host)
    everything = staged.bystanders()

    ended = cli.fix()

    ended.is_("healthy", 0)
    assert ended.note("php-fpm8.2 -t").startswith(f"broken: {POOL}:")
    assert f"broken: {POOL}:" in ended.err
    assert staged.bystanders() == everything


def test_start_limit_needs_a_cause(staged: "Staged", cli: "Cli") -> None:
    before = staged.unit()
    staged.drop_in("[Unit]\nStartLimitIntervalSec=600\nStartLimitBurst=1\n")
    staged.sh(f"systemctl restart {FPM} || true; systemctl restart {FPM} || true; systemctl start {FPM} || true")
    assert staged.unit(value="Result") == "start-limit-hit"
    staged.mark()

    refused = cli.fix()

    refused.refused("start-limit-hit")
    assert FPM in refused.step().why
    assert staged.starts() == 0

    ended = cli.fix("--override", "start-limit-hit=cause found")

    fixed(ended, staged, before)
    assert "start-limit-hit overridden: cause found" in ended.step().why
    assert ended.commands == [("/usr/bin/systemctl", "reset-failed", f"{FPM}.service"), RESTART]


def test_flapping_is_not_fixed(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-flapping")

    ended = cli.fix(hold=10)

    host = ended.is_("not_fixed", 5, touched="yes")
    # On a busy machine it is dead before it was seen to serve.
    assert code(host) in {"not-holding", "not-verified"}
    assert f"last lines of the log of {FPM}:" in ended.err
    assert "escalate to" in ended.err
    assert staged.starts() == 1


def test_young_is_watched_before_it_counts_as_healthy(staged: "Staged", cli: "Cli") -> None:
    staged.sh(f"systemctl restart {FPM}")
    staged.mark()
    everything = staged.bystanders()

    ended = cli.fix(hold=25)

    ended.is_("healthy", 0)
    assert "healthy, but for" in ended.err
    assert re.search(r"(\d+)/\1 samples good", ended.err)
    assert staged.starts() == 0
    assert staged.bystanders() == everything


def test_young_and_dying_is_not_called_healthy(staged: "Staged", cli: "Cli") -> None:
    """A unit that systemd restarts again and again looks active most of the time."""
    staged.drop_in("[Service]\nRuntimeMaxSec=6\nRestart=always\nRestartSec=1\n[Unit]\nStartLimitIntervalSec=0\n")
    staged.sh(f"systemctl restart {FPM}")

    ended = cli.fix(hold=20)

    assert ended.code in {3, 5}
    assert ended.host.verdict.value in {"refused", "not_fixed"}


def test_what_somebody_else_restarts_is_waited_for(staged: "Staged", cli: "Cli") -> None:
    staged.slow_start(12)
    staged.mark()
    staged.sh(f"systemctl restart --no-block {FPM}")
    staged.wait_for("activating")
    during = staged.unit()

    ended = cli.fix()

    ended.is_("healthy", 0)
    assert f"{FPM} is activating" in ended.err
    assert ended.commands == []
    assert staged.starts() == 1
    assert staged.unit() == during
    staged.serves()


def test_a_plan_shows_the_exact_step_and_changes_nothing(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    everything = staged.bystanders()

    for ended in (cli.check(), *map(cli.fix, ("--plan", "--check", "--dry-run"))):
        ended.is_("pending", 10)
        assert ended.report.mode.value == "plan"
        assert ended.commands == [RESTART]
        assert f"sudo -n /usr/bin/systemctl restart {FPM}.service" in ended.err

    assert staged.unit(value="ActiveState") == "inactive"
    assert (staged.execs(), staged.starts()) == (4, 0)
    assert staged.bystanders() == everything
