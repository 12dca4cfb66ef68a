"""The stability window: whatever was fixed, or looks healthy, has to last."""

from collections.abc import Callable, Sequence
from enum import Enum
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

from remediate.core.facts import Facts
from remediate.core.playbook import HostPlan, Probes
from remediate.core.probe import Fact
from remediate.core.remedy import Remedy
from remediate.engine.judge import (
    CLOCK,
    Symptom,
    complaint,
    passing,
    restarted,
    symptom,
    unproven,
    unreadable,
    youngest,
)
from remediate.engine.surveyor import SURVEY_SECONDS, Surveyor
from remediate.errors import Unreadable

SAMPLES: Final = 6
"""The least number of good samples in a window. They are spread evenly, with one at each end."""
EXTRA: Final = 3
"""The number of unreadable samples that a window tolerates. Each is replaced by one more sample at the end."""


class Held(Enum):
    """The result of a window."""

    HELD = "held"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    STOPPED = "stopped"


class Window(NamedTuple):
    """A window's result, the reason for it, and the last sample."""

    held: Held
    why: str
    last: Facts | None


def samples(seconds: float) -> int:
    """Return the number of good samples that a window of this length needs."""
    return max(SAMPLES, round(seconds / 5) + 1)


def hold(
    sample: Callable[[], Facts],
    fault: Callable[[Facts], str | None],
    *,
    seconds: float,
    stop: Event,
    progress: Callable[[str], None],
) -> Window:
    """Sample evenly over `seconds`, and end at the first sample with a fault.

    `fault` returns the fault of a sample, None without one, and raises Unreadable for a sample that cannot be judged.
    Unreachable and ContactLost of `sample` escape.
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
        except Unreadable as unsure:
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


Healed = Sequence[tuple[Remedy, Facts]]
"""Remedies that were proven, each with the facts from before it acted."""


class StabilityWatch:
    """Samples the symptom, the healed remedies, and every incarnation, starting from the present facts."""

    def __init__(self, host_plan: HostPlan, surveyor: Surveyor, stop: Event, progress: Callable[[str], None]) -> None:
        self._host_plan = host_plan
        self._surveyor = surveyor
        self._stop = stop
        self._progress = progress

    def window(self, seconds: float, healed: Healed = (), prefix: str = "") -> Window:
        """Watch for `seconds`. Raises Unreachable and ContactLost."""
        known = self._surveyor.known
        # A thing that was readable before and is not any more may have restarted, so it is sampled, too.
        lasting = tuple(probe for probe, answer in known if isinstance(answer, Fact) and answer.incarnation is not None)
        seen = [self._surveyor.recent]

        def fault(facts: Facts) -> str | None:
            earlier, seen[0] = seen[0], seen[0].recalled(facts)
            return self._fault(earlier, facts, healed, lasting)

        asked = (probe for remedy, _ in healed for probe in remedy.probes())
        probes = (CLOCK, *self._host_plan.symptoms, *asked, *lasting)
        with self._surveyor.look(probes=probes, seconds=self._lasts(seconds)) as look:
            return hold(
                look.survey,
                fault,
                seconds=seconds,
                stop=self._stop,
                progress=lambda text: self._progress(prefix + text),
            )

    def _lasts(self, seconds: float) -> float:
        """Return the seconds that a window's exec may take. On a slow host the samples outlast the window."""
        return max(seconds, (samples(seconds) + EXTRA) * self._surveyor.took) * 1.5 + SURVEY_SECONDS

    def until_old(self, seconds: float) -> Window | None:
        """Watch until everything has lasted for `seconds`. Return None if it already has.

        A program that crashes every two seconds looks healthy in most surveys.
        """
        age = youngest(self._surveyor.known)
        if age is None or age >= seconds:
            return None
        return self.window(seconds - age, prefix=f"healthy, but for {age:.0f} s only: ")

    def _fault(self, earlier: Facts, facts: Facts, healed: Healed, lasting: Probes) -> str | None:
        """Return the fault of a sample, compared with the last readable answers before it. Raises Unreadable."""
        if (again := restarted(earlier, facts)) is not None:
            return again
        seen = symptom(self._host_plan, facts)
        if seen is Symptom.PRESENT:
            if passing(self._host_plan, facts):
                raise Unreadable(complaint(self._host_plan, facts))  # A worker may just make room for the next one.
            return complaint(self._host_plan, facts)
        if (gone := unproven(healed, facts)) is not None:
            return gone
        if seen is Symptom.UNKNOWN:
            raise Unreadable(complaint(self._host_plan, facts))
        if (unread := unreadable(lasting, facts)) is not None:
            raise Unreadable(unread)
        return None
