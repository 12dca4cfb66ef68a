"""Truth tables: supervisor and workers start, and only orphans end, for real."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.supervisor import OrphanWorkers, StrayProcess, StrayWorkers, Workers, WorkerState
from remediate.probes.systemd import Unit
from remediate.programs.processes import end_processes
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.remedies.workers import start_program
from remediate.testing import SHELLS, installed_shells
from support import examples as ex
from support.toys import UNITS, decide

PATH = "/home/forge/agency-platform"
DAEMON = RestartSupervisor()
UNIT, ORPHANS = Unit(name="supervisor"), OrphanWorkers()
START = StartWorkers(program="agency-worker")
WORKERS = Workers(program="agency-worker")
LOST = Unreadable("not now")
Known = dict[Probe[Fact], Fact | Unreadable]

RESTART = Run.of("/usr/bin/systemctl", "restart", "supervisor.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "supervisor.service", user=ROOT, seconds=10)


# -- the daemon --------------------------------------------------------------------------------------------------------

DECISIONS = {
    "running": "skip",
    "failed": "proceed",
    "stopped": "proceed",
    "auto-restart": "proceed",
    "start-limit": "start-limit-hit",
    "masked": "unit-masked",
    "missing": "unit-missing",
    "starting": "wait",
    "stopping": "wait",
    "reloading": "wait",
    "queued": "wait",
}
STRAYS = {"none": ex.NO_STRAYS, "one": ex.strays((101, 5001)), "two": ex.strays((101, 5001), (102, 5002))}


@pytest.mark.parametrize(("unit", "left"), list(product(UNITS, STRAYS)))
def test_every_state_of_the_daemon(unit: str, left: str) -> None:
    state, expected = UNITS[unit], DECISIONS[unit]
    assert decide(DAEMON, {UNIT: state, ORPHANS: STRAYS[left]}) == expected
    assert decide(DAEMON, {UNIT: LOST, ORPHANS: STRAYS[left]}) == "unreadable"
    unknown = decide(DAEMON, {UNIT: state, ORPHANS: LOST})
    # A start limit can be overridden, and then it would act.
    assert unknown == ("unreadable" if expected in {"proceed", "start-limit-hit"} else expected)


def test_every_reason_to_refuse_the_daemon_is_reached() -> None:
    # left-running is reached below
    reached = {"left-running", *DECISIONS.values()}
    assert reached == {"wait", "skip", "proceed", *(code.name for code in RestartSupervisor.refusals)}


def test_orphans_are_ended_before_the_daemon_comes_back() -> None:
    facts = Facts({UNIT: ex.FAILED, ORPHANS: STRAYS["two"]})
    assert list(DAEMON.apply(facts)) == [end_processes(("101:5001", "102:5002"), "forge", 60), RESTART]
    assert DAEMON.guard(facts).reason.endswith(", workers left behind: 2 unsupervised")
    assert list(DAEMON.apply(Facts({UNIT: ex.START_LIMIT, ORPHANS: ex.NO_STRAYS}))) == [RESET, RESTART]
    assert DAEMON.guard(Facts({UNIT: ex.FAILED, ORPHANS: ex.NO_STRAYS})).reason == (
        "supervisor is failed since 08:31:11Z (exit 255)"
    )


# -- the workers -------------------------------------------------------------------------------------------------------

STATES = {
    ("RUNNING", "RUNNING"): "skip",
    ("RUNNING", "STOPPED"): "proceed",
    ("STOPPED", "STOPPED"): "proceed",
    ("FATAL", "FATAL"): "proceed",
    ("EXITED",): "proceed",
    ("UNKNOWN", "RUNNING"): "proceed",
    ("FATAL", "BACKOFF"): "proceed",
    ("STOPPED", "STOPPING"): "proceed",
    ("BACKOFF", "RUNNING"): "wait",
    ("STARTING", "STARTING"): "wait",
    ("STOPPING", "RUNNING"): "wait",
}


@pytest.mark.parametrize("states", list(STATES))
def test_every_state_of_the_workers(states: tuple[str, ...]) -> None:
    state = ex.workers(*states)
    assert decide(START, {WORKERS: state}) == STATES[states]


def test_one_that_does_not_end_gets_a_next_step() -> None:
    ending = WORKERS.read(
        Output(stdout="agency-worker:a_00 RUNNING pid 7, uptime 9\nagency-worker:a_01 STOPPING pid 8\n")
    )
    reason = START.guard(Facts({WORKERS: ending})).reason
    assert reason == (
        "agency-worker is 1/2 running, STOPPING; one that stops ends its job first, for stopwaitsecs at most: "
        "if a signal has stopped it (state T), `sudo kill -CONT 8` lets it end; `sudo kill -KILL 8` breaks the job off"
    )
    assert "kill" not in START.guard(Facts({WORKERS: ex.workers("RUNNING", "STOPPING")})).reason
    assert "kill" not in START.guard(Facts({WORKERS: ex.workers("STARTING")})).reason


def test_workers_that_cannot_be_told_are_left_alone() -> None:
    assert decide(START, {WORKERS: LOST}) == "unreadable"


def test_workers_of_a_daemon_that_is_down_are_waited_for() -> None:
    assert decide(START, {WORKERS: ex.NO_DAEMON}) == "wait"


def test_a_program_that_supervisor_does_not_know_is_refused() -> None:
    assert decide(START, {WORKERS: ex.NO_PROGRAM}) == "program-missing"
    assert [code.name for code in StartWorkers.refusals] == ["program-missing"]


def test_what_it_starts() -> None:
    state = ex.workers("RUNNING", "FATAL")
    facts = Facts({WORKERS: state})
    (start,) = START.apply(facts)
    assert start == start_program("agency-worker")
    assert START.guard(facts).reason == "agency-worker is 1/2 running, FATAL"


def test_the_inventory_fills_both() -> None:
    settings = Settings.model_validate({"app_path": "/srv/app", "app_user": "www", "worker_program": "jobs"})
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
    assert RestartSupervisor.on(host) == RestartSupervisor(user="www")
    assert StartWorkers.on(host) == StartWorkers(program="jobs")


def _workers(state: WorkerState) -> Known:
    return {WORKERS: state}


EXAMPLES = {
    "supervisor.restart": (
        DAEMON,
        {UNIT: ex.FAILED, ORPHANS: STRAYS["two"]},
        {UNIT: ex.started_again(ex.FAILED), ORPHANS: ex.NO_STRAYS},
        tuple({UNIT: unit, ORPHANS: left} for unit, left in product(UNITS.values(), STRAYS.values())),
    ),
    "worker.start": (
        START,
        _workers(ex.workers("FATAL", "FATAL")),
        _workers(ex.workers("RUNNING", "RUNNING")),
        (*(_workers(ex.workers(*states)) for states in STATES), _workers(ex.NO_DAEMON), _workers(ex.NO_PROGRAM)),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""


# -- orphans, for real -------------------------------------------------------------------------------------------------


class Dummy(NamedTuple):
    """A process of this test's, that looks like a queue worker."""

    process: "subprocess.Popen[bytes]"
    reaper: threading.Thread

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def identity(self) -> str:
        return f"{self.pid}:{_started(self.pid)}"

    @property
    def ended(self) -> bool:
        self.reaper.join(0.5)
        return not self.reaper.is_alive()


