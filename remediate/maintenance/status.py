"""Due maintenance, pure: from the newest reports and the time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from remediate.core.field_types import FrozenModel
from remediate.incident.clock import span
from remediate.maintenance.catalogue import of_occasion
from remediate.maintenance.item import Item
from remediate.maintenance.report import TEAM, MaintenanceReport, Subject
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import MaintenanceSettings

SCHEMA: Final = "remediate.maintenance-status/1"
_NAMED: Final = 5
"""Number of hosts that one line names."""


class OpenItem(FrozenModel):
    """An item that was not yes at the last look, and its present owner."""

    item: str
    owner: str


class Standing(FrozenModel):
    """The state of an occasion for one host, or for the team."""

    occasion: Occasion
    subject: str = Field(description="host, or the team; empty where it was never done for any")
    owners: tuple[str, ...]
    done: AwareDatetime | None = Field(description="when it was last looked at")
    reached: bool | None = Field(description="whether the last try reached it; null where there was none")
    well: bool | None = Field(description="whether every answer of the last try was a yes; null where there was none")
    open: tuple[OpenItem, ...] = Field(description="items without a yes")
    due: AwareDatetime | None = Field(description="when it is due next; null where it never is, or was never done")
    overdue_seconds: float | None = Field(description="null while it is not")

    @property
    def overdue(self) -> timedelta | None:
        """The time by which it is overdue; None if it is not."""
        return None if self.overdue_seconds is None else timedelta(seconds=self.overdue_seconds)

    @property
    def command(self) -> str:
        """The command to run it."""
        return (
            self.occasion.command
            if is_about_team(self.occasion)
            else f"{self.occasion.command} --host {self.subject or 'NAME'}"
        )


class Status(BaseModel):
    """The `--json` document of `maintain.status`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default=SCHEMA, alias="schema")
    now: AwareDatetime
    standings: tuple[Standing, ...]


def status(
    latest: Sequence[MaintenanceReport],
    done: Mapping[tuple[Occasion, str], datetime],
    settings: MaintenanceSettings,
    now: datetime,
    *,
    hosts: Collection[str] | None = None,
) -> Status:
    """Return the state of every occasion for each host, in the runbook's order.

    An occasion that was never done for any host gives one entry without a host. `latest` and `done` come from
    `History`. With the `hosts` of the inventory, hosts that were never looked at are listed, and hosts outside it are
    no longer due. `hosts` is None if no inventory can be read.
    """
    occasions = [occasion for occasion in Occasion if of_occasion(occasion)]
    found = [each for occasion in occasions for each in _of(occasion, latest, done, settings, now, hosts)]
    return Status(now=now, standings=tuple(found))


def _of(
    occasion: Occasion,
    latest: Sequence[MaintenanceReport],
    done: Mapping[tuple[Occasion, str], datetime],
    settings: MaintenanceSettings,
    now: datetime,
    hosts: Collection[str] | None,
) -> Iterator[Standing]:
    owners = {duty.name: settings.owners.get(duty.name, duty.owner) for duty in of_occasion(occasion)}
    found = {report.subjects[0].name: report.subjects[0] for report in latest if report.occasion is occasion}
    expected = (TEAM,) if is_about_team(occasion) else hosts
    nobody = TEAM if is_about_team(occasion) else ""
    for name in sorted({*found, *(expected or ())}) if found else (nobody,):
        subject, looked = found.get(name), done.get((occasion, name))
        is_due = expected is None or name in expected
        late = occasion.overdue(looked, now) if looked and is_due else None
        yield Standing(
            occasion=occasion,
            subject=name,
            owners=tuple(dict.fromkeys(owners.values())),
            done=looked,
            reached=None if subject is None else subject.error is None,
            well=None if subject is None else subject.well,
            open=() if subject is None else _open(subject, owners),
            due=occasion.due_after(looked) if looked and is_due else None,
            overdue_seconds=None if late is None else late.total_seconds(),
        )


def _open(subject: Subject, owners: Mapping[str, str]) -> tuple[OpenItem, ...]:
    return tuple(
        OpenItem(item=each.item, owner=owners.get(each.item, each.owner))
        for each in subject.results
        if each.ok is not True
    )


def is_about_team(occasion: Occasion) -> bool:
    """Return whether an occasion is about no host."""
    return not any(isinstance(duty, Item) for duty in of_occasion(occasion))


def status_lines(found: Status, program: str) -> Iterator[str]:
    """Yield the status for a terminal; hosts that were never looked at share a line."""
    for occasion in Occasion:
        standings = [each for each in found.standings if each.occasion is occasion]
        never = [each for each in standings if each.done is None and each.reached is None]
        for each in standings:
            if each not in never:
                yield f"{_head(each.occasion, each.subject)}  {_state(each)}{_next(each, program)}"
        if never:
            names = ", ".join(each.subject or "-" for each in never[:_NAMED])
            more = f" and {len(never) - _NAMED} more" if len(never) > _NAMED else ""
            owners = ", ".join(never[0].owners)
            yield f"{_head(occasion, names + more)}  never done ({owners}): {program} {never[0].command}"


def _head(occasion: Occasion, subject: str) -> str:
    return f"{occasion.value:<10}  {subject or '-':<24}"


def _state(each: Standing) -> str:
    if each.reached is False:
        looked = "never looked at" if each.done is None else f"last looked at {each.done:%Y-%m-%d %H:%MZ}"
        return f"not reached; {looked}"
    return f"{each.done:%Y-%m-%d %H:%MZ}  {_answers(each)}"


def _answers(each: Standing) -> str:
    if each.well:
        return "all well"
    owners = dict.fromkeys(item.owner for item in each.open)
    of = {owner: ", ".join(item.item for item in each.open if item.owner == owner) for owner in owners}
    return "open: " + "; ".join(f"{items} ({owner})" for owner, items in of.items())


def overdue_line(standing: Standing, program: str) -> str:
    """Return one line for `incident.watch`: what is overdue, its owner, and the command."""
    late = f"overdue by {span(standing.overdue)}" if standing.overdue is not None else "not overdue"
    return (
        f"maintenance {standing.occasion.value} of {standing.subject} is {late} "
        f"({', '.join(standing.owners)}): {program} {standing.command}"
    )


def _next(each: Standing, program: str) -> str:
    if each.overdue is not None:
        return f"; OVERDUE by {span(each.overdue)} ({', '.join(each.owners)}): {program} {each.command}"
    return "" if each.due is None else f"; next {each.due:%Y-%m-%d %H:%MZ}"
