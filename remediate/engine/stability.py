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
from remediate.engine.open_host import OpenHost
from remediate.engine.surveyor import SURVEY_SECONDS
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


def watch_young(host: OpenHost) -> Window | None:
    """Watch until everything has lasted for the window. Return None if it already has.

    A program that crashes every two seconds looks healthy in most surveys. Raises Unreachable and ContactLost.
    """
    age, seconds = youngest(host.surveyor.known), host.options.hold
    if age is None or age >= seconds:
        return None
    return _watch(host, seconds - age, prefix=f"healthy, but for {age:.0f} s only: ")


def watch_fixed(host: OpenHost, healed: Healed) -> Window:
    """Watch for the whole window after a change. Raises Unreachable and ContactLost."""
    return _watch(host, host.options.hold, healed)


def lasts(seconds: float, took: float) -> float:
    """Return the seconds that a window's exec may take if a survey takes `took`.

    On a slow host the samples outlast the window.
    """
    return max(seconds, (samples(seconds) + EXTRA) * took) * 1.5 + SURVEY_SECONDS


def _watch(host: OpenHost, seconds: float, healed: Healed = (), prefix: str = "") -> Window:
    """Sample the symptom, the healed remedies, and every incarnation, starting from the present facts."""
    surveyor = host.surveyor
    # A thing that was readable before and is not any more may have restarted, so it is sampled, too.
    lasting = tuple(
        probe for probe, answer in surveyor.known if isinstance(answer, Fact) and answer.incarnation is not None
    )
    seen = [surveyor.recent]

    def fault(facts: Facts) -> str | None:
        earlier, seen[0] = seen[0], seen[0].recalled(facts)
        return _fault(host.host_plan, earlier, facts, healed, lasting)

    asked = (probe for remedy, _ in healed for probe in remedy.probes())
    probes = (CLOCK, *host.host_plan.symptoms, *asked, *lasting)
    with surveyor.look(probes=probes, seconds=lasts(seconds, surveyor.took)) as look:
        return hold(
            look.survey, fault, seconds=seconds, stop=host.stop, progress=lambda text: host.progress(prefix + text)
        )


def _fault(host_plan: HostPlan, earlier: Facts, facts: Facts, healed: Healed, lasting: Probes) -> str | None:
    """Return the fault of a sample, compared with the last readable answers before it. Raises Unreadable."""
    if (again := restarted(earlier, facts)) is not None:
        return again
    seen = symptom(host_plan, facts)
    if seen is Symptom.PRESENT:
        if passing(host_plan, facts):
            raise Unreadable(complaint(host_plan, facts))  # A worker may just make room for the next one.
        return complaint(host_plan, facts)
    if (gone := unproven(healed, facts)) is not None:
        return gone
    if seen is Symptom.UNKNOWN:
        raise Unreadable(complaint(host_plan, facts))
    if (unread := unreadable(lasting, facts)) is not None:
        raise Unreadable(unread)
    return None
