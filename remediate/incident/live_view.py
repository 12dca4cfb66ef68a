"""The display of `incident.watch`, as a pure function of the record and the time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from remediate.incident.clock import Due, DueKind, due, span
from remediate.incident.clock import when as moment
from remediate.incident.record import Incident
from remediate.incident.run_events import RunLanded
from remediate.incident.settings import IncidentSettings
from remediate.incident.timeline import RUNNING, entries
from remediate.masking.masker import strip_control

_RUNS: Final = 3
_LAST: Final = 3


def screen(incident: Incident, shown: str, settings: IncidentSettings, now: datetime, width: int) -> list[str]:
    """Return the live view of one incident: age, commander, due actions, last runs, last events."""
    age = span(now - incident.started_at)
    since = moment(incident.started_at, settings, now)
    lines = [
        f"{incident.severity.value}  {incident.title}   incident {shown}",
        f"  {incident.status.value}, began {age} ago, at {since}   {_holder(incident)}",
    ]
    lines += [f"  {_due_line(one, settings, now)}" for one in due(incident, settings, now)]
    for run in incident.runs[-_RUNS:]:
        verdict = RUNNING if run.verdict is None else run.verdict.replace("_", " ").upper()
        lines.append(
            f"  run {run.shown}  {run.playbook} on {', '.join(run.hosts)}: {verdict}, {_ago(run.started, now)}"
        )
    told = entries(incident)[-_LAST:]
    lines += [f"  {settings.local(entry.at):%H:%M}  {entry.title}" for entry in told]
    return [strip_control(line).replace("\n", " ")[:width] for line in lines]


def _holder(incident: Incident) -> str:
    return f"commander {incident.commander}" if incident.acknowledged_at else "NOBODY HAS IT"


def _due_line(one: Due, settings: IncidentSettings, now: datetime) -> str:
    at = moment(one.at, settings, now).partition(" (")[0]
    left = one.at - now
    when = f"OVERDUE by {span(left)}" if left <= timedelta() else f"in {span(left)}"
    whom = f" to {', '.join(settings.contacts[role].name for role in one.roles)}" if one.roles else ""
    return f"{_NAMES[one.kind]:<12}{at}  {when}{whom}   {one.why}"


_NAMES: Final = {
    DueKind.ACKNOWLEDGE: "acknowledge",
    DueKind.UPDATE: "next update",
    DueKind.ESCALATE: "escalate",
    DueKind.POSTMORTEM: "post-mortem",
}


def _ago(moment: datetime, now: datetime) -> str:
    return f"{span(now - moment)} ago"


def announcement(incident: Incident, shown: str, one: Due, settings: IncidentSettings, program: str) -> str:
    """Return the one-time announcement of a due action: what, why, and the command to type."""
    what = {
        DueKind.ACKNOWLEDGE: "nobody has claimed it",
        DueKind.UPDATE: "an update is due",
        DueKind.ESCALATE: f"call in {', '.join(settings.contacts[role].name for role in one.roles)}",
        DueKind.POSTMORTEM: "the post-mortem is held",
    }[one.kind]
    command = {
        DueKind.ACKNOWLEDGE: "acknowledge",
        DueKind.UPDATE: "update --send",
        DueKind.ESCALATE: "escalate --send",
        DueKind.POSTMORTEM: "postmortem",
    }[one.kind]
    words = command.split()
    typed = " ".join([words[0], f"--incident {shown}", *words[1:]])
    return f"{incident.severity.value} {incident.title}: {what} ({one.why}): {program} incident.{typed}"


def news(before: Incident | None, after: Incident) -> Sequence[str]:
    """Return what happened since the last look, one line each; nothing at the first look."""
    if before is None:
        return ()
    known = {event.id for event in before.timeline if event.kind != "run"}
    ended = {event.id: event.data.verdict for event in before.timeline if isinstance(event.data, RunLanded)}
    fresh = [
        event.id
        for event in after.timeline
        if (event.kind != "run" and event.id not in known and event.kind != "announced")
        or (isinstance(event.data, RunLanded) and (event.id, event.data.verdict) not in ended.items())
    ]
    told = entries(
        after.model_copy(update={"timeline": tuple(e for e in after.timeline if e.id in fresh), "first_alert_at": None})
    )
    return tuple(f"{entry.at:%H:%M:%SZ} {strip_control(entry.title)}" for entry in told)
