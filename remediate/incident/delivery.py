"""Says something about an incident: rendered, previewed, and only when asked to: queued and delivered.

What `incident.*` calls. `announce` without `send` renders and stores nothing. With `send` the message is durable before
anything is tried, and what cannot be delivered at once stays queued: `deliver_due` tries it again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from remediate.incident.messages import Audience, Message, MessageKind, Words
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore


class Delivered(NamedTuple):
    """What became of one message on one channel, for now."""

    message: str
    channel: str
    state: str
    """queued (it will be tried again), sending, sent, failed."""
    attempts: int
    note: str
    """Why not yet, or where it went."""


class Announcement(NamedTuple):
    """What was, or would be, said."""

    message: Message
    channels: tuple[str, ...]
    queued: bool
    """Stored, to be sent; False for a preview, and for what was announced under the same key before."""
    deliveries: tuple[Delivered, ...] = ()

    def preview(self) -> str:
        """The text for the terminal, with who will read it; masked, without control characters."""
        raise NotImplementedError


def announce(
    store: IncidentStore,
    incident: Incident,
    kind: MessageKind,
    *,
    audience: Audience,
    send: bool,
    desk: "Desk",
    who: str,
    now: datetime,
    words: Words = Words(),
    channels: Sequence[str] | None = None,
    key: str | None = None,
) -> Announcement:
    """Render a message from the record; with `send` queue it durably, note it on the timeline, and try to deliver it.

    `incident` is the record with the event this is about already in it (what an update says is `incident.last_update`).
    `desk` knows templates, channels and the masker: `Desk.of(settings, …)`. `channels` names some of the configured
    ones instead of all that serve this audience (an escalation's method). `key` makes it happen once: a second call
    under the same key queues nothing. Returns within seconds whatever the channels do, and never raises for what a
    channel does: that stands in `deliveries`. Raises ConfigurationError for a template or channel that cannot be used.
    """
    raise NotImplementedError


def deliver_due(store: IncidentStore, *, desk: "Desk", now: datetime) -> tuple[Delivered, ...]:
    """Send what is due, of every incident: for `incident.watch`, and before a command that says something new."""
    raise NotImplementedError
