"""Truth table: workers are replaced or left alone."""

from itertools import product

import pytest

from remediate.core.command import Output
from remediate.core.facts import Facts
from remediate.core.host import Settings
from remediate.core.probe import Fact
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.descendants import Descendants
from remediate.probes.queue import StoreTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.probes.supervisor import Workers
from remediate.programs.processes import end_processes
from remediate.remedies.workers import RestartWorkers, renew_workers, renewing, start_program
from support import daily_examples as exd
from support import examples as ex
from support.hosts import host_with
from support.render import surveyed
from support.toys import LOST, Known, decide

PATH = "/home/forge/agency-platform"
RENEW = RestartWorkers(program="agency-worker", path=PATH, patience=7)
PROCESSES = Descendants(path=PATH, user="forge", unit="supervisor")
WORKERS = Workers(program="agency-worker")
RUN = ex.workers("RUNNING", "RUNNING", pid=101)
AGAIN = ex.workers("RUNNING", "RUNNING", pid=201)
ONE_JOB = "php artisan queue:work redis --once --name=default --queue=default --sleep=3 --tries=1"

FRESH = {
    "none": ex.descendants(),
    "fresh": ex.descendants((101, False), (102, False)),
    "no worker": ex.descendants((101, True), program="schedule:run"),
}
STALE = {"one": ex.descendants((101, True), (102, False)), "both": ex.descendants((101, True), (102, True))}
SUPERVISED: dict[str, Fact | Unreadable] = {"running": RUN, "down": ex.NO_DAEMON, "unknown": LOST}


@pytest.mark.parametrize(("processes", "supervised"), list(product({**FRESH, **STALE}, SUPERVISED)))
def test_only_workers_with_an_old_configuration_are_asked(processes: str, supervised: str) -> None:
    expected = {"running": "proceed", "down": "wait", "unknown": "unreadable"}[supervised]
    given: Known = {
        PROCESSES: {**FRESH, **STALE}[processes],
        WORKERS: SUPERVISED[supervised],
    }
    assert decide(RENEW, given) == ("skip" if processes in FRESH else expected)
    assert decide(RENEW, {**given, PROCESSES: LOST}) == "unreadable"


def test_only_the_old_ones_are_ended_and_what_does_not_come_back_is_started() -> None:
    facts = Facts({PROCESSES: STALE["one"], WORKERS: RUN})
    assert list(RENEW.apply(facts)) == [
        end_processes(("101:1010",), "forge", 7, left="leave"),
        start_program("agency-worker"),
    ]
    assert list(renew_workers((), "forge", "agency-worker", 7)) == []
    assert renewing("forge", None, 7) == (end_processes((), "forge", 7, left="leave"),)


def test_what_a_listener_started_for_one_job_is_never_signalled() -> None:
    lines = (f"101 1010 stale forge {PATH} php artisan queue:listen", f"102 1020 stale forge {PATH} {ONE_JOB}")
    facts = Facts({PROCESSES: PROCESSES.read(Output(stdout="\n".join(lines))), WORKERS: RUN})
    first, _ = RENEW.apply(facts)
    assert first == end_processes(("101:1010",), "forge", 7, left="leave")
    alone = PROCESSES.read(Output(stdout=lines[1]))
    assert decide(RENEW, {PROCESSES: alone, WORKERS: RUN}) == "skip"


def test_what_somebody_has_stopped_is_not_started() -> None:
    parked = ex.workers("RUNNING", "STOPPED", pid=101)
    before: Known = {PROCESSES: STALE["one"], WORKERS: parked}
    assert decide(RENEW, before) == "proceed"
    assert list(RENEW.apply(Facts(before))) == [end_processes(("101:1010",), "forge", 7, left="leave")]

    after: Known = {PROCESSES: FRESH["fresh"]}
    came_back = surveyed({**after, WORKERS: ex.workers("RUNNING", "STOPPED", pid=201)})
    assert isinstance(RENEW.verify(surveyed(before), came_back), Proven)
    for left in (("EXITED", "STOPPED"), ("STOPPED", "STOPPED"), ("EXITED", "RUNNING")):
        assert isinstance(RENEW.verify(surveyed(before), surveyed({**after, WORKERS: ex.workers(*left)})), NotYet)


