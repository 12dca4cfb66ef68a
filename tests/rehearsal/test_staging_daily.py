"""Error logs and queues of a real application: exceptions, and waiting, moving, failing jobs."""

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from remediate.rehearsal.faults.payments import JobsFailed
from support.maintained import Looks

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

APP: Final = "/home/forge/agency-platform"
LOG: Final = f"{APP}/storage/logs/laravel.log"
_PUSH: Final = r"""
chdir($argv[1]);
require "vendor/autoload.php";
$app = require "bootstrap/app.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
for ($number = 0; $number < (int) $argv[2]; $number++) {
    usleep((int) $argv[3]);
    $id = "evt_daily_" . bin2hex(random_bytes(8));
    dispatch((new App\Jobs\RecordStripePayment($id, "charge.succeeded", 1, "usd"))->onQueue($argv[4]));
}
"""


@pytest.fixture
def looks(cli: "Cli", staged: "Staged") -> Iterator[Looks]:
    def clean() -> None:
        password = shlex.quote(staged.secrets["REDIS_PASSWORD"])
        staged.sh("mariadb agency -e \"truncate failed_jobs; delete from payments where event_id like 'evt_daily%'\"")
        staged.sh("mariadb agency -e 'drop trigger if exists slow'")
        staged.sh(f"rm -f {LOG}*; redis-cli -a {password} --no-auth-warning -n 0 flushdb")
        staged.sh("supervisorctl start 'agency-worker:*' || true")

    clean()
    yield Looks(cli, staged)
    clean()


def push(staged: "Staged", count: int, *, pause: int = 0, queue: str = "default", background: bool = False) -> None:
    """Push jobs through the application's own queue, with so many microseconds between them."""
    words = ("runuser", "-u", "forge", "--", "php8.2", "-r", _PUSH, APP, str(count), str(pause), queue)
    staged.sh(
        f"{'setsid -f ' if background else ''}{shlex.join(words)}{' </dev/null >/dev/null 2>&1' if background else ''}"
    )


def fail(staged: "Staged", **jobs: int) -> None:
    JobsFailed.model_validate({"php": "php8.2", "path": APP, **jobs}).inject(staged.host)


# -- error logs --------------------------------------------------------------------------------------------------------


def test_errors_that_the_workers_logged(looks: Looks, staged: "Staged") -> None:
    before = looks("maintain.daily", "error-logs")
    assert (before.ok, f"there is no {LOG}" in before.summary) == (None, True), before.summary

    fail(staged, recorded=2, charges=1)
    first = looks("maintain.daily", "error-logs")
    assert (first.ok, "all of them new: this is the first look" in first.summary) == (False, True), first.summary
    named = {sample.name: sample.value for sample in first.samples}
    assert any("QueryException at app/Jobs/RecordStripePayment.php:" in name for name in named), named
    assert any("ErrorException at app/Jobs/ChargeCustomer.php:" in name for name in named), named
    assert max(named.values()) == 2
    assert "evt_fault" not in first.model_dump_json()

    steady = looks("maintain.daily", "error-logs")
    assert (steady.ok, steady.evidence[0].startswith("ERROR ")) == (True, True)
    assert {sample.name: sample.value for sample in steady.samples} == named

    fail(staged, recorded=3, poison=1)
    grown = looks("maintain.daily", "error-logs")
    assert grown.ok is False
    assert [line.split()[0] for line in grown.evidence][:1] in (["NEW"], ["GREW"])
    assert any(line.startswith("GREW (from 2 a day)") for line in grown.evidence)


def test_an_exception_of_a_page(looks: Looks, staged: "Staged") -> None:
    staged.sh(f"install -o forge -g forge /dev/null {LOG}")
    silent = looks("maintain.daily", "error-logs")
    assert (silent.ok, "no entry within 7 days" in silent.summary) == (None, True), silent.summary
    staged.sh(f"echo \"[$(date '+%F %T')] production.INFO: well\" > {LOG}")
    assert looks("maintain.daily", "error-logs").ok is True
    page = f"{APP}/app/Http/Controllers/HomeController.php"
    staged.sh(f"cp -p {page} /root/page; sed -i 's/^ *.visits = .*/throw new \\\\DomainException(\"s3cr3t\");/' {page}")
    try:
        staged.sh("sleep 3")  # PHP's cache of programs looks at a file again after some seconds
        assert staged.outside("/") == 500
        found = looks("maintain.daily", "error-logs")
    finally:
        staged.sh(f"cp -p /root/page {page}")
    place = "app/Http/Controllers/HomeController.php:"
    assert (found.ok, f"NEW ERROR DomainException at {place}" in found.evidence[0]) == (False, True)
    assert "s3cr3t" not in found.model_dump_json()


