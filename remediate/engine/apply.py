"""Applies one remedy under the lock and behind the fence, and watches until it settles."""

from collections.abc import Callable
from enum import Enum
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.outcome import Verified
from remediate.core.playbook import Probes
from remediate.core.remedy import Failed, Proven, Remedy, Step, Verification
from remediate.core.verdict import LOCK_MISSING, LOCKED, PAUSED, Verdict, refuse
from remediate.engine.judge import RULES, explain, verification
from remediate.engine.lock import lock_refusal
from remediate.engine.surveyor import SURVEY_SECONDS, OpenSurvey, Surveyor
from remediate.transport.acted import Acted, ActState, CommandResult
from remediate.transport.script import Act, Fence

TURN_SECONDS: Final = 10.0
"""The most seconds that one exec waits for the lock."""


class Ran(NamedTuple):
    """The commands ran; this is their effect."""

    commands: tuple[CommandResult, ...]
    verified: Verified
    evidence: str


class NotRun(Enum):
    """Nothing ran, because something moved between the survey and the lock. Survey and decide again."""

    MOVED = "moved"


class Stopped(Exception):
    """The operator stopped the run while its effect was awaited. `ran` is the knowledge so far."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(ran.evidence)
        self.ran = ran


def fenced(remedy: Remedy, relied_on: Probes) -> Probes:
    """Return the questions that are asked again under the lock."""
    return tuple(dict.fromkeys((RULES, *remedy.identity(), *remedy.steady(), *relied_on)))


def act_of(remedy: Remedy, facts: Facts, steps: tuple[Step, ...], *, wait: float, relied_on: Probes = ()) -> Act:
    """Return the steps with a fence of the guard's facts: identity, permissions, the rest."""
    answers = ((probe.command(), facts.output(probe), probe.volatile) for probe in fenced(remedy, relied_on))
    fence = tuple(
        Fence(run=run, stdout=output.stdout, exit=output.exit, volatile=volatile)
        for run, output, volatile in answers
        if isinstance(run, Run)
    )
    return Act(steps=steps, fence=fence, wait=wait, settle=remedy.settle)


def apply_remedy(
    surveyor: Surveyor,
    remedy: Remedy,
    steps: tuple[Step, ...],
    *,
    wait: float,
    owner: tuple[str, ...],
    enough: Callable[[Facts], bool],
    stop: Event,
    relied_on: Probes = (),
    despite: str = "",
    paused: Callable[[], str | None] = lambda: None,
) -> Ran | NotRun | Verdict:
    """Apply a remedy in one exec. A returned Verdict is a refusal: nothing ran.

    `wait` is the seconds to wait for the lock. An exec acts as soon as it has the lock, so each waits briefly, and
    the kill switch (`paused`) is looked at before the next. `enough` decides on the facts of a proven remedy whether
    to stop looking before its time is over. The answers of `relied_on` must be the same under the lock as before.
    `despite` is a holder of the lock that is tolerated. Raises Unreachable if nothing was sent, ContactLost if the
    result is not known, and Stopped.
    """
    until = monotonic() + wait
    act = act_of(remedy, surveyor.facts, steps, wait=min(wait, TURN_SECONDS), relied_on=relied_on)
    act = act.model_copy(update={"despite": despite})
    while True:
        tried = _try(surveyor, remedy, act, owner, enough, stop)
        left = until - monotonic()
        if not _is_locked(tried) or left <= 0 or stop.is_set():
            return tried
        if (why := paused()) is not None:
            return refuse(PAUSED, why)
        act = act.model_copy(update={"wait": min(left, TURN_SECONDS)})


def _is_locked(tried: Ran | NotRun | Verdict) -> bool:
    return isinstance(tried, Verdict) and tried.code is not None and tried.code.name == LOCKED.name


def _try(
    surveyor: Surveyor,
    remedy: Remedy,
    act: Act,
    owner: tuple[str, ...],
    enough: Callable[[Facts], bool],
    stop: Event,
) -> Ran | NotRun | Verdict:
    before = surveyor.facts
    seconds = act.wait + sum(run.seconds for run in act.steps) + remedy.settle + SURVEY_SECONDS
    with surveyor.look(act, seconds=seconds, owner=owner) as look:
        acted = look.acted()
        match acted.state:
            case ActState.MOVED:
                return NotRun.MOVED
            case ActState.LOCKED:
                return lock_refusal(acted.holder, owner)
            case ActState.NO_LOCK:
                return refuse(LOCK_MISSING, LOCK_MISSING.meaning)
            case ActState.ACTED:
                result = _settle(look, remedy, before, enough, stop)
                ran = Ran(acted.commands, _verified(result), _evidence(result, acted))
                if stop.is_set() and not isinstance(result, Proven):
                    # Not failed: the run was stopped before the time for the effect was over.
                    raise Stopped(ran._replace(verified=Verified.UNKNOWN))
                return ran


def _settle(
    look: OpenSurvey, remedy: Remedy, before: Facts, enough: Callable[[Facts], bool], stop: Event
) -> Verification | None:
    until = monotonic() + remedy.settle
    while True:
        after = look.survey()
        result = verification(remedy, before, after)
        if isinstance(result, Failed) or (isinstance(result, Proven) and enough(after)):
            return result
        if monotonic() >= until or stop.wait(look.pause):
            return result


def _verified(result: Verification | None) -> Verified:
    if result is None:
        return Verified.UNKNOWN
    return Verified.PROVEN if isinstance(result, Proven) else Verified.FAILED


def _evidence(result: Verification | None, acted: Acted) -> str:
    failed = next((each for each in acted.commands if each.output.exit != 0), None)
    if failed is None or isinstance(result, Proven):
        return explain(result)
    said = " ".join(failed.output.stderr.split())[-300:]
    return f"{explain(result)}; `{failed.run}` ended with {failed.output.exit}: {said}"