def test_a_worker_that_does_not_come_back_is_no_success() -> None:
    def facts(processes: str, state: Fact) -> Facts:
        return surveyed({PROCESSES: {**FRESH, **STALE}[processes], WORKERS: state})

    proof = RENEW.verify(facts("both", RUN), facts("none", ex.workers("RUNNING", "STARTING")))
    assert isinstance(proof, NotYet)
    assert "STARTING" in proof.reason


def test_the_inventory_fills_it() -> None:
    stated = {"app_path": PATH, "app_user": "www", "worker_program": "jobs"}
    host = host_with(stated)
    assert RestartWorkers.on(host) == RestartWorkers(program="jobs", path=PATH, user="www")
    host = host.model_copy(update={"settings": Settings.model_validate({**stated, "php": "php8.2"})})
    queue = QueueMotion(php="php8.2", path=PATH, user="www")
    assert RestartWorkers.on(host) == RestartWorkers(program="jobs", path=PATH, user="www", queue=queue)


# -- workers that do not work ------------------------------------------------------------------------------------------

QUEUE = QueueMotion(php="php8.2", path=PATH, user="forge")
DRIVEN = RENEW.model_copy(update={"queue": QUEUE})
ONLY_QUEUE = DRIVEN.model_copy(update={"configured": False})
OVERDUE = exd.motion(
    exd.level(5, 5, taken=False, held=1200, working=2), workers=(exd.worker(101), exd.worker(102)), seconds=10
)
STUCK = {"stopped": exd.stuck(101, 102), "idle": exd.stuck(101, 102, stopped=False), "overdue": OVERDUE}
STUCK["stopped, nothing waits"] = exd.motion(workers=(exd.worker(101, stopped=True), exd.worker(102, stopped=True)))
MOVING = {
    "empty": exd.motion(workers=(exd.worker(101),)),
    "taken": exd.motion(exd.level(5, 4), workers=(exd.worker(101, stopped=True), exd.worker(102))),
    "busy": exd.motion(exd.level(5, 5, taken=False, held=59, working=1), workers=(exd.worker(101),), seconds=10),
    "nobody's": exd.motion(exd.STANDING, workers=(exd.worker(101, queues=("mails",)),), seconds=10),
    "store down": QueueMotionState(trouble=StoreTrouble.REFUSED),
    "sync": QueueMotionState(trouble=None, connection="sync", driver="sync"),
}


@pytest.mark.parametrize(("queue", "supervised"), list(product({**STUCK, **MOVING}, SUPERVISED)))
def test_workers_are_asked_to_make_room_when_the_queue_stands_still_because_of_them(
    queue: str, supervised: str
) -> None:
    needed = {"running": "proceed", "down": "wait", "unknown": "unreadable"}[supervised]
    given: Known = {QUEUE: {**STUCK, **MOVING}[queue], WORKERS: SUPERVISED[supervised]}
    expected = needed if queue in STUCK else "skip"
    assert decide(ONLY_QUEUE, given) == expected
    assert decide(DRIVEN, {**given, PROCESSES: FRESH["fresh"]}) == expected
    assert PROCESSES not in ONLY_QUEUE.probes()


def test_an_old_configuration_counts_whether_or_not_the_queue_can_be_read() -> None:
    known: Known = {PROCESSES: STALE["one"], WORKERS: RUN, QUEUE: LOST}
    assert decide(DRIVEN, known) == "proceed"
    assert decide(DRIVEN, {**known, PROCESSES: FRESH["fresh"]}) == "unreadable"


@pytest.mark.parametrize("stuck", STUCK)
def test_those_that_are_stuck_are_ended_by_identity(stuck: str) -> None:
    facts = Facts({PROCESSES: FRESH["fresh"], WORKERS: RUN, QUEUE: STUCK[stuck]})
    end = end_processes(("101:1010", "102:1020"), "forge", 7, left="leave")
    assert list(DRIVEN.apply(facts)) == [end, start_program("agency-worker")]


