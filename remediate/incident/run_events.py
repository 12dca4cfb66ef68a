"""The runs of an incident as events, read from the journal."""

from typing import Final, Literal

from pydantic import Field

from remediate.core.field_types import FrozenModel, Identifier
from remediate.incident.vocabulary import Moment

HUMAN_STEP: Final = "human-step"
_BLIND: Final = frozenset({"unreadable", "out-of-time", "locked", "consent-missing", "too-many-hosts"})
"""Codes that say nothing about the fault on a host."""


class RunStep(FrozenModel):
    """The result of one step of a run."""

    host: Identifier
    remedy: Identifier
    title: str
    decision: Identifier
    code: Identifier | None = None
    why: str
    changed: bool = False
    verified: Identifier | None = None
    evidence: str = ""
    seconds: float = 0


class RunLanded(FrozenModel):
    """A run of `fix.*`, `check.*` or `do.*`, read from the journal."""

    kind: Literal["run"] = "run"
    run: Identifier
    shown: Identifier = Field(description="its short id")
    playbook: Identifier
    mode: Literal["fix", "plan"]
    verdict: Identifier | None = Field(default=None, description="null while it is not finished, or its process died")
    exit_code: int | None = None
    touched: Identifier | None = None
    hosts: tuple[Identifier, ...]
    operator: Identifier
    reason: str | None = None
    started: Moment
    seconds: float | None = None
    error: str | None = None
    codes: tuple[Identifier, ...] = Field(default=(), description="why hosts were refused or given up, as stable names")
    serving_again_seconds: float | None = Field(default=None, description="since its start, where it saw that")
    steps: tuple[RunStep, ...] = ()

    @property
    def changes(self) -> tuple[RunStep, ...]:
        """Steps that changed something."""
        return tuple(step for step in self.steps if step.changed)

    @property
    def refusals(self) -> tuple[RunStep, ...]:
        """Steps that were refused, except those left to a person."""
        return tuple(step for step in self.steps if step.decision == "refuse" and step.code != HUMAN_STEP)

    @property
    def human_steps(self) -> tuple[RunStep, ...]:
        """Steps that were left to a person."""
        return tuple(step for step in self.steps if step.code == HUMAN_STEP)

    @property
    def causes(self) -> tuple[RunStep, ...]:
        """Steps that found something wrong, and fixed it, would fix it, or refused to."""
        return tuple(step for step in self.steps if step.decision in {"proceed", "refuse"} and step.code not in _BLIND)

    @property
    def fixed(self) -> bool:
        """Return whether it changed something and proved that the symptom is gone."""
        return self.verdict == "fixed"

    @property
    def abandoned(self) -> bool:
        """Return whether a fix has no recorded end. Its effect is then unknown; a check leaves none."""
        return self.verdict is None and self.mode == "fix"

    @property
    def judged(self) -> bool:
        """Return whether it is a finished fix or check. It then looked at a symptom, or was meant to.

        An interrupted check does not count; an interrupted fix does.
        """
        unjudged = {None, "usage", "interrupted"} if self.mode == "plan" else {None, "usage"}
        return not self.playbook.startswith("do.") and self.verdict not in unjudged
