"""The report of one look, for `--json`, the history and all output formats."""

from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, ConfigDict, Field

from remediate import __version__
from remediate.core.field_types import FrozenModel, Identifier
from remediate.errors import FAILED_EXIT_CODE
from remediate.maintenance.item import Result, Sample
from remediate.maintenance.schedule import Occasion

SCHEMA: Final = "remediate.maintenance/1"
TEAM: Final = "the team"
"""Subject of items that are about no host: the team's runbook."""


class Subject(FrozenModel):
    """The subject of a look: a host, or the team's runbook."""

    name: Identifier
    address: Identifier = ""
    error: str | None = Field(default=None, description="why nothing could be asked")
    results: tuple[Result, ...] = ()
    capacity: tuple[Sample, ...] = Field(default=(), description="how full its disks are: measured at every look")

    @property
    def well(self) -> bool:
        """Return whether every answer is a yes."""
        return self.error is None and all(result.ok for result in self.results)


class MaintenanceReport(FrozenModel):
    """The report of one look at all items of an occasion."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    schema_: Identifier = Field(default=SCHEMA, alias="schema")
    version: Identifier = __version__
    run: Identifier
    occasion: Occasion
    operator: Identifier
    started: AwareDatetime
    seconds: float
    exit_code: int = Field(description="0: every answer is a yes; 5: there is a no, or something that nobody knows")
    subjects: tuple[Subject, ...]

    @classmethod
    def of(
        cls,
        run: str,
        occasion: Occasion,
        operator: str,
        started: datetime,
        ended: datetime,
        subjects: tuple[Subject, ...],
    ) -> "MaintenanceReport":
        """Return the report, with its duration and exit code worked out."""
        return cls(
            run=run,
            occasion=occasion,
            operator=operator,
            started=started,
            seconds=round((ended - started).total_seconds(), 1),
            exit_code=0 if all(subject.well for subject in subjects) else FAILED_EXIT_CODE,
            subjects=subjects,
        )

    def count(self, ok: bool | None) -> int:
        """Return the number of answers that are yes (True), no (False) or unknown (None)."""
        return sum(result.ok is ok for subject in self.subjects for result in subject.results)