def _started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.fixture
def dummies() -> Iterator[list[Dummy]]:
    started: list[Dummy] = []
    yield started
    for each in started:
        each.process.kill()
        each.reaper.join(10)


def dummy(dummies: list[Dummy], before: str = "", program: str = "sleep 60") -> Dummy:
    """Start one; a thread takes note of its end, as an orphan's new parent would."""
    argv = ("bash", "-c", f'{before} echo ready; exec -a "/usr/bin/php8.2 {PATH}/artisan queue:work" {program}')
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    reaper = threading.Thread(target=process.wait, daemon=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    reaper.start()
    dummies.append(Dummy(process, reaper))
    return dummies[-1]


End = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=installed_shells())
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Every shell that a host's /bin/sh may be."""
    return SHELLS[str(request.param)]


@pytest.fixture
def end(shell: tuple[str, ...]) -> End:
    """Run what ends orphans, exactly as a host would get it."""

    def run(*identities: str, patience: int = 5) -> "subprocess.CompletedProcess[str]":
        parts = [(int(pid), int(began)) for pid, began in (each.split(":") for each in identities)]
        remedy = RestartSupervisor(patience=patience)
        first, *_ = remedy.apply(Facts({UNIT: ex.FAILED, ORPHANS: ex.strays(*parts)}))
        assert first.argv[0] == "/bin/sh"
        return subprocess.run(
            (*shell, *first.argv[1:]), input=read_by(first), capture_output=True, text=True, timeout=30, check=False
        )

    return run


def read_by(run: Run) -> str:
    assert run.stdin is not None
    return run.stdin.get_secret_value()


