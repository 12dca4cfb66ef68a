"""The public status page: our own (`static`) or one at Statuspage (`statuspage`).

Everything on it comes from messages that somebody asked to be said to the public, never from the record itself: an
incident that nobody was told about is not on it, and neither is a word of the timeline.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from remediate.core.playbook import Severity
from remediate.incident.messages import Message
from remediate.incident.vocabulary import IncidentStatus


class PublicIncident(NamedTuple):
    """An incident as the public was told about it."""

    id: str
    name: str
    severity: Severity
    status: IncidentStatus
    began: datetime
    ended: datetime | None
    updates: tuple[Message, ...]
    """Newest first; at least one."""

    @property
    def ongoing(self) -> bool:
        """Whether the public has not been told that it is over."""
        return self.status is not IncidentStatus.RESOLVED


History = Callable[[], Sequence[PublicIncident]]
"""Everything that the public was told; asked for by a page once it has the right to write."""


class StatusPage(Protocol):
    """Where the public looks."""

    def publish(self, message: Message, history: History) -> str:
        """Show a message, once, however often it is asked to; return where. Raises NotSent."""


def histories(messages: Sequence[Message]) -> tuple[PublicIncident, ...]:
    """Put what was said into incidents, those that began last first: pure."""
    said: dict[str, list[Message]] = {}
    for message in messages:
        said.setdefault(message.incident, []).append(message)
    told = [_told(tuple(sorted(each, key=lambda one: (one.at, one.id), reverse=True))) for each in said.values()]
    return tuple(sorted(told, key=lambda incident: (incident.began, incident.id), reverse=True))


def recent(incidents: Sequence[PublicIncident], now: datetime, days: int) -> tuple[PublicIncident, ...]:
    """Leave out what was over more than so many days ago."""
    since = now - timedelta(days=days)
    return tuple(each for each in incidents if each.ongoing or each.updates[0].at >= since)


def _told(updates: tuple[Message, ...]) -> PublicIncident:
    newest = updates[0]
    # A resolution may well be called "restored": what is over is still known by what was wrong.
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
