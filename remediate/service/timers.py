"""The calls of a timer until its task is done, and when to stop trying.

Whoever runs this may die at any moment and begin again from the top: each step whose answer is stored is then not asked
again.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from remediate.service.tries import WAITS, why_failed


class TimerTask(NamedTuple):
    """The task of all timers of one name. It gets the subject of the timer that rings."""

    call: Callable[[str], float | None]
    """Returns the seconds after which it is to be called again, None when it is done."""
    give_up: Callable[[str, str], None]
    """Gets the reason after the last failure."""


Answer = Callable[[Callable[[], float | str | None]], float | str | None]
"""Returns the stored answer of a step. If there is none, it asks, and stores it."""


def ring(name: str, about: str, tasks: Mapping[str, TimerTask], answer: Answer, sleep: Callable[[float], None]) -> None:
    """Call a task until it is done, or has failed as often in a row as `WAITS` says."""
    failures = 0
    while (wait := answer(partial(_called, name, about, tasks))) is not None:
        if isinstance(wait, str):
            if failures == len(WAITS):
                answer(partial(_given_up, name, about, tasks, wait))
                return
            wait, failures = WAITS[failures], failures + 1
        else:
            failures = 0
        sleep(wait)


def _called(name: str, about: str, tasks: Mapping[str, TimerTask]) -> float | str | None:
    """Return what the task returns, or else, as text, why it failed."""
    said: list[float | None] = []
    why = why_failed(f"the timer {name} of {about} fails", lambda: said.append(tasks[name].call(about)))
    return said[0] if why is None else why


def _given_up(name: str, about: str, tasks: Mapping[str, TimerTask], why: str) -> None:
    why_failed(
        f"it is not recorded that the timer {name} of {about} is given up", lambda: tasks[name].give_up(about, why)
    )
