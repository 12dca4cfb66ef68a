"""The end of a host on which no remedy acts, and whether its state lasts."""

from typing import NamedTuple

from remediate.core.outcome import Problem, RunVerdict, StepOutcome
from remediate.core.verdict import Decision
from remediate.engine.conclusion import concern, unlasting
from remediate.engine.open_host import OpenHost
from remediate.engine.outcomes import step_outcome
from remediate.engine.stability import Held, watch_young
from remediate.engine.transitions import judge_patiently


class Ending(NamedTuple):
    """A verdict, its reason, and what was decided about each remedy."""

    verdict: RunVerdict
    problem: Problem | None
    steps: tuple[StepOutcome, ...]


def decide(host: OpenHost) -> Ending | None:
    """Judge a surveyed host. Returns None if there is something to fix and this run may do so."""
    window = None
    for _ in range(3):
        judgements = judge_patiently(host)
        steps = tuple(step_outcome(each.remedy, each.verdict, host.facts) for each in judgements)
        if host.stop.is_set():
            return Ending(RunVerdict.INTERRUPTED, None, steps)
        if any(each.decision is Decision.PROCEED for each in judgements):
            return Ending(RunVerdict.PENDING, None, steps) if host.options.plan else None
        lasted = window is not None and window.held is Held.HELD
        again = None if lasted or concern(host, steps) else watch_young(host)
        if again is None:
            return _unchanged(host, steps)
        if window is not None and again.held is not Held.HELD:
            return Ending(RunVerdict.REFUSED, unlasting(again), host.planned())
        window = again
        host.survey()  # The whole host again: things that were not watched have to be unchanged, too.
    return _unchanged(host, host.planned())


def untouched(host: OpenHost, done: tuple[StepOutcome, ...]) -> Ending:
    """End a host on which no remedy acted. It has to last all the same if others fixed it meanwhile."""
    steps, decisions = done, {step.decision for step in done}
    if Decision.NOT_ATTEMPTED in decisions and Decision.REFUSE not in decisions:
        steps = host.planned()  # A change since the survey blocks an earlier remedy: its step has to say so.
    window = None if concern(host, steps) else watch_young(host)
    if window is None:
        return _unchanged(host, steps)
    if window.held is Held.STOPPED:
        return Ending(RunVerdict.INTERRUPTED, None, done)
    if window.held is not Held.HELD:
        return Ending(RunVerdict.REFUSED, unlasting(window), host.planned())
    host.survey()
    return _unchanged(host, host.planned())


def _unchanged(host: OpenHost, steps: tuple[StepOutcome, ...]) -> Ending:
    problem = concern(host, steps)
    return Ending(RunVerdict.REFUSED if problem else RunVerdict.HEALTHY, problem, steps)
