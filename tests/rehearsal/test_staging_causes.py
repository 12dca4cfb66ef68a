"""Runbook 4.1 on a real host: each cause fixed or refused, alone and together."""

import re
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from remediate.errors import RemediateError
from remediate.rehearsal.faults import DeployRunning, Fault

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"
NGINX_CONF = "/etc/nginx/nginx.conf"
APP: Final = "/home/forge/agency-platform"
_JOBS: Final = r"""
require "vendor/autoload.php";
$app = require "bootstrap/app.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
for ($number = 0; $number < 5; $number++) {
    App\Jobs\RecordStripePayment::dispatch("evt_busy_$number", "test", 1, "eur");
}
"""

Spoil = Callable[[Fault | str], None]


@pytest.fixture
def spoil(staged: "Staged") -> Iterator[Spoil]:
    """Break the host, and undo it afterwards: what is left over then is the next test's reason for a new host."""
    faults: list[Fault] = []

    def inject(fault: Fault | str) -> None:
        fault = staged.faults[fault] if isinstance(fault, str) else fault
        faults.append(fault)
        fault.inject(staged.host)
        staged.mark()

    yield inject
    for fault in reversed(faults):
        try:
            fault.undo(staged.host)
        except RemediateError as error:
            staged.sh(f"touch /etc/nginx/remediate-not-undone; echo '{type(error).__name__}'")


def workers(staged: "Staged") -> list[int]:
    return sorted(int(pid) for pid in staged.sh("pgrep -u forge -f 'artisan queue:work' || true").split())


# Every case of the playbook is proven by its rehearsal, through the library; one of each end here as a person types it.


def test_a_busy_worker_is_left_alone(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    pids = workers(staged)
    # Frozen, a worker looks as it does in a long job: RUNNING, and it would not answer a request to stop.
    staged.sh(f"kill -STOP {pids[0]}")
    try:
        spoil("php-fpm-stopped")
        ended = cli.fix()
        assert workers(staged) == pids
    finally:
        staged.sh(f"kill -CONT {pids[0]}")

    host = ended.is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["php-fpm.restart"]


def test_workers_that_are_at_a_job_are_busy_while_others_wait(staged: "Staged", cli: "Cli") -> None:
    pids = workers(staged)
    slow = "create trigger slow before insert on payments for each row set @slept = sleep(18)"
    staged.sh(f"mariadb agency -e '{slow}'; cd {APP}; runuser -u forge -- php8.2 -r {shlex.quote(_JOBS)}; sleep 1")
    try:
        host = cli.fix().is_("healthy", 0)
        assert workers(staged) == pids
    finally:
        staged.sh("mariadb agency -e 'drop trigger slow'")
    (queue,) = (each for each in host.before if each.probe == "queue.motion")
    assert queue.ok is True
    assert re.fullmatch(r"jobs wait: \d in default", queue.note)


def test_a_deploy_that_ends_in_time_is_followed_by_the_fix(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil(DeployRunning(unit=FPM))
    running = cli.start_fix()
    running.until("a deploy is running")
    staged.sh("pkill -u forge -f '^composer install'")

    running.end().is_("fixed", 0, touched="yes")
    staged.serves()


def test_a_healthy_site_under_a_deploy_is_healthy(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil(DeployRunning(unit=FPM, seconds=60))
    staged.sh(f"systemctl start {FPM}")
    staged.settled()

    cli.fix().is_("healthy", 0)


def test_a_broken_edit_of_a_running_web_server_is_left_and_told(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("nginx-broken")
    spoil("php-fpm-stopped")
    nginx = staged.unit("nginx")

    ended = cli.fix()

    ended.is_("fixed", 0, touched="yes")
    assert f"broken: {NGINX_CONF}:" in ended.note("nginx -t")
    assert staged.unit("nginx") == nginx
    assert staged.inside() == 200


def test_two_and_three_causes_are_mended_in_one_run(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    for fault in ("php-fpm-stopped", "nginx-stopped"):
        spoil(fault)
    host = cli.fix().is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["php-fpm.restart", "nginx.restart"]
    # One survey, one exec for each repair, one hold, one last look; one more where a question was late.
    assert staged.execs() in {5, 6}
    staged.serves()

    for fault in ("php-fpm-stopped", "nginx-stopped", "workers-stopped"):
        spoil(fault)
    host = cli.fix().is_("fixed", 0, touched="yes")
    changed = [step.remedy for step in host.steps if step.changed]
    assert changed == ["php-fpm.restart", "nginx.restart", "worker.start"]
    staged.serves()
    assert len(workers(staged)) == 2


def test_the_severity_is_said_with_the_verdict(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("maintenance")

    ended = cli("invoke", "fix.app-down", "--host", staged.name, "--inventory", str(staged.inventory), "--hold", "3")

    assert ended.code == 3
    assert "SEV-1" in ended.out
    assert "escalate to the Tech Lead" in " ".join(ended.out.split())
