"""Waits for a host in transition instead of acting on it."""

from collections.abc import Collection
from time import monotonic
from typing import Final

from remediate.core.verdict import IN_TRANSITION, UNREADABLE, Decision, refuse
from remediate.engine.judge import Judgement, settling
from remediate.engine.open_host import OpenHost
from remediate.engine.surveyor import SURVEY_SECONDS

PATIENCE: Final = 45.0
"""Seconds to wait for a transition before refusing. Most units start or stop in a few."""


def judge_patiently(host: OpenHost, position: int | None = None) -> tuple[Judgement, ...]:
    """Judge, and look again while the remedy at `position` is in transition.

    Without `position` it looks again while anything is in transition and nothing may proceed. A remedy that still is in
    transition is refused when patience, or the time left for the host, runs out. Raises Unreachable and ContactLost.
    """

    def waits() -> bool:
        decisions = [each.decision for each in judgements]
        if position is not None:
            return decisions[position] is Decision.WAIT
        return Decision.WAIT in decisions and Decision.PROCEED not in decisions

    judgements = host.judge()
    if not waits():
        return judgements
    host.progress(next(each.verdict.reason for each in judgements if each.decision is Decision.WAIT))
    patience = max(0.0, min(PATIENCE, host.left))
    until = monotonic() + patience
    with host.surveyor.look(seconds=patience + SURVEY_SECONDS) as look:
        while waits() and monotonic() < until and not host.stop.wait(look.pause):
            look.survey()
            judgements = host.judge()
    return tuple(
        Judgement(each.remedy, refuse(each.verdict.code or IN_TRANSITION, each.verdict.reason))
        if each.decision is Decision.WAIT
        else each
        for each in judgements
    )


def wait_until_settled(host: OpenHost, seconds: float) -> None:
    """Look again until nothing changes its state by itself, for `seconds` at most.

    Otherwise a worker that comes back by itself would count as a restart. Raises Unreachable and ContactLost.
    """
    still = settling(host.facts)
    if still is None or seconds <= 0:
        return
    host.progress(f"{still}: waiting for it before anything is called fixed")
    until = monotonic() + seconds
    with host.surveyor.look(seconds=seconds + SURVEY_SECONDS) as look:
        while settling(host.facts) is not None and monotonic() < until and not host.stop.wait(look.pause):
            look.survey()


TRIES: Final = 3
"""The number of looks at an open remedy before the verdict on a changed host."""


def left_open(host: OpenHost, positions: Collection[int]) -> Judgement | None:
    """Judge these remedies again on the latest facts. Every one has to be skipped.

    Returns the first that is needed or refused, else the first that cannot be judged. None if nothing is left to do.
    Raises Unreachable and ContactLost.
    """
    still: list[Judgement] = []
    for attempt in range(TRIES):
        if attempt:
            host.survey()
        judged = host.judge()
        still = [judged[each] for each in sorted(positions) if judged[each].decision is not Decision.SKIP]
        if all(each.decision is not Decision.WAIT and each.verdict.code is not UNREADABLE for each in still):
            break
    known = (each for each in still if each.verdict.code is not UNREADABLE)
    return next(known, None) or next(iter(still), None)
