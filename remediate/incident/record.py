"""The record of an incident: folds its events into the `Incident` that everything else reads."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import Field

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.events import (
    Acknowledged,
    Alerted,
    Announced,
    Attached,
    CommandTaken,
    Confirmed,
    Contained,
    Declared,
    Escalated,
    Event,
    Identified,
    Messaged,
    Noted,
    PlanDecided,
    Resolved,
    Reviewed,
    SeverityChanged,
    SituationFound,
    Updated,
)
from remediate.incident.run_events import RunLanded
from remediate.incident.vocabulary import Detection, IncidentStatus, Moment, Situation
from remediate.triage.assessment import Answer

TELLING: Final = frozenset({"update", "status"})
"""Kinds of message that report the state of the incident."""


class Incident(FrozenModel):
    """The state of an incident, folded from its events. None means that it did not happen or was not given."""

    id: str
    title: str
    public_title: str | None = Field(default=None, description="how the public knows it; null = by its title")
    severity: Severity
    severity_reason: str = ""
    status: IncidentStatus = IncidentStatus.INVESTIGATING
    commander: str
    declared_at: Moment
    declared_by: str
    first_alert_at: Moment | None = None
    detection: Detection
    detected_by: str = ""
    acknowledged_at: Moment | None = None
    acknowledged_by: str | None = None
    identified_at: Moment | None = None
    cause: str | None = Field(default=None, description="as a person named it")
    fixed_at: Moment | None = Field(default=None, description="when the last run that proved a fix had done so")
    resolved_at: Moment | None = None
    resolution: str = ""
    confirmed: tuple[Confirmed, ...] = ()
    override: str = Field(default="", description="why it was resolved although no check said that it is over")
    answers: dict[str, Answer] = Field(default={}, description="to the questions of 3.2, as it was declared")
    impact: str = ""
    customers: bool = True
    situations: tuple[Situation, ...] = ()
    hosts: tuple[str, ...] = ()
    playbook: str | None = None
    containments: tuple[str, ...] = ()
    last_update: Updated | None = None
    last_update_at: Moment | None = None
    told_at: Moment | None = Field(default=None, description="when somebody was last sent how it stands")
    escalations: tuple[Escalated, ...] = ()
    announced: frozenset[str] = frozenset()
    runs: tuple[RunLanded, ...] = ()
    alerts: tuple[Alerted, ...] = Field(default=(), description="that the service declared it from, or that joined it")
    postmortem_at: Moment | None = None
    postmortem_path: str | None = None
    postmortem_written: bool = Field(default=False, description="whether people have written in its draft")
    timeline: tuple[Event, ...] = Field(description="everything, oldest first")

    @property
    def started_at(self) -> datetime:
        """The beginning, as far as anybody noticed; its duration and deadlines count from here."""
        return self.first_alert_at or self.declared_at

    @property
    def open(self) -> bool:
        """Return whether it is not resolved yet."""
        return self.resolved_at is None

    @property
    def followed(self) -> bool:
        """Return whether the service declared it, and follows it."""
        return any(alert.state == "declares" for alert in self.alerts)

    @property
    def fixes(self) -> tuple[RunLanded, ...]:
        """Runs that proved a fix."""
        return tuple(run for run in self.runs if run.fixed)


def fold(events: Iterable[Event]) -> Incident:
    """Fold the events of one incident. Raises ConfigurationError if none of them declares it.

    Events are read in the order of their times. Equal times are ordered by id.
    """
    timeline = tuple(sorted(events, key=lambda event: (event.kind != "declared", event.at, event.id)))
    if not timeline or not isinstance(timeline[0].data, Declared):
        raise ConfigurationError("there is no incident without a declaration")
    first, declared = timeline[0], timeline[0].data
    seen = _seen(
        Incident(
            id=first.incident,
            title=declared.title,
            public_title=declared.public_title,
            severity=declared.severity,
            severity_reason=declared.severity_reason,
            commander=declared.commander,
            declared_at=first.at,
            declared_by=first.who,
            first_alert_at=None if declared.first_alert_at is None else min(declared.first_alert_at, first.at),
            detection=declared.detection,
            detected_by=declared.detected_by,
            impact=declared.impact,
            answers=declared.answers,
            customers=declared.customers,
            situations=declared.situations,
            hosts=declared.hosts,
            playbook=declared.playbook,
            timeline=(),
        ),
        timeline[1:],
    )
    # The timeline is chronological: a run from before the declaration comes before it.
    return seen.model_copy(update={"timeline": tuple(sorted(timeline, key=lambda event: (event.at, event.id)))})


def _seen(incident: Incident, events: Iterable[Event]) -> Incident:
    for event in events:
        incident = incident.model_copy(update=_changes(incident, event))
    return incident


def _changes(incident: Incident, event: Event) -> dict[str, object]:  # noqa: C901
    """Return the fields that one event changes. Each kind has a case, so that none is forgotten."""
    match event.data:
        case Acknowledged() as data:
            if incident.acknowledged_at is not None:
                return {}
            return {"acknowledged_at": event.at, "acknowledged_by": event.who, "commander": data.commander}
        case CommandTaken() as data:
            return {"commander": data.commander}
        case SeverityChanged() as data:
            return {"severity": data.severity, "severity_reason": data.reason or incident.severity_reason}
        case Contained() as data:
            return {"containments": (*incident.containments, data.action)}
        case Identified() as data:
            moved = incident.status is IncidentStatus.INVESTIGATING
            return {
                "cause": data.cause,
                "identified_at": incident.identified_at or event.at,
                **({"status": IncidentStatus.IDENTIFIED} if moved else {}),
            }
        case Updated() as data:
            return {
                "last_update": data,
                "last_update_at": event.at,
                "impact": data.impact or incident.impact,
                "public_title": data.public_title or incident.public_title,
                **({} if not incident.open else {"status": data.status}),
            }
        case SituationFound() as data:
            return _found(incident, data.situation)
        case Escalated() as data:
            return {"escalations": (*incident.escalations, data)}
        case Announced() as data:
            return {"announced": incident.announced | {data.due}}
        case RunLanded() as data:
            return _landed(incident, event, data)
        case Resolved() as data:
            if not incident.open:
                return {}
            return {
                "status": IncidentStatus.RESOLVED,
                "resolved_at": event.at,
                "resolution": data.summary,
                "confirmed": data.confirmed,
                "override": data.override,
                "postmortem_at": data.postmortem_at,
            }
        case Reviewed() as data:
            return {"postmortem_path": data.path, "postmortem_written": incident.postmortem_written or data.edited}
        case Messaged() as data:
            return {"told_at": event.at} if data.message_kind in TELLING else {}
        case Alerted() as data:
            hosts = tuple(dict.fromkeys((*incident.hosts, data.host)))
            return {"hosts": hosts} if data.state == "over" else {"hosts": hosts, "alerts": (*incident.alerts, data)}
        case Declared() | Attached() | Noted() | PlanDecided():
            return {}


def _found(incident: Incident, situation: Situation) -> dict[str, object]:
    if situation is Situation.CUSTOMERS:
        return {"customers": True}
    return {"situations": tuple(dict.fromkeys((*incident.situations, situation)))}


def _landed(incident: Incident, event: Event, run: RunLanded) -> dict[str, object]:
    """Return the fields that a run changes.

    A proven fix sets the status to Monitoring. A later run with another verdict than healthy takes that back. Runs
    after the resolution appear only on the timeline.
    """
    if not incident.open:
        return {}
    changes: dict[str, object] = {
        "runs": (*incident.runs, run),
        "hosts": tuple(dict.fromkeys((*incident.hosts, *run.hosts))),
    }
    if run.causes and incident.identified_at is None:
        changes["identified_at"] = event.at
    if run.fixed:
        changes |= {"fixed_at": event.at, "status": IncidentStatus.MONITORING}
    elif run.judged and run.verdict != "healthy":
        changes["fixed_at"] = None
        if incident.status is IncidentStatus.MONITORING:
            changes["status"] = IncidentStatus.IDENTIFIED
    return changes
