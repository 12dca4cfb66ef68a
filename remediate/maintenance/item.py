"""An item: one line of the runbook's chapter 8, with its questions and its judgement."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, NamedTuple

from pydantic import Field

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel
from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.maintenance.schedule import Occasion


class Sample(FrozenModel):
    """A number that is kept, to be compared with those of other days."""

    name: str = Field(max_length=200, description="what was measured, unique in its item")
    value: float
    unit: str = Field(default="", max_length=20)


class Finding(FrozenModel):
    """What came of looking at one item."""

    ok: bool | None = Field(description="yes, no, or null: cannot know")
    summary: str = Field(description="one line")
    evidence: tuple[str, ...] = Field(default=(), description="what it rests on, a line each")
    advice: tuple[str, ...] = Field(default=(), description="what to do, a line each")
    samples: tuple[Sample, ...] = ()
    plot: tuple[str, ...] = Field(default=(), description="a plot in text, a line each")


class Result(Finding):
    """A finding, and whose it is."""

    item: str
    title: str = Field(description="the runbook's words")
    owner: str


class Point(NamedTuple):
    """One sample of the past."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier runs found out about the same item of the same host."""

    previous: Result | None = None
    previous_at: datetime | None = None
    samples: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """By name, oldest first; not those of this run."""


class Elsewhere(NamedTuple):
    """Questions to another host of the inventory."""

    host: str
    probes: Probes
    seconds: float
    """How long all of them together may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything an item is judged by."""

    host: Host
    facts: Facts
    """Answers of this host, those of `probes` and of `further` alike."""
    now: datetime
    """The controller's clock; what a host says about time comes with that host's own."""
    past: Past = Past()
    elsewhere: Facts | None = None
    """Answers of the other host; None when it could not be asked, or was not."""
    trouble: str = ""
    """Why the other host could not be asked."""


class Duty:
    """One line of 8.1 or 8.2: what it is called, how often, and whose it is."""

    name: ClassVar[str]
    """What it is called in reports: queue-health."""
    title: ClassVar[str]
    """The runbook's words."""
    occasion: ClassVar[Occasion]
    owner: ClassVar[str]
    """Who has it by the runbook; the configuration may say otherwise."""


class Item(Duty, ABC):
    """A duty that is about a host. Judging is pure; everything that touches a host is a probe.

    An answer that cannot be read escapes from `judge` as Unreadable, and what the inventory lacks as
    ConfigurationError: both become "cannot know", with the reason.
    """

    def probes(self, host: Host) -> Probes:
        """What is asked in the one survey that all items share. Raises ConfigurationError."""
        del host
        return ()

    def further(self, host: Host, facts: Facts) -> Probes:
        """What the first answers make one want to know. Raises Unreadable, ConfigurationError."""
        del host, facts
        return ()

    def elsewhere(self, host: Host) -> Elsewhere | None:
        """What is asked of another host. Raises ConfigurationError."""
        del host
        return None

    @abstractmethod
    def judge(self, seen: Seen) -> Finding:
        """What the answers come to. Raises Unreadable, ConfigurationError."""

    def privileges(self, host: Host) -> tuple[Run, ...]:
        """Every command that it may run on this host as another user. Raises ConfigurationError."""
        return tuple(run for probe in self.probes(host) if isinstance(run := probe.command(), Run) and run.user)
