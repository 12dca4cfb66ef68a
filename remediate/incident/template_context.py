"""The values for message templates: an incident's record and a person's additions, as texts."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field

from remediate.core.few import few
from remediate.core.field_types import FrozenModel
from remediate.incident.events import Updated
from remediate.incident.record import Incident
from remediate.incident.run_events import RunLanded
from remediate.incident.settings import IncidentSettings
from remediate.incident.vocabulary import IncidentStatus

_LINES: Final = 20
"""Changes that a message names one by one."""
UNSAID: Final = "not known yet"
"""Text for what nobody has said: clearer than an empty line, which looks forgotten."""


class MessageText(FrozenModel):
    """A person's additions to one message, beyond the record; all are optional."""

    title: str = Field(default="", description="how the public knows it; the incident's own title where empty")
    text: str = Field(default="", description="what is said, in place of the template's own sentence")
    to: str = Field(default="", description="of an escalation: the person or role that is called in")
    why: str = Field(default="", description="of an escalation: what calls for it")


class TemplateContext(FrozenModel):
    """The names that a template may use. All are text, and empty where there is nothing to say."""

    title: str = Field(description="what the incident is called; for the public: how they know it")
    severity: str = Field(description="SEV-1 to SEV-4")
    status: str = Field(description="Investigating, Identified, Monitoring or Resolved")
    impact: str = Field(description="who or what is affected")
    commander: str = Field(description="who commands")
    started: str = Field(description="when it began, in local time and UTC")
    time: str = Field(description="now, in local time and UTC")
    duration: str = Field(description="since it began, or how long it took: `45 minutes`")
    state: str = Field(description="of the last update: what is happening; `not known yet` where nobody said it")
    actions: str = Field(description="what has been done: as an update says, else what the runs changed")
    next_steps: str = Field(description="of the last update: what is done next; `not known yet`")
    eta: str = Field(description="of the last update: when it is expected to be over; `not known yet`")
    cause: str = Field(description="as a person named it")
    found: str = Field(description="what the runs fixed: `php8.3-fpm is failed`; the root cause may be another")
    resolution: str = Field(description="what was said when it was resolved")
    interval: str = Field(description="how soon the next update is promised: `30 minutes`; empty without a promise")
    text: str = Field(description="what a person gave to be said, instead of the template's own sentence")
    to: str = Field(description="of an escalation: whom it calls in")
    why: str = Field(description="of an escalation: what calls for it")
    incident: str = Field(description="id of the incident, as incident.* commands take it")


def template_context(
    incident: Incident, words: MessageText, settings: IncidentSettings, now: datetime
) -> TemplateContext:
    """Return the record as texts for a template. Pure."""
    update = incident.last_update or Updated(status=incident.status)
    interval = settings.update_every(incident.severity)
    over = incident.status is IncidentStatus.RESOLVED
    return TemplateContext(
        title=" ".join((words.title or incident.title).split()),
        severity=incident.severity.value,
        status=incident.status.value,
        impact=incident.impact,
        commander=incident.commander,
        started=moment(incident.started_at, settings, now),
        time=moment(now, settings, now),
        duration=spelled((incident.resolved_at or now) - incident.started_at),
        state=update.state or UNSAID,
        actions=update.actions or done(incident) or "none yet",
        next_steps=update.next_steps or UNSAID,
        eta=update.eta or UNSAID,
        cause=incident.cause or "",
        found=few((step.why for run in incident.fixes for step in run.changes), "; "),
        resolution=incident.resolution,
        interval=spelled(interval) if interval is not None and not over else "",
        text=words.text,
        to=words.to,
        why=words.why,
        incident=incident.id.rpartition("-")[2],
    )


def done(incident: Incident) -> str:
    """Return the actions so far from the record: changes made by runs, and containments."""
    lines = [*incident.containments, *(line for run in incident.runs for line in _changed(run))]
    return few(lines, "\n", _LINES)


def _changed(run: RunLanded) -> list[str]:
    verdict = run.verdict or "not finished"
    return [f"{run.playbook} on {step.host}: {step.remedy}, {step.title} ({verdict})" for step in run.changes]


def moment(at: datetime, settings: IncidentSettings, now: datetime) -> str:
    """Return a time as `14:02 CET (13:02 UTC)`, with the date unless it is today."""
    local, utc = settings.local(at), at.astimezone(UTC)
    day = "" if local.date() == settings.local(now).date() else f"{local:%Y-%m-%d} "
    if settings.is_utc(at):
        return f"{day}{utc:%H:%M} UTC"
    # For a zone without a name of letters, show its offset.
    name = f"{local:%Z}" or f"{local:%z}"
    return f"{day}{local:%H:%M} {name} ({utc:%H:%M} UTC)"


def spelled(length: timedelta) -> str:
    """Return a duration in its two largest units. For example: `45 minutes`, `1 hour 5 minutes`, `2 days 3 hours`."""
    minutes = max(0, round(length.total_seconds() / 60))
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    said = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number]
    return " ".join(said[:2]) or "less than a minute"