def test_exactly_those_that_were_seen_are_ended(end: End, dummies: list[Dummy]) -> None:
    first, second, other = dummy(dummies), dummy(dummies), dummy(dummies)
    done = end(first.identity, second.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert first.ended
    assert second.ended
    assert not other.ended
    assert first.process.returncode == -signal.SIGTERM


def test_one_that_a_signal_has_stopped_hears_of_it(end: End, dummies: list[Dummy]) -> None:
    stopped = dummy(dummies)
    stopped.process.send_signal(signal.SIGSTOP)
    done = end(stopped.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert stopped.process.returncode == -signal.SIGTERM


def test_a_recycled_pid_is_not_signalled(end: End, dummies: list[Dummy]) -> None:
    recycled, meant = dummy(dummies), dummy(dummies)
    done = end(f"{recycled.pid}:{_started(recycled.pid) - 1}", meant.identity)
    assert (done.returncode, done.stderr) == (0, "")
    assert meant.ended
    assert not recycled.ended


def test_a_process_that_is_gone_needs_no_ending(end: End, dummies: list[Dummy]) -> None:
    gone = dummy(dummies)
    identity = gone.identity
    gone.process.kill()
    assert gone.ended
    begun = time.monotonic()
    assert end(identity, patience=25).returncode == 0
    assert time.monotonic() - begun < 20


def test_a_worker_may_finish_its_job(end: End, dummies: list[Dummy], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    job = f'trap "sleep 0.3; exit 0" TERM; : > {ready}; while :; do sleep 0.1; done'
    busy = dummy(dummies, program=f"bash -c '{job}'")
    _until(ready.exists)
    done = end(busy.identity, patience=25)
    assert (done.returncode, done.stderr) == (0, "")
    assert busy.ended
    assert busy.process.returncode == 0


def test_one_that_does_not_end_is_named_and_left_working(end: End, dummies: list[Dummy]) -> None:
    stubborn, good = dummy(dummies, before='trap "" TERM;'), dummy(dummies)
    begun = time.monotonic()
    done = end(stubborn.identity, good.identity, patience=1)
    assert done.returncode == 1
    assert done.stderr.strip() == f"still there: {stubborn.pid}"
    assert time.monotonic() - begun > 0.9
    assert good.ended
    assert not stubborn.ended


def test_all_that_do_not_end_are_named(end: End, dummies: list[Dummy]) -> None:
    first, second = (dummy(dummies, before='trap "" TERM;') for _ in range(2))
    done = end(first.identity, second.identity, patience=0)
    assert (done.returncode, done.stderr.strip()) == (1, f"still there: {first.pid} {second.pid}")


def test_a_name_that_looks_like_the_rest_of_a_line_is_only_a_name(
    end: End, dummies: list[Dummy], tmp_path: Path
) -> None:
    odd = tmp_path / "a) 1 b"
    odd.symlink_to(shutil.which("sleep") or "/bin/sleep")
    named, other = dummy(dummies), dummy(dummies, program=f"'{odd}' 60")
    _until(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "a) 1 b\n")
    assert end(named.identity, f"{other.pid}:1").returncode == 0
    assert not other.ended
    assert end(other.identity).returncode == 0
    assert other.ended


def _until(true: Callable[[], bool]) -> None:
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


# -- finding them ------------------------------------------------------------------------------------------------------

WORK = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1"


@pytest.mark.parametrize(
    ("arguments", "worker"),
    [
        (WORK, True),
        ("php artisan queue:work", True),
        ("/usr/bin/php -d memory_limit=1G artisan queue:listen --tries=3", True),
        ("php artisan horizon", True),
        ("php artisan reverb:start", True),
        ("php artisan schedule:work", True),
        ("sh -c php '/srv/a b/artisan' queue:work", True),
        ("node /srv/app/server.js", False),
        ("php artisan migrate", False),
        ("php notartisan queue:work", False),
        ("php artisan queue:work redis --once --name=default --queue=default", False),
        ("php artisan queue:work --once", False),
        ("php artisan queue:work --queue=--oncet", True),
        ("php artisan queue:listen --name=x --once", True),
    ],
)
def test_what_may_be_ended(arguments: str, worker: bool) -> None:
    assert StrayProcess(pid=1, started=1, user="forge", arguments=arguments).is_worker is worker


@pytest.mark.parametrize(
    "stranger",
    [
        StrayProcess(pid=7, started=1, user="forge", arguments="node /srv/app/server.js"),
        StrayProcess(pid=7, started=1, user="other", arguments=WORK),
    ],
)
def test_what_is_left_and_may_not_be_ended_is_a_reason_to_refuse(stranger: StrayProcess) -> None:
    left = StrayWorkers(processes=(*ex.strays((101, 5001)).processes, stranger))
    given: Known = {UNIT: ex.FAILED, ORPHANS: left}
    assert decide(DAEMON, given) == "left-running"
    assert f"{stranger.arguments} (pid 7, user {stranger.user})" in DAEMON.guard(Facts(given)).reason
    # Overridden, it still only ends what it knows.
    end_them, restart = DAEMON.apply(Facts(given))
    assert read_by(end_them) == "101:5001\n"
    assert restart == RESTART


def test_a_job_that_a_listener_started_is_left_to_end_by_itself() -> None:
    listener, job = "php artisan queue:listen", "php artisan queue:work redis --once --name=default"
    left = ORPHANS.read(Output(stdout=f"101 5001 forge {listener}\n102 5002 forge {job}\n"))
    given: Known = {UNIT: ex.FAILED, ORPHANS: left}
    assert decide(DAEMON, given) == "proceed"
    assert read_by(next(iter(DAEMON.apply(Facts(given))))) == "101:5001\n"


def test_the_search_asks_systemd_first(tmp_path: Path) -> None:
    def read(said: str) -> StrayWorkers:
        stub = tmp_path / "systemctl"
        stub.write_text(f"#!/bin/sh\n{said}\n")
        stub.chmod(0o755)
        run = OrphanWorkers(unit="no-such-unit-here").command()
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(run.argv, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)
        return OrphanWorkers().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))

    assert read("echo 0") == ex.NO_STRAYS
    with pytest.raises(Unreadable, match="Failed to connect to bus"):
        read("echo Failed to connect to bus >&2; exit 1")


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
