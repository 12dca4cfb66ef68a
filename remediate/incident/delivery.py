"""Says something about an incident: rendered, previewed, and only when asked to: queued and delivered.

What `incident.*` calls. `announce` without `send` renders and stores nothing. With `send` the message is durable before
anything is tried, and what cannot be delivered at once stays queued: `deliver_due` tries it again.

This is the one place where messages leave, and everything passes the masker here.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from remediate.errors import ConfigurationError, JournalError
from remediate.incident.channels import NotSent
from remediate.incident.events import Messaged
from remediate.incident.messages import Message, MessageKind, render
from remediate.incident.notifier import Notifier
from remediate.incident.queue import Claim, Delivery, State
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText, template_context
from remediate.masking.masker import Masker, strip_control

BUDGET: Final = 10.0
"""Seconds after which nothing more is begun: a person waits, and the rest stays queued."""
STALE: Final = timedelta(hours=5)
"""News that is older is none any more, and would be read as new; that it is over stays true, and is tried once more."""
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(minutes=5)
_TITLE: Final = 500
_NOTE: Final = 300


class Announcement(NamedTuple):
    """What was, or would be, said."""

    message: Message
    channels: tuple[str, ...]
    queued: bool
    """Stored, to be sent; False for a preview, and for what was announced under the same key before."""
    deliveries: tuple[Delivery, ...] = ()
    """How it stands on each channel by now."""

    def preview(self) -> tuple[str, ...]:
        """What a person sees before anything is sent: who would read it, then the whole text, indented."""
        whom = ", ".join(self.channels) or "nobody: no channel is configured for it"
        head = f"{self.message.kind.value} ({self.message.audience.value}) for {whom}; not sent:"
        return (head, *(f"    {line}".rstrip() for line in self.message.text.splitlines()))

    def outcome(self) -> tuple[str, ...]:
        """A line for each channel: where it went, or why not yet."""
        if not self.queued:
            return (f"{self.message.kind.value} ({self.message.audience.value}) was announced before: not sent again",)
        return tuple(told(delivery) for delivery in self.deliveries)


def told(delivery: Delivery) -> str:
    """How a delivery stands, in one line: for announcements, timelines and lists."""
    what = f"{delivery.message.kind.value} to {delivery.channel}"
    tried = f"after {delivery.attempts} attempt{'' if delivery.attempts == 1 else 's'}"
    match delivery.state:
        case State.SENT:
            return f"{what}: sent" + (f" ({delivery.note})" if delivery.note else "")
        case State.FAILED:
            return f"{what}: FAILED {tried}: {delivery.note}"
        case State.SENDING:
            return f"{what}: being sent" + (f" ({delivery.note}; next try {_clock(delivery)})" if delivery.note else "")
        case State.QUEUED if delivery.attempts:
            return f"{what}: not yet, {tried}: {delivery.note}; next try {_clock(delivery)}"
        case State.QUEUED:
            return f"{what}: queued"


def _clock(delivery: Delivery) -> str:
    return f"{delivery.until:%H:%M:%S} UTC"


def announce(
    store: IncidentStore,
    incident: Incident,
    kind: MessageKind,
    *,
    audience: Audience,
    send: bool,
    notifier: Notifier,
    now: datetime,
    words: MessageText | None = None,
    channels: Collection[str] | None = None,
    key: str | None = None,
) -> Announcement:
    """Render a message from the record; with `send` queue it durably, note it on the timeline, and try to deliver it.

    `incident` is the record with the event this is about already in it (what an update says is `incident.last_update`).
    `channels` names some instead of all that serve this audience (an escalation's method). `key` makes it happen once:
    a second call under the same key queues nothing. Takes seconds, whatever the channels do, and what they do stands in
    `deliveries`: only ConfigurationError (a template or channel that cannot be used; nobody to send to) and
    JournalError (it could not be stored, so it is not said either) are raised.
    """
    said = template_context(incident, words or MessageText(), notifier.settings, now)
    message = render(incident, kind, audience, said, templates=notifier.templates, masker=notifier.masker, now=now)
    names = notifier.serving(audience, channels)
    if not send:
        return Announcement(message, names, queued=False)
    if not names:
        raise ConfigurationError(
            f"no channel takes what is {audience.value}: give one that audience in [tool.remediate.incidents.channels]"
        )
    if not notifier.outbox.queue(message, names, key=key):
        return Announcement(message, names, queued=False)
    _note(store, notifier, message)
    _deliver(store, notifier, BUDGET)
    deliveries = tuple(
        each for each in notifier.outbox.deliveries(incident=incident.id) if each.message.id == message.id
    )
    return Announcement(message, names, queued=True, deliveries=deliveries)


def deliver_due(store: IncidentStore, *, notifier: Notifier, seconds: float = BUDGET) -> tuple[Delivery, ...]:
    """Send what is due, of every incident, and return what is still unfinished.

    For `incident.watch`, and before a command that says something new. After `seconds` nothing more is begun.
    """
    _deliver(store, notifier, seconds)
    return notifier.outbox.deliveries(unfinished=True)


def _deliver(store: IncidentStore, notifier: Notifier, seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end and (claim := notifier.outbox.claim(notifier.channels.keys())) is not None:
        with suppress(JournalError):  # that it is not on the timeline yet must not keep it from being sent
            _note(store, notifier, claim.message)  # whoever queued it may have died before that
        if outdated := _outdated(claim, notifier.outbox.now()):
            notifier.outbox.fail(claim, outdated)
        else:
            _send(notifier, claim)


def _outdated(claim: Claim, now: datetime) -> str:
    """Say why it is not sent any more, if so."""
    if claim.overtaken:
        return "not sent: that it is over was said there before"
    if claim.message.kind is not MessageKind.RESOLUTION and now - claim.message.at >= STALE:
        return f"not sent: too old, it was said at {claim.message.at:%Y-%m-%d %H:%MZ}"
    return ""


def _send(notifier: Notifier, claim: Claim) -> None:
    try:
        note = notifier.channels[claim.channel].send(claim.message.masked(notifier.masker), again=claim.again)
    except NotSent as error:
        _again_or_never(notifier, claim, error, _shown(error.why, notifier.masker))
    except Exception as error:  # noqa: BLE001  # a service's own code: one channel must not cost the others theirs
        # Its words may quote what it was given.
        why = f"a bug in the channel or in remediate: {type(error).__name__}"
        _again_or_never(notifier, claim, NotSent(why, unsure=True), why)
    else:
        notifier.outbox.sent(claim, _shown(note, notifier.masker))


def _again_or_never(notifier: Notifier, claim: Claim, error: NotSent, why: str) -> None:
    wait = error.wait or _wait(claim.attempt)
    if error.final or notifier.outbox.now() + wait - claim.message.at >= STALE:
        notifier.outbox.fail(claim, why)
    elif error.under_way:
        notifier.outbox.leave(claim, why)
    else:
        notifier.outbox.postpone(claim, wait, why, unsure=error.unsure)


def _note(store: IncidentStore, notifier: Notifier, message: Message) -> None:
    """Put it on the timeline, once."""
    deliveries = notifier.outbox.deliveries(incident=message.incident)
    messaged = Messaged(
        message=message.id,
        message_kind=message.kind.value,
        audience=message.audience.value,
        title=message.title[:_TITLE],
        channels=tuple(each.channel for each in deliveries if each.message.id == message.id),
    )
    store.append(message.incident, notifier.operator, message.at, messaged, once=f"message:{message.id}")


def _wait(attempt: int) -> timedelta:
    """Twice as long each time, up to a limit."""
    doublings: int = min(attempt - 1, 16)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def _shown(text: str, masker: Masker) -> str:
    return masker.mask(" ".join(strip_control(text).split()))[:_NOTE]
