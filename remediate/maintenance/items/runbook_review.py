"""Runbook review (8.2): which playbooks were not rehearsed lately, which failed, which were never used."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from remediate.maintenance.item import Duty, Finding
from remediate.maintenance.occasion import Occasion


class Use(BaseModel):
    """How a playbook was rehearsed and used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    playbook: str
    rehearsed: datetime | None = Field(description="when it last was, in whatever state it was then")
    current: bool = Field(description="whether that was of its present content")
    passed: bool = Field(description="whether everything was as declared")
    used: datetime | None = Field(description="the newest run that was not only a plan")
    verdicts: dict[str, int] = Field(description="how its runs ended since the last review, by verdict")


class RunbookReview(Duty):
    """Whether the runbook can be relied on: about no host."""

    name = "runbook-review"
    title = "Runbook review"
    occasion = Occasion.QUARTERLY
    owner = "Team"

    def review(self, uses: Sequence[Use], now: datetime, within: timedelta) -> Finding:
        """Say which playbooks cannot be relied on as they are."""
        raise NotImplementedError
