"""Check queue health (8.2): the queue moves, and does not grow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.item import Finding, Item, Past, Sample, Seen
from remediate.maintenance.plural import counted
from remediate.maintenance.schedule import Occasion
from remediate.probes.queue import FailedJob, FailedJobs, FailedJobsState
from remediate.probes.queue_motion import Cause, QueueLevel, QueueMotion, QueueMotionState, Stall
from remediate.probes.supervisor import Workers
from remediate.remedies.unattended import AttendQueue

_NEWEST: Final = "newest failed job"
_OLDEST: Final = "oldest failed job"
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the three conditions of a healthy queue."""

    ok: bool | None
    said: str
    evidence: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()


class QueueHealth(Item):
    """The queue: waiting and failed jobs, compared with the last look."""

    name = "queue-health"
    title = "Check queue health"
    occasion = Occasion.DAILY
    owner = "On-call"

    @override
    def probes(self, host: Host) -> Probes:
        motion, failed = _questions(host)
        workers = _workers(host)
        return (motion, failed) if workers is None else (motion, failed, workers)

    @override
    def judge(self, seen: Seen) -> Finding:
        motion, failed = _questions(seen.host)
        parts = (
            _said(lambda: _waiting(seen, seen.facts[motion])),
            _said(lambda: _failed(seen, seen.facts[failed])),
            _said(lambda: _supervised(seen)),
        )
        # Failures come first, then what is not known.
        ordered = sorted(parts, key=lambda part: (part.ok is not False, part.ok is not None))
        return Finding(
            ok=ordered[0].ok,
            summary="; ".join(part.said for part in ordered),
            evidence=tuple(line for part in parts for line in part.evidence),
            advice=tuple(line for part in parts for line in part.advice),
            samples=tuple(sample for part in parts for sample in part.samples),
        )


def _questions(host: Host) -> tuple[QueueMotion, FailedJobs]:
    settings = host.settings
    motion = QueueMotion.of(host)
    if motion is None:
        raise ConfigurationError("remediate.app_path and remediate.php are needed: whose queue is it?")
    return motion, FailedJobs(php=motion.php, path=motion.path, user=settings.app_user)


def _workers(host: Host) -> Workers | None:
    program = host.settings.worker_program
    return None if program is None else Workers(program=program)


def _said(part: Callable[[], _Part]) -> _Part:
    """Return the part; one that cannot be read must not hide the others."""
    try:
        return part()
    except Unreadable as why:
        return _Part(ok=None, said=str(why))


def _last(past: Past, name: str) -> float | None:
    if past.previous is None:
        return None
    return next((sample.value for sample in past.previous.samples if sample.name == name), None)


# -- what waits --------------------------------------------------------------------------------------------------------


def _waiting(seen: Seen, state: QueueMotionState) -> _Part:
    if state.trouble is not None:
        return _Part(ok=False, said=f"the queue cannot be used: its store {state.trouble}")
    judged = [(each, *_level(seen, state, each)) for each in state.queues]
    bad = [why for _, ok, why in judged if ok is False]
    unsure = [why for _, ok, why in judged if ok is None]
    if not state.looked_into:
        unsure.append(f"queue: its driver {state.driver!r} keeps no jobs that could be counted here")
    if not state.whole:
        unsure.append("not all queues that hold jobs were found")
    return _Part(
        ok=False if bad else None if unsure else True,
        said="; ".join([*bad, *unsure])
        or (f"worked off, {_wait(state.waiting)}" if state.waiting else "nothing waits"),
        evidence=tuple(_line(seen.past, state, each) for each in state.queues),
        advice=tuple(_remedies(seen, state)) if bad else (),
        samples=(
            Sample(name="waiting", value=state.waiting, unit="jobs"),
            *(Sample(name=_sample(each), value=each.waiting, unit="jobs") for each in state.queues),
        ),
    )


def _level(seen: Seen, state: QueueMotionState, each: QueueLevel) -> tuple[bool | None, str]:
    """Return the answer for one queue, and why if it is not yes."""
    last = _last(seen.past, _sample(each))
    limit = seen.host.settings.maintenance.queue_waiting
    if each.waiting >= limit:
        return False, f"{_wait(each.waiting)} in {each.called}, {limit} are too many"
    stall = next((stall for stall in state.stalls if stall.level == each), None)
    if each.waiting > each.before and (last is None or each.waiting > last):
        since = "" if last is None else f", {last:g} at the last look"
        grows = f"{each.called} grows: {each.before} to {counted(each.waiting, 'job')} in {state.seconds:g} s{since}"
        return False, grows if stall is None else f"{grows}; {stall.reason}"
    if each.taken or not each.waiting:
        return True, ""
    stuck = f"in {each.called} {_wait(each.waiting)} and none was taken in {state.seconds:g} s"
    if stall is not None:
        return False, f"{stuck}: {stall.reason}"
    if each.name in state.left_alone or (state.horizon and each not in state.untaken):
        return True, ""
    if not each.working:
        return False, stuck
    # Either the workers are busy with long jobs, or one died and its job stays reserved until `retry_after`.
    if _running(seen):
        return True, ""
    return None, f"{stuck}: {each.working} are reserved, and whether by a worker that lives is not known"


