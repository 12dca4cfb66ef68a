"""PHP's answers about a queue, parsed without PHP, and the stuck queues in them."""

import json

import pytest

from remediate.core.command import Output
from remediate.core.host import Host, SshTarget
from remediate.errors import Unreadable
from remediate.probes.queue_motion import Cause, QueueLevel, QueueMotion, QueueMotionState, QueueWorker
from support import daily_examples as ex
from support.hosts import host_with

MOTION = QueueMotion(php="php8.2", path="/srv/app", user="forge")


def said(**answer: object) -> Output:
    return Output(stdout=f"\nremediate:{json.dumps(answer)}\n")


def state(level: QueueLevel, *workers: QueueWorker, seconds: float = 10, **known: object) -> QueueMotionState:
    return ex.motion(level, workers=workers, seconds=seconds).model_copy(update=known)


def cause(level: QueueLevel, *workers: QueueWorker, seconds: float = 10, **known: object) -> Cause | None:
    stalls = state(level, *workers, seconds=seconds, **known).stalls
    return stalls[0].cause if stalls else None


def waiting(*, oldest: int | None = None, held: int | None = None, name: str = "default") -> QueueLevel:
    return ex.level(5, 5, taken=False, oldest=oldest, held=held, name=name, working=int(held is not None))


@pytest.mark.parametrize(
    ("driver", "words"), [("sync", "there is none"), ("sqs", "not examined: sqs keeps it"), ("null", "not examined")]
)
def test_a_driver_that_cannot_be_looked_into_is_no_trouble_and_is_not_said_to_move(driver: str, words: str) -> None:
    found = MOTION.read(said(state="ok", connection=driver, driver=driver, queues=[], workers=[]))
    assert (found.ok, found.looked_into) == (True, False)
    assert found.describe().startswith(words)


def test_another_connection_that_was_looked_into_does_not_speak_for_the_default_one() -> None:
    seen = state(ex.level(0, 0, taken=False)).model_copy(update={"driver": "sqs"})
    assert (seen.looked_into, seen.describe()) == (False, "not examined: sqs keeps it")
    held = state(ex.level(5, 5, taken=True)).model_copy(update={"driver": "sqs"})
    assert held.describe() == "jobs wait: 5 in default; the default queue: not examined: sqs keeps it"


def test_what_is_no_answer_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="unexpected answer"):
        MOTION.read(said(state="failed", why="no such trouble"))
    with pytest.raises(Unreadable, match="unexpected answer"):
        MOTION.read(said(state="ok", queues=[{"name": "default"}], workers=[]))


def test_an_answer_that_names_no_workers_is_not_taken_for_one_that_found_none() -> None:
    with pytest.raises(Unreadable, match="unexpected answer"):
        MOTION.read(said(state="ok", connection="redis", driver="redis", queues=[]))


def test_the_name_of_a_queue_is_safe_to_show() -> None:
    level = QueueLevel(name="a\x1b[31m b\n", before=0, waiting=0, working=0, later=0, taken=True)
    assert level.called == "a b"


def test_the_inventory_says_how_long_a_job_may_wait() -> None:
    host = host_with({"php": "php8.2", "app_path": "/srv/app", "queue": {"patience": 9, "left_alone": ["night"]}})
    probe = QueueMotion.of(host)
    assert probe is not None
    found = probe.read(said(state="ok", connection="redis", driver="redis", queues=[], workers=[]))
    assert (found.patience, found.left_alone) == (9, ("night",))
    assert QueueMotion.of(Host(name="web", ssh=SshTarget(address="192.0.2.1"))) is None


def test_what_moves_or_is_empty_is_well_whatever_its_workers_are() -> None:
    for level in (ex.level(), ex.level(5, 9), ex.level(5, 0)):
        assert state(level).ok is True
        assert state(level, ex.worker(), ex.worker(2, stopped=True)).ok is True


@pytest.mark.parametrize("oldest", [None, 5, 5000])
def test_workers_that_a_signal_has_stopped(oldest: int | None) -> None:
    found = state(waiting(oldest=oldest), ex.worker(1, stopped=True), ex.worker(2, stopped=True))
    assert ([stall.cause for stall in found.stalls], found.ok) == ([Cause.STOPPED], False)
    assert found.describe().startswith("5 jobs wait in default")
    assert found.describe().endswith("its 2 workers are stopped by a signal (state T)")
    empty = state(ex.level(), ex.worker(1, stopped=True))
    assert (empty.ok, empty.stalls, "stopped by a signal" in empty.describe()) == (False, (), True)


@pytest.mark.parametrize(
    ("timeout", "held", "expected"),
    [
        (60, 5, None),
        (60, 75, None),
        (60, 76, Cause.OVERDUE),
        (1800, 1200, None),
        (0, 1200, None),
        (60, 1200, Cause.OVERDUE),
        (60, None, Cause.IDLE),
    ],
)
def test_a_job_within_the_workers_timeout_is_busy_not_broken(
    timeout: int, held: int | None, expected: Cause | None
) -> None:
    assert cause(waiting(held=held), ex.worker(timeout=timeout)) is expected
    assert cause(waiting(held=held), ex.worker(timeout=timeout), ex.worker(2, stopped=True)) is expected


