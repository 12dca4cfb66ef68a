"""Example incidents, with events at minutes after noon."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from remediate.core.playbook import Severity
from remediate.incident.events import Data, Declared, Event, Messaged
from remediate.incident.messages import Message, MessageKind
from remediate.incident.queue import Delivery, State
from remediate.incident.record import Incident, fold
from remediate.incident.run_events import RunLanded, RunStep
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = IncidentSettings(timezone="Europe/Berlin")


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def declared(severity: object = Severity.SEV1, **given: object) -> Declared:
    return Declared.model_validate(
        {"title": "Application down", "severity": severity, "commander": "ana", "hosts": ("web1",), **given}
    )


def folded(*happened: tuple[float, Data], first: Declared | None = None, incident: str = "i") -> Incident:
    return fold(events((0, first or declared()), *happened, incident=incident))


def events(*happened: tuple[float, Data], incident: str = "i") -> Sequence[Event]:
    return [
        Event(id=new_run_id(), incident=incident, at=minutes(minute), who="ana@desk", data=data)
        for minute, data in happened
    ]


def sent(kind: str = "update", audience: str = "internal") -> Messaged:
    return Messaged(message=new_run_id(), message_kind=kind, audience=audience, title="t")


def arrived(incident: Incident) -> tuple[Delivery, ...]:
    """Return a delivery to chat for every message of the incident, which arrived at once."""
    return tuple(
        Delivery(_message(event, event.data), "chat", State.SENT, 1, event.at, "", event.at)
        for event in incident.timeline
        if isinstance(event.data, Messaged)
    )


def _message(event: Event, data: Messaged) -> Message:
    return Message(
        id=data.message,
        incident=event.incident,
        kind=MessageKind(data.message_kind),
        audience=Audience(data.audience),
        title="t",
        body="",
        name="n",
        status=IncidentStatus.INVESTIGATING,
        severity=Severity.SEV1,
        began=NOON,
        at=event.at,
    )


def run(verdict: str | None = "fixed", *steps: RunStep, mode: str = "fix", **given: object) -> RunLanded:
    return RunLanded.model_validate(
        {
            "run": new_run_id(),
            "shown": "7f3a",
            "playbook": "app-down",
            "mode": mode,
            "verdict": verdict,
            "hosts": ("web1",),
            "operator": "ana@desk",
            "started": minutes(3),
            "seconds": 32.5,
            "steps": steps,
            **given,
        }
    )


def step(decision: str = "proceed", code: str | None = None, **given: object) -> RunStep:
    proceeded = decision == "proceed"
    return RunStep.model_validate(
        {
            "host": "web1",
            "remedy": "php-fpm.restart",
            "title": "php8.3-fpm",
            "decision": decision,
            "code": code,
            "why": "php8.3-fpm.service is failed",
            "changed": proceeded,
            "verified": "proven" if proceeded else None,
            "evidence": "new InvocationID" if proceeded else "",
            **given,
        }
    )
