"""The end of a host on which nothing is done, and whether it lasts."""

from typing import NamedTuple

from remediate.core.outcome import Problem, RunVerdict, StepOutcome
from remediate.core.verdict import Decision
from remediate.engine.conclusion import concern, unlasting
from remediate.engine.open_host import OpenHost
from remediate.engine.outcomes import step_outcome
from remediate.engine.stability import Held


class Ending(NamedTuple):
    """A verdict, its reason, and what was decided about each remedy."""

    verdict: RunVerdict
    problem: Problem | None
    steps: tuple[StepOutcome, ...]


def decide(host: OpenHost) -> Ending | None:
    """Judge a host that was looked at. Returns None when there is something to mend and this run may do so."""
    window = None
    for _ in range(3):
        judgements = host.patiently()
        steps = tuple(step_outcome(each.remedy, each.verdict, host.facts) for each in judgements)
        if host.stop.is_set():
            return Ending(RunVerdict.INTERRUPTED, None, steps)
        if any(each.decision is Decision.PROCEED for each in judgements):
            return Ending(RunVerdict.PENDING, None, steps) if host.options.plan else None
        lasted = window is not None and window.held is Held.HELD
        again = None if lasted or concern(host, steps) else host.watch_young()
        if again is None:
            return _unchanged(host, steps)
        if window is not None and again.held is not Held.HELD:
            return Ending(RunVerdict.REFUSED, unlasting(again), host.planned())
        window = again
        host.survey()  # everything once more: also what was not watched has to be as it was
    return _unchanged(host, host.planned())


def untouched(host: OpenHost, done: tuple[StepOutcome, ...]) -> Ending:
    """End a host on which nothing had to be done in the end: what others mended meanwhile has to last, too."""
    steps, decisions = done, {step.decision for step in done}
    if Decision.NOT_ATTEMPTED in decisions and Decision.REFUSE not in decisions:
        steps = host.planned()  # what came in between speaks against an earlier remedy: say that of it, too
    window = None if concern(host, steps) else host.watch_young()
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
