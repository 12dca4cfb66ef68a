"""Judgement of a queue: movement, new failures and workers."""

import pytest

from remediate.core.host import Host
from remediate.core.probe import Fact
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.item import Finding, Past
from remediate.maintenance.items.queue_health import QueueHealth
from remediate.probes.queue import FailedJobsState, StoreTrouble
from remediate.probes.queue_motion import QueueMotionState
from support import daily_examples as ex
from support import examples
from support import payment_examples as pay
from support.toy_looks import host, judged, past

ITEM = QueueHealth()
MOTION, FAILED, WORKERS = ITEM.probes(host())
NONE_FAILED = FailedJobsState(trouble=None, asked=False)
RUNNING = examples.workers("RUNNING", "RUNNING")


def look(
    motion: Fact | Unreadable,
    failed: Fact | Unreadable = NONE_FAILED,
    workers: Fact | Unreadable = RUNNING,
    *,
    before: Past | None = None,
    at: Host | None = None,
) -> Finding:
    return judged(ITEM, {MOTION: motion, FAILED: failed, WORKERS: workers}, before=before, at=at)


def failed(*numbers: int, **known: object) -> FailedJobsState:
    return FailedJobsState.model_validate(
        {"trouble": None, "asked": False, "jobs": tuple(pay.failed_job(number) for number in numbers), **known}
    )


def after(motion: QueueMotionState, jobs: FailedJobsState = NONE_FAILED, *, hours: float = 24) -> Past:
    return past(ITEM, look(motion, jobs), hours=hours)


def test_an_empty_queue() -> None:
    found = look(ex.motion())
    assert (found.ok, found.summary) == (True, "nothing waits; no failed jobs; workers agency-worker: 2/2 running")
    assert found.evidence == ("default: 0 wait; 0 in work, 0 for later",)
    assert [(each.name, each.value) for each in found.samples] == [
        ("waiting", 0),
        ("waiting in default", 0),
        ("failed jobs", 0),
    ]


def test_a_queue_that_is_worked_off() -> None:
    found = look(ex.motion(ex.level(9, 4, working=2)))
    assert (found.ok, found.summary.partition(";")[0]) == (True, "worked off, 4 jobs wait")
    assert found.evidence[0].startswith("default: 4 wait, 9 some 3 s before, its first one was taken; 2 in work")


def test_nothing_is_taken_while_jobs_wait() -> None:
    found = look(ex.motion(ex.level(5, 5, taken=False)), workers=examples.workers("STOPPED", "STOPPED"))
    assert found.ok is False
    assert found.summary.startswith(
        "in default 5 jobs wait and none was taken in 3 s: no worker here listens to it; workers agency-worker: 0/2"
    )
    assert found.advice[1] == "see what `do.worker.start --host web --plan` would do"
    restart = "see what `do.worker.restart --host web --plan` would do"
    for workers in ({"stopped": True}, {"timeout": 5}, {}):
        held = 21 if "timeout" in workers else None
        level = ex.level(5, 5, taken=False, held=held, working=int(held is not None))
        stuck = ex.motion(level, workers=(ex.worker(**workers),), seconds=10)
        assert look(stuck).advice[0] == restart, workers
        assert look(stuck).ok is False


def test_what_is_advised_about_a_queue_without_a_worker_is_no_restart() -> None:
    found = look(ex.motion(ex.STANDING, workers=(ex.worker(queues=("mails",)),)))
    assert found.advice[0].startswith("Name default in --queue of agency-worker's command, or work it off now: `sudo")
    assert not any("restart" in line for line in found.advice)
    # Those that may yet take it, and those that are at work, are left alone, too.
    young = ex.motion(ex.level(5, 5, taken=False, oldest=9), workers=(ex.worker(),), seconds=10)
    busy = ex.motion(ex.level(5, 5, taken=False, held=9, working=1), workers=(ex.worker(),), seconds=10)
    for state in (young, busy):
        assert not any("restart" in line for line in look(state).advice)


@pytest.mark.parametrize(
    ("before", "waiting", "last", "ok"),
    [(3, 9, None, False), (3, 9, 2, False), (3, 9, 9, True), (9, 3, 1, True), (3, 3, 1, True)],
)
def test_growth_is_within_the_look_and_since_the_last(before: int, waiting: int, last: int | None, ok: bool) -> None:
    earlier = None if last is None else after(ex.motion(ex.level(last, last)))
    found = look(ex.motion(ex.level(before, waiting)), before=earlier)
    assert (found.ok, found.summary.startswith("default grows: 3 to 9 jobs in 3 s")) == (ok, not ok)


def test_what_grows_because_its_workers_are_stopped_says_so() -> None:
    found = look(ex.motion(ex.level(3, 9, taken=False), workers=(ex.worker(stopped=True),)))
    assert found.ok is False
    assert found.summary.startswith("default grows: 3 to 9 jobs in 3 s; its worker is stopped by a signal (state T)")


