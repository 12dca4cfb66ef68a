"""Watches one host over time: what was mended has to last, and what looks healthy may only be young."""

from collections.abc import Callable, Sequence
from threading import Event

from remediate.hold import EXTRA, Unsure, Window, hold, samples
from remediate.judge import CLOCK, Symptom, complaint, passing, restarted, symptom, unproven, unreadable, youngest
from remediate.playbook import Probes, Treatment
from remediate.probe import Fact
from remediate.remedy import Remedy
from remediate.survey import Facts
from remediate.surveyor import SURVEY_SECONDS, Surveyor

Healed = Sequence[tuple[Remedy, Facts]]
"""Remedies that were proven, each with the facts from before it acted."""


class Watch:
    """Samples the symptom, what was healed, and whatever has an incarnation, beginning with the facts of now."""

    def __init__(self, treatment: Treatment, surveyor: Surveyor, stop: Event, progress: Callable[[str], None]) -> None:
        self._treatment = treatment
        self._surveyor = surveyor
        self._stop = stop
        self._progress = progress

    def window(self, seconds: float, healed: Healed = (), prefix: str = "") -> Window:
        """Watch for `seconds`. Raises Unreachable and ContactLost."""
        known = self._surveyor.known
        # What was readable before and is not any more may have started again: it is asked about, too.
        lasting = tuple(probe for probe, answer in known if isinstance(answer, Fact) and answer.incarnation is not None)
        seen = [self._surveyor.recent]

        def fault(facts: Facts) -> str | None:
            earlier, seen[0] = seen[0], seen[0].recalled(facts)
            return self._fault(earlier, facts, healed, lasting)

        asked = (probe for remedy, _ in healed for probe in remedy.probes())
        probes = (CLOCK, *self._treatment.symptoms, *asked, *lasting)
        with self._surveyor.look(probes=probes, seconds=self._lasts(seconds)) as look:
            return hold(
                look.survey,
                fault,
                seconds=seconds,
                stop=self._stop,
                progress=lambda text: self._progress(prefix + text),
            )

    def _lasts(self, seconds: float) -> float:
        """Return how long the exec of a window may take: on a slow host the samples take longer than the window."""
        return max(seconds, (samples(seconds) + EXTRA) * self._surveyor.took) * 1.5 + SURVEY_SECONDS

    def until_old(self, seconds: float) -> Window | None:
        """Watch until everything has lasted for `seconds`; None where it has already.

        A program that crashes every two seconds looks healthy in most surveys.
        """
        age = youngest(self._surveyor.known)
        if age is None or age >= seconds:
            return None
        return self.window(seconds - age, prefix=f"healthy, but for {age:.0f} s only: ")

    def _fault(self, earlier: Facts, facts: Facts, healed: Healed, lasting: Probes) -> str | None:
        """Name what is wrong in a sample, compared with the last readable answers before it. Raises Unsure."""
        if (again := restarted(earlier, facts)) is not None:
            return again
        seen = symptom(self._treatment, facts)
        if seen is Symptom.PRESENT:
            if passing(self._treatment, facts):
                raise Unsure(complaint(self._treatment, facts))  # a worker that made room for the next one
            return complaint(self._treatment, facts)
        if (gone := unproven(healed, facts)) is not None:
            return gone
        if seen is Symptom.UNKNOWN:
            raise Unsure(complaint(self._treatment, facts))
        if (unread := unreadable(lasting, facts)) is not None:
            raise Unsure(unread)
        return None
