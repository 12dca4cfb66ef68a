"""What is due: pure, from the newest reports and a moment."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from remediate.incident.clock import span
from remediate.maintenance.catalogue import of_occasion
from remediate.maintenance.item import Item
from remediate.maintenance.occasion import Occasion
from remediate.maintenance.report import TEAM, MaintenanceReport
from remediate.maintenance.settings import MaintenanceSettings

SCHEMA: Final = "remediate.maintenance-status/1"


class Standing(BaseModel):
    """How an occasion stands for one host, or for the team."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    occasion: Occasion
    subject: str = Field(description="host, or the team; empty where it was never done for any")
    owners: tuple[str, ...]
    done: AwareDatetime | None
    well: bool | None = Field(description="whether every answer was a yes; null where it was never done")
    open: tuple[str, ...] = Field(description="items without a yes")
    due: AwareDatetime | None = Field(description="when it is due next; null where it never is, or was never done")
    overdue_seconds: float | None = Field(description="null while it is not")

    @property
    def overdue(self) -> timedelta | None:
        """By how much it is overdue."""
        return None if self.overdue_seconds is None else timedelta(seconds=self.overdue_seconds)

    @property
    def command(self) -> str:
        """What to type to do it."""
        about_team = not any(isinstance(duty, Item) for duty in of_occasion(self.occasion))
        return self.occasion.command if about_team else f"{self.occasion.command} --host {self.subject or 'NAME'}"


class Status(BaseModel):
    """The `--json` document of `maintain.status`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default=SCHEMA, alias="schema")
    now: AwareDatetime
    standings: tuple[Standing, ...]


def status(latest: Sequence[MaintenanceReport], settings: MaintenanceSettings, now: datetime) -> Status:
    """How every occasion stands, in the runbook's order; one that was never done has one line."""
    return Status(now=now, standings=tuple(_standings(latest, settings, now)))


def _standings(latest: Sequence[MaintenanceReport], settings: MaintenanceSettings, now: datetime) -> Iterator[Standing]:
    for occasion in Occasion:
        if not (duties := of_occasion(occasion)):
            continue
        owners = tuple(dict.fromkeys(settings.owners.get(duty.name, duty.owner) for duty in duties))
        found = [report for report in latest if report.occasion is occasion]
        if not found:
            about_team = not any(isinstance(duty, Item) for duty in duties)
            yield Standing(
                occasion=occasion,
                subject=TEAM if about_team else "",
                owners=owners,
                done=None,
                well=None,
                open=(),
                due=None,
                overdue_seconds=None,
            )
        for report in sorted(found, key=lambda each: each.subjects[0].name):
            (subject,) = report.subjects
            late = occasion.overdue(report.started, now)
            yield Standing(
                occasion=occasion,
                subject=subject.name,
                owners=owners,
                done=report.started,
                well=subject.well,
                open=tuple(result.item for result in subject.results if result.ok is not True),
                due=occasion.due_after(report.started),
                overdue_seconds=None if late is None else late.total_seconds(),
            )


def status_lines(found: Status, program: str) -> Iterator[str]:
    """Yield it as a terminal shows it."""
    for each in found.standings:
        name = f"{each.occasion.value:<10}  {each.subject or '-':<24}"
        if each.done is None:
            yield f"{name}  never done ({', '.join(each.owners)}): {program} {each.command}"
            continue
        ended = "all well" if each.well else f"open: {', '.join(each.open) or 'not reached'}"
        when = f"{each.done:%Y-%m-%d %H:%MZ}"
        yield f"{name}  {when}  {ended}{_next(each, program)}"


def overdue_line(standing: Standing, program: str) -> str:
    """Say that it is overdue, whose it is and what to type, for whoever watches incidents."""
    late = f"overdue by {span(standing.overdue)}" if standing.overdue is not None else "not overdue"
    return (
        f"maintenance {standing.occasion.value} of {standing.subject} is {late} "
        f"({', '.join(standing.owners)}): {program} {standing.command}"
    )


def _next(each: Standing, program: str) -> str:
    if each.overdue is not None:
        return f"; OVERDUE by {span(each.overdue)} ({', '.join(each.owners)}): {program} {each.command}"
    return "" if each.due is None else f"; next {each.due:%Y-%m-%d %H:%MZ}"
