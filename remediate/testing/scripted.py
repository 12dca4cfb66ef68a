"""A scripted session: a table of answers, and the effect of each act."""

from collections.abc import Mapping, Sequence
from enum import Enum
from threading import Lock
from typing import Final, Unpack

from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.engine.judge import CLOCK, RULES
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable
from remediate.transport.acted import Acted, ActState, CommandResult
from remediate.transport.controller import Controller
from remediate.transport.script import Act
from remediate.transport.session import Answers, ExecOptions, Rounds, Session

Answer = Output | Unreadable
Changes = Mapping[Probe[Fact] | Run, Answer]

_CLOCK: Final = Output(
    stdout="0123456789abcdef0123456789abcdef\n6e3b1d1c-3f5c-4b5e-9a55-0c9a3f2f7d10\n1000000.0 1000000.0\n"
)
_ROOT: Final = Output(stdout="root\n")
"""The sudo rules of a host whose SSH user is root: everything is allowed."""


class ScriptedEvent(Enum):
    """An event in place of an answer."""

    LOCKED = "another run holds the lock"
    NO_LOCK = "the host has no flock"
    MOVED = "something moved between survey and lock"
    LOST_BEFORE = "the link dies before anything was sent"
    LOST_WHILE = "the link dies while the commands run"
    LOST_AFTER = "the link dies once the commands have run, before anything was asked again"


class ScriptedSession(Session, Controller):
    """A Session and Controller that answers from a table, for use with `play`.

    `first` maps each probe to its answer: a program's Output, which the probe reads, or an Unreadable. Each further
    mapping is the next act's effect on that table; for a Run it gives the Output of that command. A ScriptedEvent in
    place of a mapping happens instead. Acts beyond these run, and change nothing.

        failed, running = (Output(stdout=file.read_text()) for file in (FAILED, RUNNING))  # of `systemctl show`
        session = ScriptedSession({unit: failed}, {unit: running})
        outcome = play(app_down(host), session)
        assert outcome.verdict is RunVerdict.FIXED
        assert session.execs == 3

    `at` maps the number of a survey to a change that happens by itself then and lasts. `at={2: {unit: failed}}` fails
    the unit at the second survey, `at={2: ScriptedEvent.LOST_BEFORE}` loses the link there. The clock, and the sudo
    rules of a root login, are in the table unless stated. Anything else that is not stated is Unreadable. A fence that
    does not match the table has moved, as on a real host.
    """

    def __init__(
        self,
        first: Changes,
        *acts: Changes | ScriptedEvent,
        at: Mapping[int, Changes | ScriptedEvent] | None = None,
        unreachable: UnreachableCode | None = None,
        holder: str = "",
    ) -> None:
        """Take the table. `unreachable` prevents every exec; `holder` is a busy lock's text about its holder."""
        self.execs = 0
        """The number of execs, which are round trips."""
        self.surveys = 0
        """The number of surveys."""
        self.acts: list[Act] = []
        """Every requested act, also those that did not run."""
        self.ran: list[Run] = []
        """Every command that ran."""
        self.owners: list[tuple[str, ...]] = []
        """The owner of each act."""
        self.closed = False
        self._table: dict[Probe[Fact], Answer] = {CLOCK: _CLOCK, RULES: _ROOT}
        self._effects = list(acts)
        self._at = dict(at or {})
        self._unreachable = unreachable
        self._holder = holder
        self._asked = 0
        self._mutex = Lock()
        self._change(first)

    @override
    def begin(
        self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]
    ) -> "ScriptedRounds":
        if self._unreachable is not None:
            raise Unreachable(self._unreachable, f"scripted: {self._unreachable.value}")
        self.execs += 1
        if act is None:
            return ScriptedRounds(self, tuple(probes), None)
        self.acts.append(act)
        self.owners.append(tuple(how.get("owner", ())))
        effect = self._effects.pop(0) if self._effects else {}
        if effect is ScriptedEvent.LOST_BEFORE:
            raise Unreachable(UnreachableCode.LOST, f"scripted: {effect.value}")
        return ScriptedRounds(self, tuple(probes), self._acted(act, effect), effect)

    @override
    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        with self._mutex:
            self._asked += 1
            self._pass(self._asked)
            return {probe: self._answer(probe) for probe in probes}

    def survey(self, probes: Sequence[Probe[Fact]]) -> Answers:
        """Answer all questions once, after the changes that happen at this survey."""
        with self._mutex:
            self.surveys += 1
            happens = self._at.get(self.surveys)
            if isinstance(happens, ScriptedEvent):
                raise Unreachable(UnreachableCode.LOST, f"scripted: {happens.value}")
            self._pass(self.surveys)
            return {probe: self._answer(probe) for probe in probes}

    @override
    def close(self) -> None:
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
        """Apply the changes of a survey, once: the host or the controller may ask first."""
        happens = self._at.get(survey, {})
        if not isinstance(happens, ScriptedEvent):
            self._at.pop(survey, None)
            self._change(happens)

    def _change(self, changes: Changes) -> None:
        self._table.update({probe: answer for probe, answer in changes.items() if isinstance(probe, Probe)})

    def _answer(self, probe: Probe[Fact]) -> Answer:
        return self._table.get(probe, Unreadable(f"{probe.label()}: the test does not state it"))


class ScriptedRounds(Rounds):
    """The answers of one scripted exec."""

    def __init__(
        self,
        session: ScriptedSession,
        probes: tuple[Probe[Fact], ...],
        acted: Acted | None,
        effect: Changes | ScriptedEvent | None = None,
    ) -> None:
        """Make the rounds of a session."""
        self._session = session
        self._probes = probes
        self._result = acted
        self._effect = effect

    @override
    def acted(self) -> Acted:
        if self._result is None:
            raise TypeError("this exec changes nothing")
        if self._effect is ScriptedEvent.LOST_WHILE:
            raise ContactLost(f"scripted: {self._effect.value}")
        return self._result

    @override
    def next(self) -> Answers:
        if self._effect is ScriptedEvent.LOST_AFTER:
            raise ContactLost(f"scripted: {self._effect.value}")
        return self._session.survey(self._probes)

    @override
    def close(self) -> None:
        pass
