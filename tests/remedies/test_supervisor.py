"""Truth tables: supervisor and its workers start, or it is said why not."""

from itertools import product

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.errors import Unreadable
from remediate.probes.supervisor import Workers, WorkerState
from remediate.programs.processes import end_processes
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.remedies.workers import start_program
from support import examples as ex
from support.hosts import host_with
from support.supervised import DAEMON, ORPHANS, RESTART, UNIT, Known
from support.toys import LOST, UNITS, decide

START = StartWorkers(program="agency-worker")
WORKERS = Workers(program="agency-worker")
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
    # The others are reached below.
    reached = {"left-running", "supervisor-silent", *DECISIONS.values()}
    assert reached == {"wait", "skip", "proceed", *(code.name for code in RestartSupervisor.refusals)}


ASKING = DAEMON.model_copy(update={"program": "agency-worker"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [(ex.workers("RUNNING"), "skip"), (ex.NO_PROGRAM, "skip"), (LOST, "skip"), (ex.NO_DAEMON, "supervisor-silent")],
)
def test_a_running_daemon_that_nobody_can_reach_is_a_persons(said: WorkerState | Unreadable, expected: str) -> None:
    known: Known = {UNIT: ex.RUNNING, ORPHANS: ex.NO_STRAYS, WORKERS: said}
    assert decide(ASKING, known) == expected
    if expected == "supervisor-silent":
        code = ASKING.guard(Facts(known)).code
        assert code is not None
        assert (code.name, code.overridable) == ("supervisor-silent", False)
    assert decide(ASKING, {**known, UNIT: ex.FAILED}) == "proceed"


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
    host = host_with({"app_path": "/srv/app", "app_user": "www", "worker_program": "jobs"})
    assert RestartSupervisor.on(host) == RestartSupervisor(user="www", program="jobs")
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