def test_a_job_of_which_nobody_knows_since_when_it_is_at_work_keeps_nobody_from_it() -> None:
    assert cause(waiting().model_copy(update={"working": 1}), ex.worker()) is None
    assert cause(waiting().model_copy(update={"working": 1})) is None


def test_a_worker_of_several_queues_is_at_a_job_of_any_of_them() -> None:
    busy = ex.motion(waiting(name="low"), ex.level(9, 9, name="high", held=4, working=1), seconds=10)
    assert busy.model_copy(update={"workers": (ex.worker(queues=("high", "low")),)}).ok is True


def test_a_queue_of_other_workers_is_not_busy_because_they_are() -> None:
    """A busy queue hides a dead one: its own worker hangs, or it has none."""
    busy, hung = ex.level(9, 9, held=4, working=1), waiting(name="emails", held=10_800)
    ours = (ex.worker(), ex.worker(2, queues=("emails",)))
    (stall,) = ex.motion(busy, hung, seconds=10).model_copy(update={"workers": ours}).stalls
    assert (stall.level.name, stall.cause) == ("emails", Cause.OVERDUE)
    unheard = ex.motion(busy, waiting(name="emails"), seconds=10).model_copy(update={"workers": (ex.worker(),)})
    assert [(each.level.name, each.cause) for each in unheard.stalls] == [("emails", Cause.UNATTENDED)]
    # Where no worker is at all, those of another host are at it.
    assert unheard.model_copy(update={"workers": ()}).ok is True


def test_a_worker_that_sleeps_for_longer_than_was_looked_may_take_it_yet() -> None:
    assert cause(waiting(), ex.worker(sleep=30)) is None
    assert cause(waiting(), ex.worker(sleep=3)) is Cause.IDLE
    assert cause(waiting(oldest=119), ex.worker()) is None
    assert cause(waiting(oldest=120), ex.worker()) is Cause.IDLE


@pytest.mark.parametrize(
    ("oldest", "held", "expected"),
    [(None, None, Cause.UNATTENDED), (119, None, None), (120, None, Cause.UNATTENDED), (5000, 20, None)],
)
def test_a_queue_to_which_nobody_here_listens(oldest: int | None, held: int | None, expected: Cause | None) -> None:
    other = (ex.worker(queues=("mails",)), ex.worker(2, connection="database"))
    assert cause(waiting(oldest=oldest, held=held), *other) is expected
    assert cause(waiting(oldest=oldest, held=held)) is expected


def test_workers_of_another_host_may_be_at_a_long_job() -> None:
    assert cause(waiting(oldest=5000, held=5000)) is None
    assert cause(waiting(oldest=5000, held=5000), ex.worker(queues=("mails",))) is Cause.UNATTENDED


def test_jobs_of_unknown_age_without_any_worker_here_may_be_young() -> None:
    young, old = state(waiting()), state(waiting(oldest=500))
    assert [young.ok, young.may_be_young, old.may_be_young] == [False, True, False]
    assert not state(waiting(), ex.worker(queues=("mails",))).may_be_young
    assert not state(ex.level()).may_be_young


def test_payments_have_to_move_and_nothing_else() -> None:
    host = host_with({"php": "php8.2", "app_path": "/srv/app", "payments": {"queues": ["charges"]}})
    probe = QueueMotion.of_payments(host)
    assert probe is not None
    assert probe.queues == ("charges",)
    levels = [waiting(name=name, oldest=500).model_dump() for name in ("charges", "mails")]
    levels.append({**levels[0], "connection": "database"})
    found = probe.read(said(state="ok", connection="redis", driver="redis", queues=levels, workers=[]))
    assert [stall.level.called for stall in found.stalls] == ["charges"]


def test_queues_that_may_stand_still_are_not_judged() -> None:
    assert cause(waiting(), left_alone=("default",)) is None
    assert state(waiting(), left_alone=("default",), horizon=True).ok is True


def test_a_horizon_that_takes_no_job_is_not_well() -> None:
    """A paused Horizon runs, and so do its workers; only the queue shows that nothing is done."""
    paused = state(waiting(), horizon=True)
    assert (paused.ok, paused.stalls, [each.name for each in paused.untaken]) == (False, (), ["default"])
    assert paused.describe().startswith("jobs wait: 5 in default, and none was taken in 10 s")
    for moving in (waiting(held=20), ex.level(5, 5), ex.level()):
        horizon = state(moving, horizon=True)
        assert (horizon.ok, "not examined" in horizon.describe()) == (True, True)
    # A worker of Horizon's may be busy with another of its queues.
    other = ex.level(9, 9, name="high", working=1)
    assert ex.motion(waiting(), other, seconds=10).model_copy(update={"horizon": True}).ok is True
    # One of its jobs may outlast `retry_after` and count as waiting. A young job is given time.
    long = waiting().model_copy(update={"held": 95})
    for level, well in ((long, True), (waiting(oldest=119), True), (waiting(oldest=120), False)):
        assert state(level, horizon=True).ok is well


def test_it_is_said_how_long_the_oldest_waits() -> None:
    said_so = [state(waiting(oldest=age)).describe() for age in (119, 120, 1200)]
    assert said_so[1:] == [
        f"5 jobs wait in default, the oldest for {minutes} min: no worker here listens to it" for minutes in (2, 20)
    ]
    (stall,) = state(ex.level(1, 1, taken=False)).stalls
    assert stall.describe() == "1 job waits in default: no worker here listens to it"
