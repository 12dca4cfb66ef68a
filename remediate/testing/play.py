"""Takes one playbook through a whole run on a scripted host."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import ClassVar, Final

from typing_extensions import override

from remediate.core.command import Output
from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, StepOutcome
from remediate.core.playbook import HostPlan, Runnable, Severity
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step
from remediate.engine.context import Context, NotRecorded, Recorder
from remediate.engine.discovery import leaves_open
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import NullReporter, Reporter
from remediate.errors import Unreachable, UnreachableCode, Unreadable
from remediate.testing.scripted import ScriptedSession
from remediate.transport.controller import Controller
from remediate.transport.session import Session

_HOST: Final = Host(name="web1", ssh=SshTarget(address="192.0.2.1"))


class MemoryRecorder(Recorder):
    """A Recorder that remembers intents and outcomes. `broken` is the message of a full disk."""

    unwritten: str | None = None

    def __init__(self, broken: str | None = None) -> None:
        """Make an empty record."""
        self.broken = broken
        self.unwritten = broken
        self.intents: list[tuple[int, Remedy, tuple[Step, ...]]] = []
        self.outcomes: list[tuple[int, StepOutcome]] = []

    @override
    def intend(
        self,
        host: Host,  # There is only one host.
        position: int,
        remedy: Remedy,
        steps: tuple[Step, ...],
        basis: tuple[str, ...],  # Nobody goes on from this record.
    ) -> None:
        if self.broken is not None:
            raise NotRecorded(self.broken)
        self.intents.append((position, remedy, steps))

    @override
    def conclude(self, host: Host, position: int, step: StepOutcome) -> None:  # There is only one host.
        self.outcomes.append((position, step))


@dataclass(frozen=True)
class _Stated:
    """A runnable with a stated HostPlan."""

    host_plan: HostPlan
    name: ClassVar[str] = "stated"
    severity: ClassVar[Severity | None] = None
    discovers: ClassVar[bool] = False

    def __call__(self, host: Host) -> HostPlan:  # noqa: ARG002  # The plan is the same for every host.
        return self.host_plan


class _Logins(Controller):
    """The sessions of one host, in order; the present one also answers the controller."""

    def __init__(self, first: ScriptedSession, again: ScriptedSession | None) -> None:
        self._present = first
        self._waiting = [first] if again is None else [first, again]

    def __call__(self, _: Host) -> Session:
        if not self._waiting:
            raise Unreachable(UnreachableCode.LOST, "scripted: the link stays lost")
        self._present = self._waiting.pop(0)
        return self._present

    @override
    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        return self._present.ask(probes)


def play(
    runnable: Runnable | HostPlan,
    session: ScriptedSession,
    *,
    options: Options | None = None,
    host: Host = _HOST,
    record: MemoryRecorder | None = None,
    reporter: Reporter | None = None,
    stop: Event | None = None,
    paused: Callable[[], str | None] = lambda: None,
    again: ScriptedSession | None = None,
) -> HostOutcome:
    """Run a playbook, a remedy or a stated HostPlan as the engine does. Return the outcome.

    Consent is given. The session also answers the controller's questions. The stability window takes no time unless
    `options` say so. `paused` is the kill switch, asked before every step. `again` is the
    host after its link was lost while a step acted; without it the host does not come back.

        outcome = play(app_down, ScriptedSession({unit: failed}), host=web1)
        assert outcome.verdict is RunVerdict.NOT_FIXED
    """
    logins = _Logins(session, again)
    context = Context(
        connect=logins,
        controller=logins,
        record=record or MemoryRecorder(),
        reporter=reporter or NullReporter(),
        stop=stop or Event(),
        owner=("tester", "run-0"),
        paused=paused,
    )
    played = _Stated(runnable) if isinstance(runnable, HostPlan) else runnable
    host_plan = None if leaves_open(played, host) else played(host)
    run = HostRunner(host, played, options or Options(hold=0, yes=True), context, host_plan)
    try:
        return run.examine() or run.mend()
    finally:
        run.close()
