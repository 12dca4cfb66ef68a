"""The plan of a run as values: what an approval binds, and what a person reads of it."""

from collections.abc import Mapping
from typing import NamedTuple

from remediate.core.field_types import FrozenModel, Identifier


class PlannedStep(FrozenModel):
    """One step of a plan, as a person reads it before approving."""

    host: Identifier
    remedy: Identifier
    title: str
    why: str
    commands: tuple[str, ...]


class PlannedHost(NamedTuple):
    """The plan for one host.

    `bound` has the texts that must be the same when the plan runs, by what each of them is. They hold secrets: whoever
    keeps them keeps a keyed digest only.
    """

    name: str
    bound: Mapping[str, str]
    steps: tuple[PlannedStep, ...]
    secrets: tuple[str, ...] = ()
    """Values of its inventory entry that were encrypted."""


class RunPlan(NamedTuple):
    """The plan of one run on all hosts that need a change."""

    playbook: str
    modules: tuple[str, ...]
    """The modules that define the playbook or its remedies."""
    options: str
    """The options that decide what runs, as one text."""
    hosts: tuple[PlannedHost, ...]
    secrets: tuple[str, ...] = ()
    """Values that no record of the plan may show."""
