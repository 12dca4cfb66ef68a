"""The verdict on an examined host, and the reasons against a better one."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from remediate.core.outcome import Problem, RunVerdict, StepOutcome, Verified
from remediate.core.remedy import Remedy
from remediate.core.verdict import UNEXPLAINED, UNFINISHED, UNREADABLE, UNSTABLE, Decision
from remediate.engine.judge import (
    STOPS,
    Symptom,
    complaint,
    passing,
    restarted,
    symptom,
    unexplained,
    unproven,
    youngest,
)
from remediate.engine.open_host import OpenHost
from remediate.engine.stability import Healed, Held, Window, watch_fixed
from remediate.engine.transitions import TRIES, left_open, wait_until_settled
from remediate.errors import Unreadable

_STEADY: Final = 5.0
"""Seconds that everything has been up at the end of a window, unless the window is shorter."""


class Conclusion(NamedTuple):
    """A verdict, its reason, and the window that `fixed` rests on."""

    verdict: RunVerdict
    problem: Problem | None = None
    window: Window | None = None


def unlasting(window: Window) -> Problem:
    """Return the problem that apparent health does not last, or cannot be seen to last."""
    code = UNREADABLE if window.held is Held.UNREADABLE else UNSTABLE
    return Problem(code=code.name, message=window.why)


def concern(host: OpenHost, steps: Sequence[StepOutcome]) -> Problem | None:
    """Return the reason why a host without changes is not healthy. None if it is."""
    refused = next((step for step in steps if step.decision is Decision.REFUSE), None)
    if refused is not None:
        return Problem(code=refused.code or "", message=refused.why)
    needed = next((step for step in steps if step.decision is not Decision.SKIP), None)
    if needed is not None:
        return Problem(code=UNSTABLE.name, message=f"{needed.title}: {needed.why}")
    seen = symptom(host.host_plan, host.facts)
    if seen is Symptom.OVER:
        return None
    if seen is Symptom.PRESENT:
        return Problem(code=UNEXPLAINED.name, message=unexplained(host.host_plan, host.facts))
    return Problem(code=UNREADABLE.name, message=complaint(host.host_plan, host.facts))


def conclude(host: OpenHost, steps: Sequence[StepOutcome], healed: Healed) -> Conclusion:
    """Judge a host that was changed: it is fixed only if proven, serving and lasting.

    `healed` are the remedies that were proven. Raises Unreachable and ContactLost.
    """
    unproven_ = [step for step in steps if step.changed and step.verified is not Verified.PROVEN]
    if unproven_:
        unknown = any(step.verified is Verified.UNKNOWN for step in unproven_)
        verdict = RunVerdict.UNKNOWN if unknown else RunVerdict.NOT_FIXED
        return Conclusion(verdict, Problem(code="not-verified", message=unproven_[0].evidence))
    _settle(host, healed, host.left - host.options.hold)
    if symptom(host.host_plan, host.facts) is Symptom.PRESENT:
        seen = complaint(host.host_plan, host.facts)
        return Conclusion(RunVerdict.NOT_FIXED, Problem(code="symptom-persists", message=seen))
    if (left := _left_open(host, steps, healed)) is not None:
        return left
    window = watch_fixed(host, healed)
    match window.held:
        case Held.HELD:
            return _fallen(host, steps, healed) or Conclusion(RunVerdict.FIXED, window=window)
        case Held.BROKEN:
            host.survey()  # Ask everything again, for the last messages of what died.
            return Conclusion(RunVerdict.NOT_FIXED, Problem(code="not-holding", message=window.why))
        case Held.UNREADABLE:
            return Conclusion(RunVerdict.UNKNOWN, Problem(code="unreadable", message=window.why))
        case Held.STOPPED:
            return Conclusion(RunVerdict.INTERRUPTED, Problem(code="interrupted", message="while holding"))


def held(step: StepOutcome, window: Window) -> StepOutcome:
    """Return a step with the evidence that its effect lasted."""
    return step.model_copy(update={"evidence": f"{step.evidence}; {window.why}, nothing started again"})


def _settle(host: OpenHost, healed: Healed, left: float) -> None:
    """Wait for things that change state by themselves, within the healed remedies' `settle`."""
    wait_until_settled(host, min(max((remedy.settle for remedy, _ in healed), default=0.0), left))


def _fallen(host: OpenHost, steps: Sequence[StepOutcome], healed: Healed) -> Conclusion | None:
    """Ask everything again after the window, since it sampled only a part. Return None if all is well."""
    unread = ""
    waited = False
    for attempt in range(TRIES):
        earlier = host.surveyor.recent
        host.survey()
        if passing(host.host_plan, host.facts):
            _settle(host, healed, host.left)
        unsettled, unread = passing(host.host_plan, host.facts), ""
        seen = Symptom.UNKNOWN if unsettled else symptom(host.host_plan, host.facts)
        try:
            gone = restarted(earlier, host.facts) or unproven(healed, host.facts)
        except Unreadable as unsure:
            gone, unread = None, str(unsure)
        if gone is not None or seen is Symptom.PRESENT:
            why = gone or complaint(host.host_plan, host.facts)
            return Conclusion(RunVerdict.NOT_FIXED, Problem(code="not-holding", message=f"{why} (after the window)"))
        if not unread and seen is Symptom.OVER:
            # A worker may have made room for the next one a moment ago, which has to be seen to last.
            young, needed = youngest(host.facts), min(_STEADY, host.options.hold)
            if waited or attempt == TRIES - 1 or young is None or young >= needed:
                return _left_open(host, steps, healed)
            waited = not host.stop.wait(needed - young)
    why = unread or complaint(host.host_plan, host.facts)
    return Conclusion(RunVerdict.UNKNOWN, Problem(code=UNREADABLE.name, message=why))


def _left_open(host: OpenHost, steps: Sequence[StepOutcome], healed: Healed) -> Conclusion | None:
    """Return why an apparently healthy host is not fixed: needed or unknown remedies.

    Proven remedies are judged by their own proof. Two kinds are skipped: a person's task, which the report already
    shows, and a refusing gate, since the remedies behind it are counted.
    """
    proven = {remedy for remedy, _ in healed}
    turns = enumerate(zip(host.host_plan.remedies, steps, strict=True))
    left = left_open(host, [at for at, (remedy, step) in turns if remedy not in proven and not _told(remedy, step)])
    if left is None:
        return None
    code, why = (left.verdict.code or UNFINISHED).name, left.verdict.reason
    if code == UNREADABLE.name:
        return Conclusion(RunVerdict.UNKNOWN, Problem(code=code, message=why))
    return Conclusion(RunVerdict.NOT_FIXED, Problem(code=code, message=f"{left.remedy.title()}: {why}"))


def _told(remedy: Remedy, step: StepOutcome) -> bool:
    return step.decision in STOPS and (remedy.is_human or remedy.is_gate)
