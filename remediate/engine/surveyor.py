"""Surveys one host, from the host and from the controller at the same time."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from types import TracebackType
from typing import Final, Self

from remediate.core.batches import Unanswered
from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.playbook import Probes
from remediate.core.probe import TIMED_OUT, Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import ContactLost, Unreachable, Unreadable
from remediate.transport.acted import Acted, ActState
from remediate.transport.controller import Controller
from remediate.transport.script import Act
from remediate.transport.session import Answers, Rounds, Session

SURVEY_SECONDS: Final = 40.0
"""Deadline of one survey in seconds. Each question has a shorter one."""
_MOST_EXTRA: Final = 20.0
"""The most seconds that a repeated question gets beyond its own deadline."""
LOOK_AGAIN: Final = 0.25
"""The least seconds between two looks at something in transition."""


class OpenSurvey:
    """One exec on the host, kept open. Each `survey` asks all its questions again."""

    def __init__(self, surveyor: "Surveyor", rounds: Rounds, here: Probes, there: Probes, alone: Probes = ()) -> None:
        self._surveyor = surveyor
        self._rounds = rounds
        self._here = here
        self._alone = alone
        self._there = there
        self._took = 0.0

    @property
    def pause(self) -> float:
        """The seconds until the next look: as long as the last one took.

        A host in trouble should spend at most half of its time on our questions.
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
            return self._surveyor.read(self._rounds, self._here, self._there, self._alone)
        finally:
            self._took = self._surveyor.took = monotonic() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rounds.close()


class Surveyor:
    """The questions of a run, and their latest answers."""

    def __init__(self, session: Session, controller: Controller, probes: Sequence[Probe[Fact]]) -> None:
        self._probes = tuple(dict.fromkeys(probes))
        self._session = session
        self._controller = controller
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="controller")
        self._late: set[Probe[Fact]] = set()
        self._extra = 0.0
        self.took = 0.0
        """The duration of the last survey, in seconds."""
        self.facts = Facts({})
        """The latest answer to each question."""
        self.known = Facts({})
        """The last readable answer to each question."""
        self.recent = Facts({})
        """The last readable answers since the last change. They are expected to last."""

    def look(
        self,
        act: Act | None = None,
        *,
        probes: Iterable[Probe[Fact]] | None = None,
        seconds: float = SURVEY_SECONDS,
        owner: Sequence[str] = (),
    ) -> OpenSurvey:
        """Open one exec that lasts at most `seconds`, for all questions or only some. Raises Unreachable."""
        asked = self._probes if probes is None else tuple(dict.fromkeys(probes))
        every = tuple(probe for probe in asked if probe.vantage is Vantage.HOST)
        there = tuple(probe for probe in asked if probe.vantage is Vantage.CONTROLLER)
        here = tuple(probe for probe in every if probe not in self._late)
        alone = tuple(probe for probe in every if probe in self._late)
        return OpenSurvey(self, self._session.begin(here, act, seconds=seconds, owner=owner), here, there, alone)

    def ask_alone(self, probes: Iterable[Probe[Fact]]) -> None:
        """Ask these by themselves from now on."""
        self._late.update(probes)

    def survey(self, seconds: float = SURVEY_SECONDS) -> Facts:
        """Ask everything once, in one exec that lasts at most `seconds`. Raises Unreachable."""
        with self.look(seconds=seconds) as look:
            return look.survey()

    def read(self, rounds: Rounds, here: Probes, there: Probes, alone: Probes = ()) -> Facts:
        """Read one more round of answers, the controller's included, and update the earlier ones.

        Some questions have no answer: the command for several left them out, or a slow host did not answer in time.
        They are asked again without the others, and always alone from then on, because together they delay each other.
        Each then gets as much extra time as the slowest round took. A host with a tenth of a core needs that.
        """
        asked, begun = self._asker.submit(self._controller.ask, there), monotonic()
        answers = dict(rounds.next())
        self._extra = max(self._extra, min(monotonic() - begun, _MOST_EXTRA))
        answers |= asked.result()
        if len(here) > 1:
            late = tuple(probe for probe in here if _open(answers.get(probe)))
            self._late.update(late)
            alone = (*alone, *late)
        answers |= self._without_others(alone)
        read = Facts.read(dict.fromkeys((*here, *there, *alone)), answers)
        self.facts, self.known, self.recent = (
            self.facts.updated(read),
            self.known.recalled(read),
            self.recent.recalled(read),
        )
        return self.facts

    def _without_others(self, alone: Probes) -> Answers:
        """Ask in a separate exec. Missing answers stay unanswered: the first exec reports a lost link."""
        if not alone:
            return {}
        try:
            rounds = self._session.begin(alone, seconds=SURVEY_SECONDS + self._extra, extra=self._extra, together=False)
            try:
                answers = rounds.next()
            finally:
                rounds.close()
        except (Unreachable, ContactLost):
            return {}
        return {probe: self._slow(probe) if _timed_out(answer) else answer for probe, answer in answers.items()}

    def _slow(self, probe: Probe[Fact]) -> Unreadable:
        """Return the answer for a slow question. It does not mean that its subject is down."""
        command = probe.command()
        given = (command.seconds if isinstance(command, Run) else 0) + self._extra
        return Unreadable(f"{probe.label()}: no answer within {given:.0f} s, also by itself: slow or hung")

    def rejoin(self, session: Session) -> None:
        """Go on over another connection, because the link of the present one was lost."""
        self._session.close()
        self._session = session

    def close(self) -> None:
        """Close the connection to the host."""
        self._asker.shutdown()
        self._session.close()


def _open(answer: Output | Unreadable | None) -> bool:
    """Return whether the question may be answered when asked without the others."""
    return _timed_out(answer) or isinstance(answer, Unanswered)


def _timed_out(answer: Output | Unreadable | None) -> bool:
    return isinstance(answer, Output) and answer.exit in TIMED_OUT
