"""The surroundings of a run, and the protocol of its recorder."""

from collections.abc import Callable
from threading import Event
from typing import NamedTuple, Protocol

from remediate.core.host import Host
from remediate.core.outcome import StepOutcome
from remediate.core.remedy import Remedy, Step
from remediate.engine.reporter import Reporter
from remediate.transport.controller import Controller
from remediate.transport.session import Session


class NotRecorded(Exception):
    """The intent could not be made durable: nothing may be done."""


class Recorder(Protocol):
    """Where intents and outcomes are written down before and after acting."""

    def intend(self, host: Host, position: int, remedy: Remedy, steps: tuple[Step, ...]) -> None:
        """Make the intent durable. Raises NotRecorded: then nothing may be done."""

    def conclude(self, host: Host, position: int, step: StepOutcome) -> None:
        """Record what became of it."""

    @property
    def unwritten(self) -> str | None:
        """Why the record is not whole and will not be; None as long as everything was written."""


class Context(NamedTuple):
    """What a run needs of the world around it."""

    connect: Callable[[Host], Session]
    controller: Controller
    record: Recorder
    reporter: Reporter
    stop: Event
    owner: tuple[str, ...]
