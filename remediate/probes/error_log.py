"""The application's recent errors by class and place, from its own log files."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, NonNegativeInt
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.masking.masker import strip_control
from remediate.masking.secret_patterns import mask_shapes
from remediate.probes.php import AppProbe

PERIOD: Final = 3 * 3600
"""Seconds of one period, in which errors are counted together."""
PERIODS: Final = 56
"""Number of periods in an answer: one week."""
Moment = Annotated[int, Field(ge=0, le=2**33, description="seconds since 1970, by the host's clock")]

_BYTES: Final = 256 * 1024 * 1024
_PATIENCE: Final = 15
"""Seconds for reading. A log that is not in the page cache takes time, and the framework has to start first."""


class ErrorGroup(FrozenModel):
    """Errors with the same level, class and place; without a class, with the same message."""

    level: Literal["ERROR", "CRITICAL", "ALERT", "EMERGENCY"]
    what: str = Field(max_length=500, description="the class; or the plain words of a message")
    place: str = Field(max_length=200, description="file and line below the application's directory; may be empty")
    counts: tuple[NonNegativeInt, ...] = Field(
        max_length=PERIODS, description="how many in each period, the latest first"
    )
    first: Moment
    last: Moment

    @property
    def name(self) -> str:
        """The group's name in reports, which is the same on every day."""
        said = f"{self.level} {self.what}{f' at {self.place}' if self.place else ''}"
        return mask_shapes(" ".join(strip_control(said).split()))[:180]

    def count(self, periods: int) -> int:
        """Return the number of errors in the latest periods."""
        return sum(self.counts[:periods])


class ErrorLogState(Fact):
    """The errors of the last week, as far back as the log could be read."""

    now: Moment
    zone: str = Field(max_length=80, description="the application's time zone, in which it logs")
    reaches: Moment = Field(description="from when on everything was read")
    files: tuple[str, ...] = Field(description="what was read")
    unread: tuple[str, ...] = Field(description="what may hold errors of these days and cannot be read")
    writable: bool = Field(description="whether its user may write the next entry")
    records: int = Field(ge=0, description="entries of these days, of all levels")
    strange: int = Field(ge=0, description="entries in a format that is not known")
    future: int = Field(ge=0, description="entries from the future, as if they were of now")
    slip: int = Field(description="minutes by which the log seems to be in another time zone")
    groups: tuple[ErrorGroup, ...] = Field(description="the most frequent first")
    others: int = Field(ge=0, description="further groups, beyond those that are listed")

    @override
    def describe(self) -> str:
        total = sum(sum(group.counts) for group in self.groups)
        return f"{total} errors of {len(self.groups) + self.others} kinds within {PERIODS * PERIOD // 86400} days"


class ErrorLog(AppProbe[ErrorLogState]):
    """Count the errors of the last week by class and place.

    No message leaves the host except its plain words. The probe reads the files of the default log channel: `single`
    and `daily`, also below a `stack`, in Laravel's line format or in Monolog's JSON. A channel that keeps its log
    elsewhere (syslog, stderr, a service) is Unreadable.
    """

    kind: Literal["laravel.errors"] = "laravel.errors"
    subject = "errors in the application's log"
    program = "errors"

    @override
    def command(self) -> Run:
        limits = (PERIODS, PERIOD, _BYTES, _PATIENCE)
        return self.ask(*map(str, limits), seconds=_PATIENCE + 15)

    @override
    def understand(self, answer: Any) -> ErrorLogState:
        match answer:
            case {"state": "ok", **found}:
                return ErrorLogState.model_validate(found)
            case {"state": "elsewhere", "why": str(why)}:
                raise Unreadable(f"{self.label()}: it is written to a place that cannot be read: {_short(why)}")
            case {"state": "down", "why": str(why)}:
                raise Unreadable(
                    f"{self.label()}: only the application knows where it is, and it does not start: {_short(why)}"
                )
            case {"state": "missing", "why": str(why)}:
                raise Unreadable(f"{self.label()}: there is no {_short(why)}: no error yet, or it is kept elsewhere")
            case {"state": "unreadable", "why": str(why)}:
                raise Unreadable(f"{self.label()}: {self.user} cannot read {_short(why)}")
        raise TypeError


def _short(text: str) -> str:
    return " ".join(strip_control(text).split())[:300]
