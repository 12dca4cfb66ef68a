"""Runbook 4.1 on a real host: each cause alone and together, mended or refused by name, nothing made worse."""

import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from remediate.errors import RemediateError
from remediate.rehearsal.faults import DeployRunning, Fault, LineAppended, TableLocked, UnitMasked

if TYPE_CHECKING:
    from conftest import Cli, Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"
NGINX_CONF = "/etc/nginx/nginx.conf"
SITE = "https://staging.example.com/"
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


def others(staged: "Staged", touched: list[str]) -> dict[str, str]:
    """Everything that must stay as it is when these units are mended."""
    return {name: state for name, state in staged.bystanders().items() if name not in touched}


def parked(staged: "Staged") -> bool:
    return "STOPPED" in staged.sh("supervisorctl status agency-reports || true")


# Every case of the playbook is proven by its rehearsal, through the library; one of each end here as a person types it.


def test_a_cause_is_mended_and_the_second_run_changes_nothing(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    bystanders = others(staged, [FPM])
    spoil("php-fpm-killed")

    ended = cli.fix()

    host = ended.is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["php-fpm.restart"]
    staged.serves()
    assert others(staged, [FPM]) == bystanders
    assert len(workers(staged)) == 2
    assert parked(staged)

    everything = staged.bystanders()
    pids = workers(staged)
    cli.fix().is_("healthy", 0)
    assert staged.bystanders() == everything
    assert workers(staged) == pids


def test_workers_left_by_a_killed_daemon_are_ended_before_others_start(
    staged: "Staged", cli: "Cli", spoil: Spoil
) -> None:
    before = workers(staged)
    spoil("supervisor-killed")
    assert workers(staged) == before

    ended = cli.fix()

    ended.is_("fixed", 0, touched="yes")
    assert "workers left behind: 2 unsupervised" in ended.step("supervisor.restart").why
    assert len(workers(staged)) == 2
    assert not set(workers(staged)) & set(before)


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
    assert (queue.ok, queue.note) == (True, "jobs wait: 3 in default")


def test_a_cause_is_refused_by_name_and_nothing_changes(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("nginx-port-taken")
    everything = staged.bystanders()
    pids = workers(staged)

    for _ in range(2):
        host = cli.fix().refused("port-taken")
        (refused,) = (step for step in host.steps if step.code == "port-taken")
        assert "port 80 is taken by python3" in refused.why
        assert not any(step.changed for step in host.steps)

    assert staged.bystanders() == everything
    assert workers(staged) == pids


def test_php_that_waits_for_the_database_is_not_restarted(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("database-locked")
    before = staged.unit()

    ended = cli.fix()

    ended.refused("database-cause")
    assert "of its queries wait" in ended.step().why
    assert staged.unit() == before


def test_a_masked_web_server_stays_masked(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil(UnitMasked(unit="nginx"))

    cli.fix().refused("unit-masked")

    assert staged.unit("nginx", "LoadState") == "masked"


def test_maintenance_ends_when_somebody_says_why(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("maintenance")

    ended = cli.fix("--override", "maintenance-mode=the deploy that began it is dead")

    ended.is_("fixed", 0, touched="yes")
    assert "the deploy that began it is dead" in ended.step("laravel.up").why
    staged.serves()


def test_a_deploy_is_waited_for_and_then_left_alone(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("deploy-running")

    ended = cli.fix("--timeout", "10")

    host = ended.refused("deploy-running")
    assert "composer install" in host.steps[0].why
    assert staged.unit(FPM, "ActiveState") == "inactive"


def test_a_deploy_that_ends_in_time_is_followed_by_the_fix(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil(DeployRunning(unit=FPM, seconds=6))

    ended = cli.fix()

    ended.is_("fixed", 0, touched="yes")
    assert "a deploy is running" in ended.err
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


def test_what_can_be_mended_is_when_another_is_refused(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil(LineAppended(path=NGINX_CONF, line="nonsense on;", stops="nginx"))
    spoil("php-fpm-stopped")

    ended = cli.fix()

    host = ended.is_("not_fixed", 5, touched="yes")
    assert [(step.remedy, step.changed) for step in host.steps if step.changed] == [("php-fpm.restart", True)]
    assert ended.step("nginx.restart").code == "config-broken"
    assert staged.infra.service(FPM).is_running
    assert not staged.infra.service("nginx").is_running


def test_a_slow_database_is_not_a_dead_site(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    staged.settled()
    before = staged.unit()
    spoil(TableLocked(database="agency", url=SITE, clients=0, seconds=8))

    ended = cli.fix()

    ended.is_("healthy", 0)
    assert staged.unit() == before
    pages = [reading.value for reading in ended.host.before if reading.probe == "http.site"]
    assert max(float(str(page["seconds"])) for page in pages if isinstance(page, dict)) > 1


def test_the_severity_is_said_with_the_verdict(staged: "Staged", cli: "Cli", spoil: Spoil) -> None:
    spoil("maintenance")

    ended = cli("invoke", "fix.app-down", "--host", staged.name, "--inventory", str(staged.inventory), "--hold", "3")

    assert ended.code == 3
    assert "SEV-1" in ended.out
    assert "escalate to the Tech Lead" in ended.out
