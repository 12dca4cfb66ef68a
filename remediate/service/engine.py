"""The durable engine, as the service needs it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from remediate.service.request import Attempt, DurableRun, RunRequest
from remediate.service.timers import TimerTask


class EngineLimits(NamedTuple):
    """Numbers of runs at once."""

    worker: int = 4
    playbook: int = 4
    fleet: int = 8
    poll_seconds: float = 0.5


class RunDriver(Protocol):
    """Brings one run to its end. Each method may be called again after a crash, with the same arguments."""

    def begin(self, run: str, request: RunRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        """Run it under this id, unless it has begun already or is not `wanted`.

        The journal knows what has begun.
        """

    def resume(self, dead: Sequence[str], run: str, request: RunRequest) -> Attempt:
        """Find out what the dead runs did, and go on under a new id."""

    def give_up(self, dead: Sequence[str], why: str) -> Attempt:
        """End the dead runs. A step whose effect was not found out is recorded as unknown."""


class RunEngine(Protocol):
    """Durable runs and timers. A run that was started ends, or stays visible, whatever dies meanwhile."""

    def launch(self) -> None:
        """Begin to work, first on what an earlier process with this name left."""

    def start(self, request: RunRequest, run: str) -> bool:
        """Queue a run, durable on return. Returns False if this id was started before."""

    def find(self, run: str) -> DurableRun | None:
        """Return one run, None if there is none."""

    def runs(self, *, limit: int = 100) -> tuple[DurableRun, ...]:
        """Return the latest runs, newest first."""

    def waiting(self) -> tuple[DurableRun, ...]:
        """Return all runs that are queued, and have not begun."""

    def withdraw(self, run: str) -> bool:
        """Take a run back that has not begun. Returns False if it has.

        One that begins at that moment asks whether it is still wanted, and is shown as running until it has asked.
        """

    def every(self, name: str, cron: str, task: Callable[[], None]) -> None:
        """Call a task at these times, in one of the processes that share the database. Say so before `launch`.

        `cron` has six fields, seconds first.
        """

    def on(self, name: str, task: TimerTask) -> None:
        """Say what timers of this name call, in one of the processes. Say so before `launch`.

        The task may be called again after a crash.
        """

    def after(self, seconds: float, name: str, about: str, timer: str) -> bool:
        """Set a timer, durable on return. Returns False if one with this id was set before."""

    def forget(self, age: timedelta) -> int:
        """Delete ended runs and timers that are older. The journal keeps its records."""

    def close(self, patience: timedelta) -> None:
        """Stop. What runs may end within this time, and the rest is resumed at the next launch."""
