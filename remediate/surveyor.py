"""Asks one host everything a run needs to know, from the host and from the controller at the same time."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from types import TracebackType
from typing import Final, Self

from remediate.controller import Controller
from remediate.playbook import Probes
from remediate.probe import Fact, Probe
from remediate.script import Act
from remediate.session import Acted, ActState, Rounds, Session
from remediate.survey import Facts
from remediate.vantage import Vantage

SURVEY_SECONDS: Final = 40.0
"""Deadline of one survey; each question has a shorter one of its own."""
LOOK_AGAIN: Final = 0.25
"""Seconds at the least between two looks at something that is about to change."""


class Look:
    """One exec on the host, kept open: each `survey` asks everything once more."""

    def __init__(self, surveyor: "Surveyor", rounds: Rounds, here: Probes, there: Probes) -> None:
        self._surveyor = surveyor
        self._rounds = rounds
        self._here = here
        self._there = there
        self._took = 0.0

    @property
    def pause(self) -> float:
        """Seconds to leave the host alone before the next look: as long as the last one took.

        A host in trouble shall not spend more than half of its time on our questions.
        """
        return max(LOOK_AGAIN, self._took)

    def acted(self) -> Acted:
        """Wait for the end of the act. Raises ContactLost."""
        acted = self._rounds.acted()
        if acted.state is ActState.ACTED:
            self._surveyor.recent = Facts({})
        return acted

    def survey(self) -> Facts:
        """Ask everything once. Raises Unreachable or ContactLost."""
        begun = monotonic()
        try:
            return self._surveyor.read(self._rounds, self._here, self._there)
        finally:
            self._took = monotonic() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rounds.close()


class Surveyor:
    """Knows the questions of a run, and the latest answers."""

    def __init__(self, session: Session, controller: Controller, probes: Sequence[Probe[Fact]]) -> None:
        self._probes = tuple(dict.fromkeys(probes))
        self._session = session
        self._controller = controller
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="controller")
        self.facts = Facts({})
        """The latest answer to each question."""
        self.known = Facts({})
        """The last readable answer to each question."""
        self.recent = Facts({})
        """The last readable answers since something was changed: what may be expected to stay as it is."""

    def look(
        self,
        act: Act | None = None,
        *,
        probes: Iterable[Probe[Fact]] | None = None,
        seconds: float = SURVEY_SECONDS,
        owner: Sequence[str] = (),
    ) -> Look:
        """Open one exec that lasts `seconds` at the most, for all questions or only for some. Raises Unreachable."""
        asked = self._probes if probes is None else tuple(dict.fromkeys(probes))
        here = tuple(probe for probe in asked if probe.vantage is Vantage.HOST)
        there = tuple(probe for probe in asked if probe.vantage is Vantage.CONTROLLER)
        return Look(self, self._session.begin(here, act, seconds=seconds, owner=owner), here, there)

    def survey(self) -> Facts:
        """Ask everything once, in one exec. Raises Unreachable."""
        with self.look() as look:
            return look.survey()

    def read(self, rounds: Rounds, here: Probes, there: Probes) -> Facts:
        """Take one more round of answers, the controller's own asked meanwhile, and lay them over the earlier ones."""
        asked = self._asker.submit(self._controller.ask, there)
        answers = {**rounds.next(), **asked.result()}
        read = Facts.read((*here, *there), answers)
        self.facts, self.known, self.recent = (
            self.facts.updated(read),
            self.known.recalled(read),
            self.recent.recalled(read),
        )
        return self.facts

    def close(self) -> None:
        """Leave the host."""
        self._asker.shutdown()
        self._session.close()
