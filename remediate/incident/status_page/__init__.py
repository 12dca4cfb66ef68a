"""The public status page: our own (`static`) or one at Statuspage (`statuspage`).

All its content comes from messages that somebody sent to the public, never from the record itself. An incident without
a public message is not on it, and neither is any line of the timeline.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from remediate.core.playbook import Severity
from remediate.incident.messages import Message
from remediate.incident.vocabulary import IncidentStatus


class PublicIncident(NamedTuple):
    """An incident as the public knows it."""

    id: str
    name: str
    severity: Severity
    status: IncidentStatus
    began: datetime
    ended: datetime | None
    updates: tuple[Message, ...]
    """Newest first, and at least one."""

    @property
    def ongoing(self) -> bool:
        """Return whether no resolution was published yet."""
        return self.status is not IncidentStatus.RESOLVED


History = Callable[[], Sequence[PublicIncident]]
"""Loads every published incident. A page calls it after it has obtained the right to write."""


class StatusPage(Protocol):
    """A public status page."""

    def publish(self, message: Message, history: History) -> str:
        """Show a message, and return where. A repeated call does not show it twice. Raises NotSent."""


def histories(messages: Sequence[Message]) -> tuple[PublicIncident, ...]:
    """Group public messages by incident, latest beginning first. Pure."""
    said: dict[str, list[Message]] = {}
    for message in messages:
        said.setdefault(message.incident, []).append(message)
    told = [_told(tuple(sorted(each, key=lambda one: (one.at, one.id), reverse=True))) for each in said.values()]
    return tuple(sorted(told, key=lambda incident: (incident.began, incident.id), reverse=True))


def recent(incidents: Sequence[PublicIncident], now: datetime, days: int) -> tuple[PublicIncident, ...]:
    """Return the ongoing incidents, and those that ended at most `days` days ago."""
    since = now - timedelta(days=days)
    return tuple(each for each in incidents if each.ongoing or each.updates[0].at >= since)


def _told(updates: tuple[Message, ...]) -> PublicIncident:
    newest = updates[0]
    # A resolution may be titled "restored". A resolved incident keeps the name it had while it was open.
    troubles = [update.name for update in updates if update.status is not IncidentStatus.RESOLVED]
    return PublicIncident(
        id=newest.incident,
        name=(troubles or [newest.name])[0],
        severity=newest.severity,
        status=newest.status,
        began=min(update.began for update in updates),
        ended=newest.ended,
        updates=updates,
    )
