"""Output of supervisor, ss, df, pgrep and logs, as the probes parse it."""

import getpass
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import ROOT, Output, lasting
from remediate.errors import Unreadable
from remediate.probes.laravel import Deploy
from remediate.probes.laravel_log import AppLog
from remediate.probes.network import NAMELESS, PortOwner
from remediate.probes.nginx import NginxLog
from remediate.probes.supervisor import OrphanWorkers, Workers
from support import examples as ex
from support.host_paths import APP_PATH

WORKERS = Workers(program="agency-worker")

# -- supervisor 4.2 ----------------------------------------------------------------------------------------------------

STATUS = """agency-reports:agency-reports STOPPED Not started
agency-worker:agency-worker_00 RUNNING pid 13362, uptime 591
agency-worker:agency-worker_01 RUNNING pid 13057, uptime 176997
"""
BROKEN_STATUS = """agency-reports:agency-reports STOPPED Not started
agency-worker:agency-worker_00 FATAL Exited too quickly (process log may have details)
agency-worker:agency-worker_01 BACKOFF Exited too quickly (process log may have details)
agency-worker:agency-worker_02 STOPPED Nov 23 09:29 AM
agency-worker:agency-worker_03 STARTING
"""


def test_the_workers_of_one_program() -> None:
    state = WORKERS.read(Output(stdout=STATUS))
    assert [(each.name, each.pid, each.uptime) for each in state.processes] == [
        ("agency-worker:agency-worker_00", 13362, 591),
        ("agency-worker:agency-worker_01", 13057, 176_997),
    ]
    assert (state.ok, state.describe(), state.age(9e9)) == (True, "2/2 running", 591)
    assert state.incarnation == "agency-worker:agency-worker_00=13362 agency-worker:agency-worker_01=13057"


def test_a_program_that_is_its_own_group_and_one_that_nobody_knows() -> None:
    parked = Workers(program="agency-reports").read(Output(stdout=STATUS))
    assert (parked.ok, parked.describe(), parked.age(1)) == (False, "0/1 running, STOPPED", None)
    unknown = Workers(program="agency").read(Output(stdout=STATUS))
    assert (unknown.ok, unknown.describe()) == (False, "no such program")


def test_workers_that_do_not_run() -> None:
    state = WORKERS.read(Output(stdout=BROKEN_STATUS))
    assert [each.name[-2:] for each in state.broken] == ["00", "02"]
    assert [each.name[-2:] for each in state.changing] == ["01", "03"]
    assert state.describe() == "0/4 running, BACKOFF, FATAL, STARTING, STOPPED"
    assert state.processes[0].detail == "Exited too quickly (process log may have details)"


def test_a_daemon_that_does_not_run() -> None:
    state = WORKERS.read(Output(stderr="supervisor: refused connection\n", exit=3))
    assert state == ex.NO_DAEMON
    assert (state.ok, state.describe()) == (False, "unknown: supervisor does not answer")


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="supervisor: /etc/supervisor/supervisord.conf names no socket\n"),
        Output(exit=1, stderr="supervisor: curl: (22) The requested URL returned error: 401\n"),
        Output(stdout="<html>\n"),
        Output(exit=1, stderr="sudo: a password is required\n"),
    ],
)
def test_a_supervisor_that_refuses_is_unreadable(output: Output) -> None:
    with pytest.raises(Unreadable):
        WORKERS.read(output)


def test_a_worker_that_crashes_is_seen_although_the_clock_was_set_back() -> None:
    """Supervisor counts with the wall clock: what started before it was set back has an age below zero."""
    earlier, later = (
        WORKERS.read(Output(stdout=f"agency-worker:a RUNNING pid {pid}, uptime -3600\n")) for pid in (13362, 13363)
    )
    assert ([each.pid for each in later.processes], later.age(9.0)) == ([13363], None)
    assert not later.same_incarnation(earlier)


@pytest.mark.parametrize(
    ("later", "same"),
    [
        ("RUNNING   pid 13362, uptime 86401", True),
        ("RUNNING   pid 13363, uptime 9", False),
        ("STARTING  ", False),
        ("STOPPED   Nov 23 08:31 AM", False),
    ],
)
def test_an_answer_about_workers_is_the_same_text_while_nothing_happens(later: str, *, same: bool) -> None:
    earlier = "RUNNING   pid 13362, uptime 1"
    texts = (f"agency-worker:agency-worker_00   {each}\nreports   STOPPED   Not started\n" for each in (earlier, later))
    first, second = (lasting(text, Workers.volatile) for text in texts)
    assert (first == second) is same
    assert "reports   STOPPED   Not started" in first


