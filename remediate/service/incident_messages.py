"""Messages about incidents that the service follows: proposed to a person, or sent where a rule says so."""

from datetime import datetime

from remediate.incident.clock import Due
from remediate.incident.delivery import announce
from remediate.incident.events import Messaged, Noted, Updated
from remediate.incident.messages import MessageKind
from remediate.incident.notifier import Notifier
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from remediate.incident.update_text import next_step, state_of
from remediate.service.incident_triage import author_of


class IncidentMessages:
    """The service's messages about an incident. Only a person tells the public. All raise RemediateError."""

    def __init__(self, store: IncidentStore, notifier: Notifier, now: datetime) -> None:
        self._store = store
        self._notifier = notifier
        self._now = now

    def declaration(self, incident: Incident) -> None:
        """Tell the team of it, once."""
        told = (event.data for event in incident.timeline if isinstance(event.data, Messaged))
        if not any(each.message_kind == MessageKind.DECLARATION.value for each in told):
            self._send(incident, MessageKind.DECLARATION, f"declaration:{incident.id}")

    def update(self, incident: Incident, due: Due) -> None:
        """Send the update that is due, or propose it to a person: once for each due time."""
        who, state = author_of(incident), state_of(incident)
        status, then = incident.status, next_step(incident.status)
        if _told(incident):
            said = Updated(status=status, state=state, next_steps=then)
            event = self._store.append(incident.id, who, self._now, said, once=f"update:{due.key}")
            if event is not None:
                self._send(self._store.load(incident.id), MessageKind.UPDATE, f"update:{event.id}")
            return
        shown = self._store.shown(incident.id)
        text = "; ".join(filter(None, (f"an update is due, proposed: {status.value}", state, f"next: {then}")))
        text += f". To send it: incident.update --incident {shown} --send"
        self._store.append(incident.id, who, self._now, Noted(text=text), once=f"proposed:{due.key}")

    def resolution(self, incident: Incident) -> None:
        """Tell the team that it is over, once."""
        self._send(incident, MessageKind.RESOLUTION, f"resolution:{incident.id}")

    def _send(self, incident: Incident, kind: MessageKind, key: str) -> None:
        """Send a message to the team. Raises RemediateError."""
        if _told(incident):
            announce(
                self._store,
                incident,
                kind,
                audience=Audience.INTERNAL,
                send=True,
                notifier=self._notifier,
                now=self._now,
                key=key,
            )


def _told(incident: Incident) -> bool:
    return any(alert.tell for alert in incident.alerts)