def test_an_application_that_does_not_start(looks: Looks, staged: "Staged") -> None:
    staged.sh(f"cd {APP}/routes; cp -p web.php /root/page; echo 'throw new DomainException(\"s3cr3t\");' >> web.php")
    try:
        found = looks("maintain.daily", "error-logs")
    finally:
        staged.sh(f"cp -p /root/page {APP}/routes/web.php")
    assert (found.ok, "it does not start: DomainException" in found.summary) == (None, True), found.summary
    assert "s3cr3t" not in found.model_dump_json()


def test_a_log_that_cannot_be_read_or_understood(looks: Looks, staged: "Staged") -> None:
    staged.sh(f"echo x > {LOG}; chmod 600 {LOG}")
    unread = looks("maintain.daily", "error-logs")
    assert (unread.ok, "(not read: laravel.log)" in unread.summary) == (None, True), unread.summary
    staged.sh(f"chmod 644 {LOG}")
    strange = looks("maintain.daily", "error-logs")
    assert (strange.ok, "1 line in no format that is known" in strange.summary) == (None, True), strange.summary


def test_a_log_of_many_megabytes(looks: Looks, staged: "Staged") -> None:
    fail(staged, recorded=1)
    staged.sh(f"for i in $(seq 15); do cat {LOG} {LOG} > /root/big; cat /root/big > {LOG}; done; rm /root/big")
    size = int(staged.sh(f"stat -c %s {LOG}"))
    found = looks("maintain.daily", "error-logs")
    assert (size > 100_000_000, found.ok) == (True, False), size
    staged.sh(f"cat {LOG} {LOG} {LOG} {LOG} > /root/big; mv /root/big {LOG}; chown forge: {LOG}")
    assert "was read back to" in looks("maintain.daily", "error-logs").summary


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_an_empty_queue_is_healthy(looks: Looks) -> None:
    found = looks("maintain.daily", "queue-health")
    assert (found.ok, found.summary) == (True, "nothing waits; no failed jobs; workers agency-worker: 2/2 running")


def test_a_long_queue_that_is_worked_off(looks: Looks, staged: "Staged") -> None:
    staged.sh("supervisorctl stop 'agency-worker:*'")
    # Each job takes its time, or a fast machine has done them all before somebody looks.
    staged.sh("mariadb agency -e 'create trigger slow before insert on payments for each row set @slept = sleep(0.05)'")
    push(staged, 2_000)
    long = looks("maintain.daily", "queue-health")
    assert (long.ok, "2000 jobs wait in default, 1000 are too many" in long.summary) == (False, True), long.summary
    looks.inventory = staged.inventory_with(maintenance={"queue_waiting": 50_000})
    staged.sh("supervisorctl start 'agency-worker:*'; sleep 2")
    found = looks("maintain.daily", "queue-health")
    assert (found.ok, "worked off, " in found.summary) == (True, True), found.summary
    assert "its first one was taken, 2000 at the last look" in found.evidence[0]


def test_a_queue_that_grows(looks: Looks, staged: "Staged") -> None:
    staged.sh("supervisorctl stop 'agency-worker:*'")
    push(staged, 5)
    stuck = looks("maintain.daily", "queue-health")
    assert (stuck.ok, "in default 5 jobs wait and none was taken in 10" in stuck.summary) == (False, True)
    assert "workers agency-worker: 0/2 running, STOPPED" in stuck.summary
    push(staged, 150, pause=200_000, background=True)
    grows = looks("maintain.daily", "queue-health")
    assert (grows.ok, "default grows: " in grows.summary, "5 at the last look" in grows.summary) == (False, True, True)


def test_a_queue_that_nobody_named(looks: Looks, staged: "Staged") -> None:
    push(staged, 3, queue="mails")
    found = looks("maintain.daily", "queue-health")
    assert (found.ok, "in mails 3 jobs wait and none was taken" in found.summary) == (False, True), found.summary
    assert "no worker here listens to it" in found.summary
    by_hand = re.search(r"`sudo (-u forge .* --stop-when-empty)`", found.advice[0])
    assert by_hand is not None
    staged.sh(f"runuser {by_hand[1].replace('-u forge', '-u forge --')}")
    assert looks("maintain.daily", "queue-health").ok is True


