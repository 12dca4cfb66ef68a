"""The attempts that bring one durable run to its end, and when to stop trying.

Whoever runs this may die at any moment and begin again from the top: each step whose answer is stored is then not asked
again.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from remediate.service.engine import RunDriver
from remediate.service.request import Attempt, RunRequest, RunResult
from remediate.service.tries import WAITS

MOST_DEAD: Final = 4
"""Processes that may die with one run. After them the run itself is the likely cause, and a person decides."""


class DurableSteps(Protocol):
    """Steps whose answers outlive the process."""

    def ask(self, name: str, question: Callable[[], Attempt]) -> Attempt:
        """Return the stored answer of this step. If there is none, ask, and store it."""

    def wanted(self, run: str) -> bool:
        """Return whether a run was not withdrawn."""

    def sleep(self, seconds: float) -> None:
        """Wait, once for all processes together."""

    def new_id(self) -> str:
        """Return a new id for a run, the same one after a crash."""


def bring_to_end(run: str, request: RunRequest, driver: RunDriver, steps: DurableSteps) -> RunResult:
    """Attempt a run until it has a result, which is unknown in the end."""
    begin = partial(driver.begin, run, request, partial(steps.wanted, run))
    attempt = steps.ask("begin", begin)
    dead: list[str] = []
    tries = 0
    while attempt.result is None:
        if attempt.died is not None:
            dead.append(attempt.died)
            if len(dead) > MOST_DEAD:
                return end_as_unknown(dead, f"{len(dead)} processes died with this run", driver, steps)
        elif tries < len(WAITS):
            steps.sleep(WAITS[tries])
            tries += 1
        else:
            why = attempt.unanswered or ""
            return end_as_unknown(dead, why, driver, steps) if dead else RunResult.unknown(run, why)
        again = partial(driver.resume, tuple(dead), steps.new_id(), request) if dead else begin
        attempt = steps.ask("resume" if dead else "begin", again)
    return attempt.result


def end_as_unknown(dead: Sequence[str], why: str, driver: RunDriver, steps: DurableSteps) -> RunResult:
    """End runs whose processes died. A step whose effect was not found out is recorded as unknown."""
    ended = steps.ask("give up", partial(driver.give_up, dead, why))
    return ended.result or RunResult.unknown(dead[0], ended.unanswered or why)
