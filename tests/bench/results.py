"""The results of a bench: its document, and the numbers that are read from it."""

from collections.abc import Iterable, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from bench.cases import Case, Group, State


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sample(_Part):
    """One run of one case. Times are in seconds."""

    case: str
    state: State
    round_trip: int = Field(description="milliseconds")
    hosts: int
    round: int
    wall: float
    first: float | None = Field(description="until the first output")
    cpu: float = Field(description="of the controller")
    rss: int = Field(description="peak of the largest process, in KiB")
    host_cpu: float | None = Field(description="of everything on the host")
    served: float | None = Field(description="until the page was served again")
    failed: str | None = Field(description="why it does not count")


class Phases(_Part):
    """The seconds of one run of one case, by where they were spent."""

    case: str
    start: float = Field(description="from the start of the process to its TCP connection")
    keys: float = Field(description="to the end of the key exchange")
    login: float = Field(description="to the login that sshd logs")
    asking: float = Field(description="to the last byte from the host")
    ending: float = Field(description="to the end of the process")


class Results(_Part):
    """Everything that one bench measured, and on what."""

    date: str
    commit: str
    machine: dict[str, str]
    busy: float = Field(description="share of the cores that others used before and after, the larger one")
    versions: dict[str, str]
    samples: tuple[Sample, ...]
    phases: tuple[Phases, ...]
    restart: tuple[float, ...] = Field(description="durations of systemctl restart on the host, in seconds")

    def of(self, case: Case, like: Group) -> dict[int, Sample]:
        """Return the good samples of a case in a group, by round."""
        return {
            each.round: each
            for each in self.samples
            if each.case == case.name
            and (each.state, each.round_trip, each.hosts) == (like.state, like.round_trip, like.hosts)
            and each.failed is None
        }

    def never_right(self) -> tuple[Sample, ...]:
        """Return the last failure of every case that gave no right answer in some group."""
        failures, right = dict[tuple[object, ...], Sample](), set[tuple[object, ...]]()
        for each in self.samples:
            where = (each.case, each.state, each.round_trip, each.hosts)
            failures[where] = each
            if each.failed is None:
                right.add(where)
        return tuple(sample for where, sample in failures.items() if where not in right)


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    middle: float
    high: float


def spread(values: Iterable[float]) -> Spread | None:
    """Return the median and quartiles; None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    if len(ordered) == 1:
        return Spread(ordered[0], ordered[0], ordered[0])
    low, middle, high = quantiles(ordered, n=4, method="inclusive")
    return Spread(low, middle, high)


def ratio(ours: dict[int, float], theirs: dict[int, float]) -> Spread | None:
    """Return how many times theirs ours takes, compared within each round, so that a slow minute slows both."""
    return spread(ours[each] / theirs[each] for each in sorted(ours.keys() & theirs.keys()) if theirs[each] > 0)


def walls(samples: dict[int, Sample]) -> dict[int, float]:
    """Return the measured seconds of each round: until served, where that is the question, else in all."""
    return {number: each.wall if each.served is None else each.served for number, each in samples.items()}


def trips(near: Sequence[float], far: Sequence[float], round_trip: float) -> float | None:
    """Return the number of round trips that explains the difference between a near and a far host."""
    return (median(far) - median(near)) / round_trip if near and far else None