def test_workers_that_a_signal_has_stopped(looks: Looks, staged: "Staged", cli: "Cli") -> None:
    staged.faults["workers-halted"].inject(staged.host)
    found = looks("maintain.daily", "queue-health")
    halted = "its 2 workers are stopped by a signal (state T)"
    assert (found.ok, halted in found.summary) == (False, True), found.summary
    assert found.advice[0] == f"see what `do.worker.restart --host {staged.name} --plan` would do"
    task = ("do.worker.restart", "--host", staged.name, "--inventory", str(staged.inventory), "--json")
    cli("invoke", *task, "--plan").is_("pending", 10)
    cli("invoke", *task, "--hold", "0").is_("fixed", 0, touched="yes")
    assert looks("maintain.daily", "queue-health").ok is True


def test_failed_jobs(looks: Looks, staged: "Staged") -> None:
    fail(staged, recorded=2)
    first = looks("maintain.daily", "queue-health")
    assert (first.ok, first.summary.startswith("2 new of 2 failed jobs (the first look")) == (False, True)
    assert looks("maintain.daily", "queue-health").ok is True
    fail(staged, charges=1)
    third = looks("maintain.daily", "queue-health")
    assert (third.ok, third.summary.startswith("1 new of 3 failed jobs")) == (False, True), third.summary


def test_a_queue_that_cannot_be_counted(looks: Looks, staged: "Staged") -> None:
    edit = "runuser -u forge -- sed -i 's/^QUEUE_CONNECTION=.*/QUEUE_CONNECTION={}/' {}/.env"
    cache = f"cd {APP} && runuser -u forge -- php8.2 artisan config:cache"
    staged.sh(f"{edit.format('sync', APP)}; {cache}")
    try:
        found = looks("maintain.daily", "queue-health")
    finally:
        staged.sh(f"{edit.format('redis', APP)}; {cache}")
    assert (found.ok, "its driver 'sync' keeps no jobs that could be counted here" in found.summary) == (None, True)


def test_a_queue_in_the_database(looks: Looks, staged: "Staged") -> None:
    added = "'database' => ['driver' => 'database', 'table' => 'jobs', 'queue' => 'default', 'retry_after' => 90],"
    table = (
        "create table jobs (id bigint unsigned auto_increment primary key, queue varchar(255) not null,"
        " payload longtext not null, attempts tinyint unsigned not null, reserved_at int unsigned null,"
        " available_at int unsigned not null, created_at int unsigned not null)"
    )
    cache = "runuser -u forge -- php8.2 artisan config:cache"
    staged.sh(f"""cd {APP}; cp -p .env config/queue.php /root/; mariadb agency -e '{table}'
        sed -i "/'redis' => \\[/i {added}" config/queue.php
        sed -i 's/^QUEUE_CONNECTION=.*/QUEUE_CONNECTION=database/' .env; {cache}
        mariadb agency -e 'create trigger slow before insert on payments for each row set @slept = sleep(0.05)'""")
    try:
        push(staged, 900)
        stuck = looks("maintain.daily", "queue-health")
        worker = f"runuser -u forge -- php8.2 {APP}/artisan queue:work database --max-time=90"
        staged.sh(f"setsid -f {worker} </dev/null >/dev/null 2>&1; sleep 2")
        moves = looks("maintain.daily", "queue-health")
    finally:
        staged.sh(f"""cd {APP}; pkill -f 'queue:work database' || true
            cp -p /root/.env .; cp -p /root/queue.php config/; {cache}; mariadb agency -e 'drop table jobs'""")
    assert (stuck.ok, "in default 900 jobs wait and none was taken" in stuck.summary) == (False, True), stuck.summary
    assert (moves.ok, "worked off, " in moves.summary) == (True, True), moves.summary
    assert "; 1 in work" in moves.evidence[0]


def test_a_queue_without_its_store(looks: Looks, staged: "Staged") -> None:
    staged.sh("systemctl stop redis-server")
    try:
        found = looks("maintain.daily", "queue-health")
    finally:
        staged.sh("systemctl start redis-server")
    assert (found.ok, "the queue cannot be used: its store does not answer" in found.summary) == (False, True)
