"""Failed jobs, and the usability of the application's queue."""

from collections import Counter
from enum import Enum
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.field_types import ClassName, FrozenModel, QueueName
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe


class StoreTrouble(Enum):
    """Reasons why the database of failed jobs, or the queue, cannot be used."""

    REFUSED = "refused"
    DENIED = "denied"
    LOADING = "loading"
    FULL = "full"
    OTHER = "other"

    def __str__(self) -> str:
        """Return the reason in words."""
        return _WORDS[self]


_WORDS = {
    StoreTrouble.REFUSED: "does not answer",
    StoreTrouble.DENIED: "denies access",
    StoreTrouble.LOADING: "is still loading",
    StoreTrouble.FULL: "takes no writes",
    StoreTrouble.OTHER: "fails",
}


class Retried(Enum):
    """The result of an earlier retry by remediate, from the job's payload."""

    NO = "no"
    AGAIN = "again"
    """It failed again afterwards."""
    INTERRUPTED = "interrupted"
    """It was claimed, but that run did not finish. Whether the job was pushed is unknown."""


class FailedJob(FrozenModel):
    """One failed job, without its payload."""

    id: str = Field(description="as `artisan queue:retry` takes it", pattern=r"^[0-9A-Za-z-]{1,64}$")
    row: int = Field(description="its row: another one when it has failed again")
    uuid: str | None = Field(description="the same for as long as the job lives; None in very old payloads")
    name: str = Field(description="PHP class of the job")
    exception: str = Field(description="PHP class of what it failed with")
    queue: str = Field(description="its queue; behind the name of its connection where that is not the default one")
    hours: int | None = Field(description="whole hours since it was made, as far as is known; None when nobody knows")
    retried: Retried

    def describe(self) -> str:
        """Return the job's id, class, age and exception as text."""
        age = "of unknown age" if self.hours is None else f"{self.hours} h old"
        return f"{self.id} ({self.name}, {age}, {self.exception})"


class _Listed(FrozenModel):
    """A host's compact list of failed jobs. An outage leaves hundreds, and an answer has its limit."""

    by: Literal["uuid", "row"]
    kinds: tuple[tuple[str, str, str], ...]
    jobs: tuple[tuple[int, str | None, int | None, Retried, int], ...]
    others: int = Field(ge=0)
    more: bool

    def read(self) -> tuple[FailedJob, ...]:
        """Return the jobs of the list. Raises ValueError."""
        found: list[FailedJob] = []
        for row, uuid, hours, retried, kind in self.jobs:
            if not 0 <= kind < len(self.kinds):
                raise ValueError("a job of a kind that is not listed")
            name, exception, queue = self.kinds[kind]
            own = str(row) if self.by == "row" or uuid is None else uuid
            given = {"name": name, "exception": exception, "queue": queue, "hours": hours, "retried": retried}
            found.append(FailedJob.model_validate({"id": own, "row": row, "uuid": uuid, **given}))
        return tuple(found)


class FailedJobsState(Fact):
    """The failed jobs of some classes, oldest first."""

    trouble: StoreTrouble | None = Field(description="why they cannot be read")
    jobs: tuple[FailedJob, ...] = ()
    others: int = Field(default=0, ge=0, description="further ones, beyond those that are listed")
    more: bool = Field(
        default=False, description="there are more failed jobs than were looked through: the newest were"
    )
    asked: bool = Field(description="whether classes were named: then a failed one is a symptom")

    @property
    def hidden(self) -> bool:
        """True if none was found, and some may be among those that were not looked through."""
        return self.more and not self.jobs and not self.others

    @property
    @override
    def ok(self) -> bool | None:
        if self.trouble is not None:
            return False
        if not self.asked or self.hidden:
            return None
        return not self.jobs and not self.others

    @override
    def describe(self) -> str:
        if self.trouble is not None:
            return f"their database {self.trouble}"
        if not self.jobs:
            return "unknown: none among the newest, and there are too many to look through" if self.hidden else "none"
        kinds = Counter((job.name, job.exception) for job in self.jobs)
        said = ", ".join(f"{count} x {name} ({raised})" for (name, raised), count in kinds.most_common(3))
        ages = [job.hours for job in self.jobs if job.hours is not None]
        rest = f" and {len(kinds) - 3} other kinds" if len(kinds) > 3 else ""
        age = f", up to {max(ages)} h old" if ages else ""
        return f"{said}{rest}{age}{f', {self.others} more' if self.others else ''}"


class FailedJobs(AppProbe[FailedJobsState]):
    """List the failed jobs of some classes: class, age and exception, never payloads or messages."""

    kind: Literal["queue.failed"] = "queue.failed"
    subject = "failed jobs"
    program = "queue"
    asked_together = True
    classes: tuple[ClassName, ...] = Field(default=(), description="PHP classes of jobs; none = all of them")

    @override
    def command(self) -> Run:
        return self.ask("failed", *self.classes)

    @override
    def understand(self, answer: Any) -> FailedJobsState:
        asked = bool(self.classes)
        match answer:
            case {"state": "ok", **found}:
                listed = _Listed.model_validate(found)
                return FailedJobsState(
                    trouble=None, jobs=listed.read(), others=listed.others, more=listed.more, asked=asked
                )
            case {"state": "failed", "why": str(why)}:
                return FailedJobsState(trouble=StoreTrouble(why), asked=asked)
            case {"state": "unsupported", "driver": str(driver)}:
                raise Unreadable(f"{self.label()}: kept by the driver {driver[:40]!r}, which cannot be asked")
        raise TypeError


class QueueFlowState(Fact):
    """The usability of the application's queue, and the number of its jobs.

    It does not say whether jobs are processed: the number that waits says little about that, and a job does not record
    since when it waits. Use `QueueMotion` for that.
    """

    trouble: StoreTrouble | None
    connection: str = Field(default="", description="the application's default queue connection", max_length=220)
    waiting: int = Field(default=0, ge=0, description="jobs in these queues, those in work included")
    retried: tuple[str, ...] = Field(default=(), description="of those, jobs that remediate retried")
    more: bool = Field(default=False, description="there are more retried ones than are listed")

    @property
    @override
    def ok(self) -> bool | None:
        return self.trouble is None

    @override
    def describe(self) -> str:
        if self.trouble is not None:
            return f"its store {self.trouble}"
        count = f"{'more than ' if self.more else ''}{len(self.retried)}"
        again = f", {count} of them retried" if self.retried else ""
        return f"{self.connection} answers, {self.waiting} jobs in it{again}"


class QueueFlow(AppProbe[QueueFlowState]):
    """Ask the application's queue, with its own configuration, for its number of jobs.

    It does not say whether they are processed: use `QueueMotion` for that.
    """

    kind: Literal["queue.flow"] = "queue.flow"
    subject = "queue"
    program = "queue"
    asked_together = True
    queues: tuple[QueueName, ...] = Field(default=("default",), min_length=1, description="names of queues")

    @override
    def command(self) -> Run:
        return self.ask("flow", *self.queues)

    @override
    def understand(self, answer: Any) -> QueueFlowState:
        match answer:
            case {"state": "ok", "driver": str(), **found}:
                return QueueFlowState.model_validate({"trouble": None, **found})
            case {"state": "failed", "why": str(why)}:
                return QueueFlowState(trouble=StoreTrouble(why))
            case {"state": "unsupported", "driver": str(driver)}:
                raise Unreadable(f"{self.label()}: its driver {driver[:40]!r} cannot be examined")
        raise TypeError
