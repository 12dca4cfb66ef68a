"""Queues without a worker: the report, with the workers' queues and a command."""

from remediate.core.facts import Facts
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.queue import StoreTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.remedies.unattended import QUEUE_UNATTENDED, AttendQueue
from support import daily_examples as ex
from support.hosts import host_with
from support.toys import decide

PATH = "/home/forge/agency-platform"
QUEUE = QueueMotion(php="php8.2", path=PATH, user="forge")
ATTEND = AttendQueue(program="agency-worker", queue=QUEUE)
ELSEWHERE = ex.motion(ex.STANDING, workers=(ex.worker(queues=("mails", "low")), ex.worker(2, queues=("mails", "low"))))
ALONE = ex.motion(ex.STANDING.model_copy(update={"connection": "database", "name": "it's"}))


def test_only_a_queue_without_a_worker_is_a_persons() -> None:
    assert decide(ATTEND, {QUEUE: ELSEWHERE}) == "queue-unattended"
    for well in (ex.motion(), ex.motion(ex.level(5, 4)), ex.stuck(1), QueueMotionState(trouble=StoreTrouble.REFUSED)):
        assert decide(ATTEND, {QUEUE: well}) == "skip"
    assert decide(ATTEND, {QUEUE: Unreadable("not now")}) == "unreadable"


def test_it_says_who_listens_to_what_and_how_to_go_on() -> None:
    assert ATTEND.guard(Facts({QUEUE: ELSEWHERE})).reason == (
        "5 jobs wait in default: no worker here listens to it; 2 listen to mails, low of redis. Name default in "
        "--queue of agency-worker's command, or work it off now: `sudo -u forge /usr/bin/php8.2 "
        f"{PATH}/artisan queue:work --queue=default --stop-when-empty`"
    )
    alone = ATTEND.guard(Facts({QUEUE: ALONE})).reason
    assert "; there is no worker at all. " in alone
    assert """artisan queue:work database '--queue=it'"'"'s' --stop-when-empty`""" in alone


def test_where_the_inventory_names_no_workers_it_asks_to_start_one() -> None:
    attend = AttendQueue.on(host_with({"app_path": PATH, "php": "php8.2"}))
    assert attend == ATTEND.model_copy(update={"program": None})
    verdict = attend.guard(Facts({QUEUE: ALONE}))
    assert ". Start the worker that takes its jobs, or work it off now: `sudo -u forge " in verdict.reason
    # A scheduler may start a worker every minute: where nobody knows how old the jobs are, they are looked at again.
    assert (verdict.decision, verdict.code) == (Decision.WAIT, QUEUE_UNATTENDED)
    old = ex.motion(ex.STANDING.model_copy(update={"oldest": 500}))
    assert decide(attend, {QUEUE: old}) == "queue-unattended"
    assert decide(attend, {QUEUE: ELSEWHERE}) == "queue-unattended"
    assert "Name default in --queue of a worker's command, or" in attend.guard(Facts({QUEUE: ELSEWHERE})).reason


def test_stuck_workers_that_supervisor_does_not_run_are_a_persons() -> None:
    attend = ATTEND.model_copy(update={"program": None})
    for state in (ex.stuck(1), ex.stuck(1, stopped=False), ex.motion(workers=(ex.worker(stopped=True),))):
        assert decide(attend, {QUEUE: state}) == "worker-not-supervised"
        assert decide(ATTEND, {QUEUE: state}) == "skip"
        assert attend.guard(Facts({QUEUE: state})).reason.endswith("; their units: supervisor.service")
    horizon = ex.motion(ex.STANDING).model_copy(update={"horizon": True})
    for remedy in (attend, ATTEND):
        assert decide(remedy, {QUEUE: horizon}) == "worker-not-supervised"


def test_the_inventory_fills_it() -> None:
    assert AttendQueue.on(host_with({"app_path": PATH, "php": "php8.2", "worker_program": "agency-worker"})) == ATTEND


EXAMPLES = {"queue.attend": (ATTEND, {QUEUE: ELSEWHERE}, {QUEUE: ex.motion()}, ({QUEUE: ALONE}, {QUEUE: ex.stuck(1)}))}
"""For the contract of every remedy."""
