"""Maintenance items: the lines of the runbook's chapter 8, with probes and judgement."""

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
    """A number that is stored for comparison with other days."""

    name: str = Field(max_length=200, description="what was measured, unique in its item")
    value: float
    unit: str = Field(default="", max_length=20)


class Finding(FrozenModel):
    """The answer for one item, with its evidence and advice."""

    ok: bool | None = Field(description="yes, no, or null: cannot know")
    summary: str = Field(description="one line")
    evidence: tuple[str, ...] = Field(default=(), description="what it rests on, a line each")
    advice: tuple[str, ...] = Field(default=(), description="what to do, a line each")
    samples: tuple[Sample, ...] = ()
    plot: tuple[str, ...] = Field(default=(), description="a plot in text, a line each")


class Result(Finding):
    """A finding, with its item and its owner."""

    item: str
    title: str = Field(description="the runbook's words")
    owner: str


class Point(NamedTuple):
    """One earlier sample."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Earlier results for the same item of the same host."""

    previous: Result | None = None
    previous_at: datetime | None = None
    samples: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """By name, oldest first, without the samples of this run."""


class Elsewhere(NamedTuple):
    """Probes for another host of the inventory."""

    host: str
    probes: Probes
    seconds: float
    """Seconds that all of them together may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that an item's judgement rests on."""

    host: Host
    facts: Facts
    """Answers of this host to both `probes` and `further`."""
    now: datetime
    """The controller's clock. Times that a host reports are by that host's own clock."""
    past: Past = Past()
    elsewhere: Facts | None = None
    """Answers of the other host; None if it was not asked or could not be."""
    trouble: str = ""
    """The reason why the other host could not be asked."""


class Duty:
    """One line of 8.1 or 8.2: its name, its occasion and its owner."""

    name: ClassVar[str]
    """Its name in reports: queue-health."""
    title: ClassVar[str]
    """The runbook's words."""
    occasion: ClassVar[Occasion]
    owner: ClassVar[str]
    """The owner by the runbook; the configuration may name another."""


class Item(Duty, ABC):
    """A duty about a host. Judging is pure; only probes touch a host.

    `judge` raises Unreadable for an answer that cannot be read, and ConfigurationError for what the inventory lacks.
    Both become "cannot know", with the reason.
    """

    def probes(self, host: Host) -> Probes:
        """Return the probes for the survey that all items share. Raises ConfigurationError."""
        del host
        return ()

    def further(self, host: Host, facts: Facts) -> Probes:
        """Return further probes that follow from the first answers. Raises Unreadable, ConfigurationError."""
        del host, facts
        return ()

    def elsewhere(self, host: Host) -> Elsewhere | None:
        """Return the probes for another host; None if there are none. Raises ConfigurationError."""
        del host
        return None

    @abstractmethod
    def judge(self, seen: Seen) -> Finding:
        """Return the finding that follows from the answers. Raises Unreadable, ConfigurationError."""

    def privileges(self, host: Host) -> tuple[Run, ...]:
        """Return every command that it may run on this host as another user. Raises ConfigurationError."""
        return tuple(run for probe in self.probes(host) if isinstance(run := probe.command(), Run) and run.user)