def _running(seen: Seen) -> bool:
    """Return whether the workers are known to be running."""
    probe = _workers(seen.host)
    try:
        return probe is not None and seen.facts[probe].ok is True
    except Unreadable:
        return False


def _line(past: Past, state: QueueMotionState, each: QueueLevel) -> str:
    last = _last(past, _sample(each))
    before = "" if last is None else f", {last:g} at the last look"
    moved = f", {each.before} some {state.seconds:g} s before" if each.before != each.waiting else ""
    taken = ", its first one was taken" if each.before and each.taken else ""
    return f"{each.called}: {each.waiting} wait{moved}{taken}{before}; {each.working} in work, {each.later} for later"


def _wait(number: int) -> str:
    return counted(number, "job waits", "jobs wait")


def _sample(each: QueueLevel) -> str:
    return f"waiting in {each.called}"


def _remedies(seen: Seen, state: QueueMotionState) -> Iterator[str]:
    # Workers that take jobs need no restart. Stopped ones must be started, which `_supervised` advises.
    if _running(seen):
        if any(stall.cause is not Cause.UNATTENDED for stall in state.stalls):
            yield f"see what `do.worker.restart --host {seen.host.name} --plan` would do"
        yield from (_attended(seen, state, stall) for stall in state.stalls if stall.cause is Cause.UNATTENDED)
    yield "see what the workers do: more of them, or a slow or failing job"


def _attended(seen: Seen, state: QueueMotionState, stall: Stall) -> str:
    return AttendQueue.on(seen.host).advice(state, stall)


# -- what failed -------------------------------------------------------------------------------------------------------


def _failed(seen: Seen, state: FailedJobsState) -> _Part:
    if state.trouble is not None:
        return _Part(ok=False, said=f"failed jobs cannot be kept: their database {state.trouble}")
    new = [job for job in state.jobs if _new(job, seen)]
    total = len(state.jobs) + state.others
    count = f"{'more than ' if state.more else ''}{counted(total, 'failed job')}"
    first = seen.past.previous is None
    said = "no failed jobs" if not total else f"{count}, known from before"
    if new:
        unlisted = state.others > 0 and len(new) == len(state.jobs)
        said = f"{'at least ' if unlisted else ''}{len(new)} new of {count}"
        said += " (the first look: none was seen before)" if first else ""
    rows = [job.row for job in state.jobs]
    return _Part(
        ok=not new,
        said=said,
        evidence=(
            *((f"failed: {state.describe()}",) if total else ()),
            *(f"new: {job.describe()}" for job in new[-_SHOWN:]),
        ),
        advice=tuple(_after_failure(seen)) if new else (),
        samples=(
            Sample(name="failed jobs", value=total, unit="jobs"),
            *(
                (Sample(name=_NEWEST, value=max(rows), unit="row"), Sample(name=_OLDEST, value=min(rows), unit="row"))
                if rows
                else ()
            ),
        ),
    )


def _after_failure(seen: Seen) -> Iterator[str]:
    """Yield the advice about failed jobs.

    A job that might charge somebody twice is never run again without a person's decision (runbook 4.4).
    """
    yield "read the reason in failed_jobs, and fix it"
    settings = seen.host.settings
    if settings.payments is not None and settings.payments.jobs:
        yield f"which of payments may run again: invoke check.payments-failing --host {seen.host.name}"
    place = settings.app_path
    yield f"one that may run twice: php artisan queue:retry ID in {place}; another one is a person's decision"


def _new(job: FailedJob, seen: Seen) -> bool:
    newest, oldest = _last(seen.past, _NEWEST), _last(seen.past, _OLDEST)
    if newest is None or oldest is None or seen.past.previous_at is None:
        return True
    # Row numbers grow until the table is emptied and they start again. Then the age of a job may tell.
    elsewhere = not oldest <= job.row <= newest
    hours = (seen.now - seen.past.previous_at).total_seconds() / 3600
    return elsewhere or (job.hours is not None and job.hours + 1 <= hours)


# -- who works it off --------------------------------------------------------------------------------------------------


def _supervised(seen: Seen) -> _Part:
    probe = _workers(seen.host)
    if probe is None:
        named = ("if supervisor runs the workers, set worker_program; else docs/inventory.md, The queue",)
        return _Part(ok=None, said="whether workers run is not known: no worker_program is given", advice=named)
    state = seen.facts[probe]
    said = f"workers {probe.program}: {state.describe()}"
    if state.changing and not state.broken and all(each.state != "BACKOFF" for each in state.changing):
        return _Part(ok=None, said=said, advice=("they are on their way: look again",))
    if state.ok:
        return _Part(ok=True, said=said)
    return _Part(ok=False, said=said, advice=(f"see what `do.worker.start --host {seen.host.name} --plan` would do",))