def test_orphans() -> None:
    line = f"13362 884213 forge /usr/bin/php8.2 {APP_PATH}/artisan queue:work redis --sleep=1 --tries=3 --timeout=20 \n"
    (stray,) = OrphanWorkers().read(Output(stdout=line)).processes
    assert (stray.pid, stray.started, stray.identity) == (13362, 884213, "13362:884213")
    assert stray.arguments.endswith("--timeout=20")


# -- ss, df, pgrep, logs -----------------------------------------------------------------------------------------------

SS = """LISTEN 0      511    0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=15577,fd=5),("nginx",pid=15576,fd=5))
LISTEN 0      511       [::]:80    [::]:* users:(("nginx",pid=15577,fd=6),("nginx",pid=15576,fd=6))
"""


def test_who_listens() -> None:
    listeners = PortOwner(port=80).read(Output(stdout=SS))
    assert (listeners.programs, listeners.names) == (("nginx (15576)", "nginx (15577)"), ("nginx",))
    assert PortOwner(port=80).read(Output()).describe() == "nobody"


def test_a_listener_without_a_name_is_somebody() -> None:
    """As root: the process of this one ended while ss looked."""
    taken = PortOwner(port=80).read(Output(stdout="LISTEN 0      511    0.0.0.0:80 0.0.0.0:*\n"))
    assert (taken.describe(), taken.names) == ("a program that ss does not name", (NAMELESS,))
    with pytest.raises(Unreadable, match="ss: no output"):
        PortOwner(port=80).read(Output(exit=255))


def test_a_deploy() -> None:
    probe = Deploy(user="forge")
    found = probe.read(Output(stdout="811 composer install --no-dev\n812 sh -c git pull\n"))
    assert (found.ok, found.describe()) == (False, "running: composer install --no-dev")
    assert probe.read(Output(exit=1)) == ex.NO_DEPLOY
    with pytest.raises(Unreadable, match="deploy: pgrep"):
        probe.read(Output(exit=2, stderr="pgrep: invalid user name: forge\n"))


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="pgrep is not installed here")
def test_the_search_for_a_deploy_finds_one_and_never_itself() -> None:
    probe = Deploy(user=getpass.getuser())
    deploy = subprocess.Popen(("bash", "-c", 'exec -a "/usr/bin/php8.2 artisan migrate --force" sleep 60'))
    found: tuple[str, ...] = ()
    try:
        for _ in range(500):
            done = subprocess.run(probe.command().argv, capture_output=True, text=True, timeout=20, check=False)
            found = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).running
            if any("artisan migrate" in line for line in found):
                break
        assert any(line.startswith("/usr/bin/php8.2 artisan migrate --force") for line in found)
        assert not any("pgrep" in line for line in found)
    finally:
        deploy.kill()
        deploy.wait()


def test_the_last_lines_of_a_log() -> None:
    probe = AppLog(path=APP_PATH)
    log = probe.read(Output(stdout="one\n\n  \ntwo  \n"))
    assert (log.lines, log.ok, log.describe()) == (("one", "two"), None, "two")
    assert probe.read(Output()).describe() == "no lines"
    with pytest.raises(Unreadable, match="cannot open"):
        probe.read(Output(exit=1, stderr="tail: cannot open '/var/log/nginx/error.log' for reading\n"))


ENTRY = "[2026-11-30 14:54:0%d] staging.ERROR: file_put_contents(): Permission denied {}"


def test_the_entries_of_an_applications_log_are_told_and_not_their_stack_traces(tmp_path: Path) -> None:
    logs = tmp_path / "storage/logs"
    logs.mkdir(parents=True)
    probe = AppLog(path=str(tmp_path), lines=2)
    assert _told(probe) == ()
    trace = '[stacktrace]\n#0 /x.php(1): f()\n#1 {main}\n"}\n'
    (logs / "laravel.log").write_text("".join(f"{ENTRY % number}\n{trace}" for number in range(4)))
    assert _told(probe) == (ENTRY % 2, ENTRY % 3)
    (logs / "laravel.log").write_text('{"level":"error"}\nplain\nlast\n')
    assert _told(probe) == ("plain", "last")


def _told(probe: AppLog) -> tuple[str, ...]:
    done = subprocess.run(probe.command().argv, capture_output=True, text=True, check=False, timeout=10)
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).lines


def test_logs_are_asked_by_those_who_may_read_them() -> None:
    assert NginxLog().command().user == ROOT
    assert AppLog(path=APP_PATH).command().user is None
