"""Whether jobs are taken from the application's queues: what waits, looked at more than once."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.fields import QueueName
from remediate.masking import strip_control
from remediate.probe import Fact
from remediate.probes.php import answered
from remediate.probes.queue import OfQueue, StoreTrouble

_PATIENCE: Final = 10
"""Seconds for which is looked: an idle worker asks for the next job every three (`queue:work --sleep=3`)."""


class QueueLevel(BaseModel):
    """What is in one queue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=120)
    before: NonNegativeInt = Field(description="jobs that waited at first, those in work and those of later left out")
    waiting: NonNegativeInt = Field(description="and at last")
    working: NonNegativeInt = Field(description="jobs that workers have reserved, the most at any time")
    later: NonNegativeInt = Field(description="jobs that are not due yet")
    taken: bool = Field(description="whether the job at its head was taken meanwhile, or there was none")

    @property
    def called(self) -> str:
        """Its name, safe to show."""
        return " ".join(strip_control(self.name).split())[:100]


class QueueMotionState(Fact):
    """What waits in each queue, and whether it moves."""

    trouble: StoreTrouble | None
    connection: str = Field(default="", description="the application's default queue connection", max_length=220)
    seconds: float = Field(default=0, ge=0, le=3600, description="how long was looked")
    whole: bool = Field(default=True, description="whether all queues that hold jobs are among them")
    queues: tuple[QueueLevel, ...] = ()

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return self.trouble is None

    @property
    def waiting(self) -> int:
        """How many jobs wait in all queues together."""
        return sum(each.waiting for each in self.queues)

    def describe(self) -> str:
        """See Fact."""
        if self.trouble is not None:
            return f"its store {self.trouble}"
        return f"{self.waiting} jobs wait in {len(self.queues)} queues of {self.connection}"


class QueueMotion(OfQueue[QueueMotionState]):
    """Look for some seconds whether jobs are taken from the queues: those that are named, and all that hold jobs.

    It ends at once when nothing waits, and after three seconds when everything moves. Drivers other than `redis` and
    `database` cannot be looked into and are Unreadable: `sync` has no queue at all.
    """

    kind: Literal["queue.motion"] = "queue.motion"
    queues: tuple[QueueName, ...] = Field(default=("default",), min_length=1, description="names of queues")

    def label(self) -> str:
        """See Probe."""
        return "movement in the queue"

    def command(self) -> Run:
        """See Probe."""
        return self.ask("motion", str(_PATIENCE), *self.queues, seconds=_PATIENCE + 15)

    def parse(self, output: Output) -> QueueMotionState:
        """See Probe."""
        try:
            match answered(self.label(), output):
                case {"state": "ok", **found}:
                    return QueueMotionState.model_validate({"trouble": None, **found})
                case {"state": "failed", "why": str(why)}:
                    return QueueMotionState(trouble=StoreTrouble(why))
                case {"state": "unsupported", "driver": str(driver)}:
                    raise Unreadable(f"queue: its driver {driver[:40]!r} keeps no jobs that could be counted here")
        except ValueError:  # pydantic's ValidationError is one, too
            pass
        raise Unreadable(f"{self.label()}: PHP answered something else than was asked")
