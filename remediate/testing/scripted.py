"""A scripted session: a table of answers, and the effect of each act."""

from collections.abc import Mapping, Sequence
from enum import Enum
from threading import Lock
from typing import Final

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.engine.judge import CLOCK, RULES
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable
from remediate.transport.acted import Acted, ActState, CommandResult
from remediate.transport.script import Act
from remediate.transport.session import Answers

Answer = Output | Unreadable
Changes = Mapping[Probe[Fact] | Run, Answer]

_CLOCK: Final = Output(
    stdout="0123456789abcdef0123456789abcdef\n6e3b1d1c-3f5c-4b5e-9a55-0c9a3f2f7d10\n1000000.0 1000000.0\n"
)
_ROOT: Final = Output(stdout="root\n")
"""What a host says whose SSH user is root: everything is allowed."""


class ScriptedEvent(Enum):
    """What may happen instead of an answer."""

    LOCKED = "another run holds the lock"
    NO_LOCK = "the host has no flock"
    MOVED = "something moved between survey and lock"
    LOST_BEFORE = "the link dies before anything was sent"
    LOST_WHILE = "the link dies while the commands run"
    LOST_AFTER = "the link dies once the commands have run, before anything was asked again"


class ScriptedSession:
    """A Session, and a Controller, that answer from a table.

    `first` states what each probe is answered with: the Output of the program, which the probe reads, or an Unreadable.
    Each further mapping is what the next act does to that; a Run in it states what that command ends with. An Event
    in its place is what happens instead. Acts beyond those stated run, and change nothing.

        failed, running = (Output(stdout=file.read_text()) for file in (FAILED, RUNNING))  # of `systemctl show`
        session = ScriptedSession({unit: failed}, {unit: running})
        outcome = play(app_down(host), session)
        assert outcome.verdict is RunVerdict.FIXED
        assert session.execs == 3

    `at` states what changes by itself, at which survey and from there on: `at={2: {unit: failed}}` fails the unit
    at the second survey, `at={2: Event.LOST_BEFORE}` loses the link there. The clock and the sudo rules of a root
    login are there unless stated; whatever else is not stated is Unreadable. A fence that does not match the table
    is found moved, as on a real host.
    """

    def __init__(
        self,
        first: Changes,
        *acts: Changes | ScriptedEvent,
        at: Mapping[int, Changes | ScriptedEvent] | None = None,
        unreachable: UnreachableCode | None = None,
        holder: str = "",
    ) -> None:
        """Take the table; `unreachable` lets no exec begin, `holder` is what a busy lock says about its owner."""
        self.execs = 0
        """How many execs were begun: round trips."""
        self.surveys = 0
        """How many times everything was asked."""
        self.acts: list[Act] = []
        """Every act that was asked for, also those that did not run."""
        self.ran: list[Run] = []
        """Every command that ran."""
        self.owners: list[tuple[str, ...]] = []
        """Who the acts were said to be from."""
        self.closed = False
        self._table: dict[Probe[Fact], Answer] = {CLOCK: _CLOCK, RULES: _ROOT}
        self._effects = list(acts)
        self._at = dict(at or {})
        self._unreachable = unreachable
        self._holder = holder
        self._asked = 0
        self._mutex = Lock()
        self._change(first)

    def begin(
        self,
        probes: Sequence[Probe[Fact]],
        act: Act | None = None,
        *,
        seconds: float,  # noqa: ARG002  # nothing here takes time
        owner: Sequence[str] = (),
        extra: float = 0,  # noqa: ARG002
        together: bool = True,  # noqa: ARG002
    ) -> "ScriptedRounds":
        """See Session."""
        if self._unreachable is not None:
            raise Unreachable(self._unreachable, f"scripted: {self._unreachable.value}")
        self.execs += 1
        if act is None:
            return ScriptedRounds(self, tuple(probes), None)
        self.acts.append(act)
        self.owners.append(tuple(owner))
        effect = self._effects.pop(0) if self._effects else {}
        if effect is ScriptedEvent.LOST_BEFORE:
            raise Unreachable(UnreachableCode.LOST, f"scripted: {effect.value}")
        return ScriptedRounds(self, tuple(probes), self._acted(act, effect), effect)

    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        """See Controller."""
        with self._mutex:
            self._asked += 1
            self._pass(self._asked)
            return {probe: self._answer(probe) for probe in probes}

    def survey(self, probes: Sequence[Probe[Fact]]) -> Answers:
        """Answer everything once, after whatever changes by itself at this survey."""
        with self._mutex:
            self.surveys += 1
            happens = self._at.get(self.surveys)
            if isinstance(happens, ScriptedEvent):
                raise Unreachable(UnreachableCode.LOST, f"scripted: {happens.value}")
            self._pass(self.surveys)
            return {probe: self._answer(probe) for probe in probes}

    def close(self) -> None:
        """See Session."""
        self.closed = True

    def _acted(self, act: Act, effect: Changes | ScriptedEvent) -> Acted:
        match effect:
            case ScriptedEvent.LOCKED:
                return Acted(state=ActState.LOCKED, holder=self._holder)
            case ScriptedEvent.NO_LOCK:
                return Acted(state=ActState.NO_LOCK)
            case ScriptedEvent.MOVED:
                return Acted(state=ActState.MOVED)
        if not self._as_seen(act):
            return Acted(state=ActState.MOVED)
        changes = {} if isinstance(effect, ScriptedEvent) else effect
        commands = []
        for run in act.steps:
            output = changes.get(run, Output())
            if not isinstance(output, Output):
                raise TypeError(f"`{run}` is a command: state its Output")
            self.ran.append(run)
            commands.append(CommandResult(run=run, output=output, seconds=0.0))
            if output.exit != 0:
                break
        with self._mutex:
            self._change(changes)
        return Acted(state=ActState.ACTED, commands=tuple(commands))

    def _as_seen(self, act: Act) -> bool:
        now = {probe.command(): self._answer(probe) for probe in self._table}
        seen = ((fence, now.get(fence.run)) for fence in act.fence)
        return all(isinstance(output, Output) and fence.held(output.stdout, output.exit) for fence, output in seen)

    def _pass(self, survey: int) -> None:
        """Let happen what is due at a survey; it is due once, whoever asks first: the host or the controller."""
        happens = self._at.get(survey, {})
        if not isinstance(happens, ScriptedEvent):
            self._at.pop(survey, None)
            self._change(happens)

    def _change(self, changes: Changes) -> None:
        self._table.update({probe: answer for probe, answer in changes.items() if isinstance(probe, Probe)})

    def _answer(self, probe: Probe[Fact]) -> Answer:
        return self._table.get(probe, Unreadable(f"{probe.label()}: the test does not state it"))


class ScriptedRounds:
    """The answers of one scripted exec."""

    def __init__(
        self,
        session: ScriptedSession,
        probes: tuple[Probe[Fact], ...],
        acted: Acted | None,
        effect: Changes | ScriptedEvent | None = None,
    ) -> None:
        """Belong to a session."""
        self._session = session
        self._probes = probes
        self._result = acted
        self._effect = effect

    def acted(self) -> Acted:
        """See Rounds."""
        if self._result is None:
            raise TypeError("this exec changes nothing")
        if self._effect is ScriptedEvent.LOST_WHILE:
            raise ContactLost(f"scripted: {self._effect.value}")
        return self._result

    def next(self) -> Answers:
        """See Rounds."""
        if self._effect is ScriptedEvent.LOST_AFTER:
            raise ContactLost(f"scripted: {self._effect.value}")
        return self._session.survey(self._probes)

    def close(self) -> None:
        """See Rounds."""
