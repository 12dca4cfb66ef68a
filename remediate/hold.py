"""Watches a result over the stability window."""

from collections.abc import Callable
from enum import Enum
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

from remediate.survey import Facts

SAMPLES: Final = 6
"""Good samples that a window needs at the least, spread evenly over it, its first and last moment among them."""
EXTRA: Final = 3
"""How many samples may be unreadable, which is neither good nor bad; each is made up for by one more at the end."""


class Held(Enum):
    """What a window comes to."""

    HELD = "held"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    STOPPED = "stopped"


class Window(NamedTuple):
    """A window's result, why it ended early, and the last sample taken."""

    held: Held
    why: str
    last: Facts | None


class Unsure(Exception):
    """A sample says neither yes nor no."""


def samples(seconds: float) -> int:
    """How many good samples a window of this length needs."""
    return max(SAMPLES, round(seconds / 5) + 1)


def hold(
    sample: Callable[[], Facts],
    fault: Callable[[Facts], str | None],
    *,
    seconds: float,
    stop: Event,
    progress: Callable[[str], None],
) -> Window:
    """Sample evenly over `seconds`; end at the first sample in which `fault` names something.

    `fault` raises Unsure for a sample that cannot be judged. Unreachable and ContactLost of `sample` escape.
    """
    begun, good, unread, last, doubt = monotonic(), 0, 0, None, ""
    count = samples(seconds)
    for number in range(count + EXTRA):
        due = begun + seconds * min(number, count - 1) / (count - 1) + max(0, number - count + 1)
        if stop.wait(max(0.0, due - monotonic())):
            return Window(Held.STOPPED, "interrupted", last)
        last = sample()
        try:
            why = fault(last)
        except Unsure as unsure:
            doubt, unread = str(unsure), unread + 1
            if unread > EXTRA:
                break
            continue
        if why is not None:
            return Window(Held.BROKEN, f"{why} ({monotonic() - begun:.0f} s into the window)", last)
        good += 1
        progress(f"holding {seconds:.0f} s: {good}/{count} samples good")
        if good >= count:
            missed = f", {unread} unreadable" if unread else ""
            return Window(Held.HELD, f"{good} samples good{missed} over {monotonic() - begun:.0f} s", last)
    return Window(Held.UNREADABLE, doubt, last)