@pytest.mark.parametrize(("waiting", "ok"), [(999, True), (1000, False)])
def test_a_long_queue(waiting: int, ok: bool) -> None:
    found = look(ex.motion(ex.level(waiting, waiting)))
    assert (found.ok, f"{waiting} jobs wait in default, 1000 are too many" in found.summary) == (ok, not ok)
    assert not any("restart" in line for line in found.advice)


def test_busy_workers_and_jobs_of_dead_ones() -> None:
    busy = ex.motion(ex.level(5, 5, working=2, taken=False, held=9))
    assert look(busy).ok is True
    alone = judged(ITEM, {MOTION: busy, FAILED: NONE_FAILED}, at=host(worker_program=None))
    assert (alone.ok, "2 are reserved, and whether by a worker that lives" in alone.summary) == (None, True)
    assert look(busy, workers=examples.workers("STOPPED")).ok is False


def test_without_a_name_of_the_workers_nobody_knows_whether_they_run() -> None:
    found = judged(ITEM, {MOTION: ex.motion(), FAILED: NONE_FAILED}, at=host(worker_program=None))
    assert found.ok is None
    assert found.advice == ("if supervisor runs the workers, set worker_program; else docs/inventory.md, The queue",)
    assert len(ITEM.probes(host(worker_program=None))) == 2


def test_queues_that_nobody_named_count() -> None:
    found = look(ex.motion(ex.level(), ex.level(4, 4, name="mail", taken=False)))
    assert (found.ok, found.summary.startswith("in mail 4 jobs wait")) == (False, True)
    assert look(ex.motion(whole=False)).ok is None


def test_queues_that_were_looked_into_do_not_speak_for_one_that_was_not() -> None:
    sync = ex.motion(ex.level()).model_copy(update={"driver": "sync"})
    found = look(sync)
    assert (found.ok, found.summary.startswith("queue: its driver 'sync' keeps no jobs")) == (None, True)
    bad = ex.motion(ex.level(4, 4, name="mail", taken=False)).model_copy(update={"driver": "sync"})
    assert look(bad).ok is False


def test_failed_jobs_at_the_first_look_and_later() -> None:
    first = look(ex.motion(), failed(11, 12))
    assert first.ok is False
    assert first.summary.startswith("2 new of 2 failed jobs (the first look: none was seen before); nothing waits")
    known = after(ex.motion(), failed(11, 12), hours=0.5)
    assert look(ex.motion(), failed(11, 12), before=known).ok is True
    assert look(ex.motion(), failed(12), before=known).ok is True
    third = look(ex.motion(), failed(11, 12, 13), before=known)
    assert (third.ok, third.summary.partition(";")[0]) == (False, "1 new of 3 failed jobs")
    assert [line.partition(" ")[0] for line in third.evidence] == ["default:", "failed:", "new:"]
    assert "-000000000013 (" in third.evidence[2]
    assert third.advice == (
        "read the reason in failed_jobs, and fix it",
        "one that may run twice: php artisan queue:retry ID in /srv/app; another one is a person's decision",
    )


def test_failed_jobs_of_a_table_that_was_emptied_are_new() -> None:
    known = after(ex.motion(), failed(11, 12))
    assert look(ex.motion(), failed(3), before=known).ok is False
    assert look(ex.motion(), failed(11), before=known).ok is False  # made since, by its age
    old = FailedJobsState(trouble=None, asked=False, jobs=(pay.failed_job(11, hours=30),))
    assert look(ex.motion(), old, before=known).ok is True


def test_more_failed_jobs_than_are_listed() -> None:
    found = look(ex.motion(), failed(11, 12, others=7, more=True))
    assert found.summary.startswith("at least 2 new of more than 9 failed jobs")


def test_stores_that_cannot_be_used() -> None:
    found = look(QueueMotionState(trouble=StoreTrouble.REFUSED))
    assert (found.ok, found.summary.partition(";")[0]) == (
        False,
        "the queue cannot be used: its store does not answer",
    )
    found = look(ex.motion(), FailedJobsState(trouble=StoreTrouble.REFUSED, asked=False))
    assert found.summary.startswith("failed jobs cannot be kept: their database does not answer")


def test_a_part_that_cannot_be_read_hides_no_other() -> None:
    found = look(Unreadable("queue: its driver 'sync' keeps no jobs"))
    assert (found.ok, found.summary.startswith("queue: its driver 'sync'")) == (None, True)
    found = look(Unreadable("queue: its driver 'sync'"), failed(4), Unreadable("not allowed"))
    assert (found.ok, found.summary.startswith("1 new of 1 failed job")) == (False, True)


@pytest.mark.parametrize(("states", "ok"), [(("STARTING", "RUNNING"), None), (("BACKOFF",), False), ((), False)])
def test_workers_on_their_way(states: tuple[str, ...], ok: bool | None) -> None:
    assert look(ex.motion(), workers=examples.workers(*states)).ok is ok


def test_it_needs_to_know_the_application() -> None:
    with pytest.raises(ConfigurationError, match="app_path"):
        ITEM.probes(host(app_path=None))
    assert [run.user for run in ITEM.privileges(host())] == ["forge", "forge", "root"]
