"""Applies one remedy: under the lock, behind the fence, and watched until it settles."""

from collections.abc import Callable
from enum import Enum
from threading import Event
from time import monotonic
from typing import NamedTuple

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.outcome import Verified
from remediate.core.playbook import Probes
from remediate.core.remedy import Failed, Proven, Remedy, Step, Verification
from remediate.core.verdict import LOCK_MISSING, Verdict, refuse
from remediate.engine.judge import RULES, explain, verification
from remediate.engine.lock import lock_refusal
from remediate.engine.surveyor import SURVEY_SECONDS, OpenSurvey, Surveyor
from remediate.transport.acted import Acted, ActState, CommandResult
from remediate.transport.script import Act, Fence


class Ran(NamedTuple):
    """The commands ran; what their effect is."""

    commands: tuple[CommandResult, ...]
    verified: Verified
    evidence: str


class NotRun(Enum):
    """Nothing ran, because something moved between the survey and the lock: look and decide anew."""

    MOVED = "moved"


class Stopped(Exception):
    """Somebody stopped the run while the effect was waited for; `ran` is what is known by then."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(ran.evidence)
        self.ran = ran


def act_of(remedy: Remedy, facts: Facts, steps: tuple[Step, ...], *, wait: float, relied_on: Probes = ()) -> Act:
    """Bind the steps to what the guard saw: the identity of the thing, the permissions, and what it relied on."""
    fenced = dict.fromkeys((RULES, *remedy.identity(), *remedy.steady(), *relied_on))
    answers = ((probe.command(), facts.output(probe), probe.volatile) for probe in fenced)
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
) -> Ran | NotRun | Verdict:
    """Apply a remedy in one exec. A Verdict is a refusal: nothing ran.

    `enough` says on healed facts whether looking can end before the remedy's time is over; `relied_on` has to read
    under the lock as it did before; `despite` names who may hold the lock all the same. Raises Unreachable when
    nothing was sent, ContactLost when it is not known what happened, Stopped.
    """
    before = surveyor.facts
    act = act_of(remedy, before, steps, wait=wait, relied_on=relied_on).model_copy(update={"despite": despite})
    seconds = wait + sum(run.seconds for run in steps) + remedy.settle + SURVEY_SECONDS
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
                    # Not failed: nobody waited long enough to say so.
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
