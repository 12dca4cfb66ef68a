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
    """The intent could not be made durable. Nothing may be done."""


class Recorder(Protocol):
    """The record of intents before acting, and of outcomes afterwards."""

    def intend(
        self, host: Host, position: int, remedy: Remedy, steps: tuple[Step, ...], basis: tuple[str, ...]
    ) -> None:
        """Make the intent durable. Raises NotRecorded: then nothing may be done.

        `basis` are digests of the answers that the steps have to change.
        """

    def conclude(self, host: Host, position: int, step: StepOutcome) -> None:
        """Record the outcome of the step."""

    @property
    def unwritten(self) -> str | None:
        """The reason why the record is incomplete and stays so; None if everything was written."""


class Context(NamedTuple):
    """The services and identity that a run needs."""

    connect: Callable[[Host], Session]
    controller: Controller
    record: Recorder
    reporter: Reporter
    stop: Event
    owner: tuple[str, ...]
    paused: Callable[[], str | None] = lambda: None
    """Returns why nothing may be changed now, None if it may. It is asked before every step."""
    rejoin: float = 0
    """Seconds in which to connect again after the link was lost while a step acted. Once is always tried."""