def test_workers_that_nobody_supervises_are_left_to_who_started_them() -> None:
    alien = exd.motion(exd.STANDING, workers=(exd.worker(101, stopped=True, unit="session-7.scope"),), seconds=10)
    known: Known = {WORKERS: RUN, QUEUE: alien}
    assert decide(ONLY_QUEUE, known) == "worker-not-supervised"
    reason = ONLY_QUEUE.guard(Facts(known)).reason
    assert reason == (
        "5 jobs wait in default: its worker is stopped by a signal (state T); supervisor did not start them: "
        "`ps -fp 101` tells whose they are"
    )


def test_only_workers_of_the_program_that_is_started_again_are_ended() -> None:
    """Another program may not start its own again: the queue would have no worker then."""
    pids = [each.pid for each in RUN.processes if each.pid is not None]
    own = tuple(exd.worker(pid) for pid in pids)
    other = exd.worker(999, queues=("emails",), stopped=True)
    waiting = exd.level(5, 5, name="emails", taken=False)
    known: Known = {WORKERS: RUN, QUEUE: exd.motion(waiting, workers=(*own, other), seconds=10)}
    assert decide(ONLY_QUEUE, known) == "worker-not-supervised"
    mixed: Known = {WORKERS: RUN, QUEUE: exd.stuck(*pids, 999)}
    end = end_processes(tuple(f"{pid}:{pid * 10}" for pid in pids), "forge", 7, left="leave")
    assert list(ONLY_QUEUE.apply(Facts(mixed))) == [end, start_program("agency-worker")]


def test_a_queue_that_lost_its_workers_is_not_proven() -> None:
    before = _seen(STUCK["stopped"], RUN)
    after = _seen(exd.motion(exd.STANDING, workers=(exd.worker(201, queues=("mails",)),), seconds=10))
    lost = ONLY_QUEUE.verify(before, after)
    assert isinstance(lost, Failed)
    assert "no worker here listens to it" in lost.reason


def _seen(queue: Fact, workers: Fact = AGAIN) -> Facts:
    return surveyed({WORKERS: workers, QUEUE: queue})


def test_it_is_proven_by_new_workers_and_a_queue_that_moves() -> None:
    before = _seen(STUCK["overdue"], RUN)
    renewed = (exd.worker(201), exd.worker(202))
    proof = ONLY_QUEUE.verify(before, _seen(exd.motion(exd.level(5, 3), workers=renewed)))
    assert isinstance(proof, Proven)
    still = ONLY_QUEUE.verify(before, _seen(exd.motion(exd.STANDING, workers=renewed, seconds=10)))
    assert isinstance(still, NotYet)
    assert (
        "compare `environment` and `command` of agency-worker in supervisor's configuration with .env" in still.reason
    )
    left = ONLY_QUEUE.verify(before, _seen(exd.motion(exd.level(5, 4), workers=(exd.worker(101), exd.worker(202)))))
    assert isinstance(left, NotYet)
    assert left.reason == (
        "101 did not end when asked to: `sudo kill -KILL 101` breaks the job off, which then fails or is run again: "
        "not where it takes money"
    )
    # That the process with that number is another one is seen by when it was started.
    reused = exd.worker(101).model_copy(update={"started": 7})
    assert isinstance(ONLY_QUEUE.verify(before, _seen(exd.motion(workers=(reused,)))), Proven)


def test_what_keeps_it_from_being_needed_is_only_what_was_looked_at() -> None:
    def why(remedy: RestartWorkers, queue: Fact) -> str:
        return remedy.guard(Facts({PROCESSES: FRESH["fresh"], WORKERS: RUN, QUEUE: queue})).reason

    older = "no worker of agency-worker is older than the configuration"
    assert why(DRIVEN, MOVING["empty"]) == f"{older}; the queue: nothing waits"
    assert why(DRIVEN, MOVING["sync"]) == older
    assert why(ONLY_QUEUE, MOVING["sync"]) == "the queue: there is none (sync)"
    assert why(RENEW, MOVING["empty"]) == older


EXAMPLES = {
    "worker.restart": (
        RENEW,
        {PROCESSES: STALE["both"], WORKERS: RUN},
        {PROCESSES: ex.descendants((201, False), (202, False)), WORKERS: AGAIN},
        tuple(
            {PROCESSES: processes, WORKERS: state}
            for processes, state in product(({**FRESH, **STALE}).values(), SUPERVISED.values())
        ),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
