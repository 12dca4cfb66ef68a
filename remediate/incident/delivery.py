"""Announces something about an incident: renders, previews, and queues and delivers on request.

The `incident.*` commands call it. `announce` without `send` renders a preview and stores nothing. With `send`, the
message is stored durably before anything is tried. A message that cannot be delivered at once stays queued, and
`deliver_due` tries it again.

This is the only place where messages leave, and every message passes the masker here.
"""

from collections.abc import Collection, Iterable, Sequence
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
"""Seconds after which no further delivery is started. A person is waiting, and the rest stays queued."""
STALE: Final = timedelta(hours=5)
"""Older updates are dropped, since they would be read as new. A resolution stays true, and is tried once more."""
_OVER: Final = timedelta(minutes=15)
"""A proposal that is older can be approved no more."""
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(minutes=5)
_TITLE: Final = 500
_NOTE: Final = 300


class Announcement(NamedTuple):
    """A message that was sent or queued, or its preview."""

    message: Message
    channels: tuple[str, ...]
    queued: bool
    """True if stored for sending. False for a preview, or if this key was announced before."""
    deliveries: tuple[Delivery, ...] = ()
    """The present state of each channel's delivery."""

    def preview(self) -> tuple[str, ...]:
        """Return the preview: the channels that would take it, then the whole text, indented."""
        whom = ", ".join(self.channels) or "nobody: no channel is configured for it"
        head = f"{self.message.kind.value} ({self.message.audience.value}) for {whom}; not sent:"
        return (head, *(f"    {line}".rstrip() for line in self.message.text.splitlines()))

    def outcome(self, now: datetime) -> tuple[str, ...]:
        """Return one line for each channel. It says where the message went, or why it has not gone yet."""
        if self.queued:
            return tuple(told(delivery, now) for delivery in self.deliveries)
        # What was announced before may not have arrived everywhere yet.
        missing = tuple(told(delivery, now) for delivery in self.deliveries if delivery.state is not State.SENT)
        again = f"{self.message.kind.value} ({self.message.audience.value}) was announced before: not sent again"
        return missing or (again,)

    @property
    def waits(self) -> bool:
        """Return whether a delivery is still to be tried."""
        return any(delivery.state in {State.QUEUED, State.SENDING} for delivery in self.deliveries)


def standing(deliveries: Sequence[Delivery], now: datetime) -> dict[str, tuple[str, ...]]:
    """Return the states of each message's deliveries, by the message's id."""
    found: dict[str, tuple[str, ...]] = {}
    for delivery in deliveries:
        found[delivery.message.id] = (*found.get(delivery.message.id, ()), told(delivery, now))
    return found


def told(delivery: Delivery, now: datetime) -> str:
    """Return the state of a delivery in one line, for announcements, timelines and lists."""
    what = f"{delivery.message.kind.value} to {delivery.channel}"
    tried = f"after {delivery.attempts} attempt{'' if delivery.attempts == 1 else 's'}"
    match delivery.state:
        case State.SENT:
            return f"{what}: sent" + (f" ({delivery.note})" if delivery.note else "")
        case State.FAILED:
            return f"{what}: FAILED {tried}: {delivery.note}"
        case State.SENDING if delivery.until <= now:
            return f"{what}: may or may not have been sent; {_next_try(delivery, now)}"
        case State.SENDING:
            return f"{what}: being sent" + (f" ({delivery.note}; {_next_try(delivery, now)})" if delivery.note else "")
        case State.QUEUED if delivery.attempts:
            return f"{what}: not yet, {tried}: {delivery.note}; {_next_try(delivery, now)}"
        case State.QUEUED:
            return f"{what}: queued"


def _next_try(delivery: Delivery, now: datetime) -> str:
    """Return when it is tried again. A moment that has passed waits for somebody who sends."""
    at = f"{delivery.until:%H:%M:%S} UTC"
    return f"next try {at}" if delivery.until > now else f"due to be tried again since {at}"


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
    """Render a message from the record; with `send`, also store, note and deliver it.

    `incident` is the record, with the event that the message is about already in it (an update is
    `incident.last_update`). `channels` names the channels to use, instead of all that serve this audience (for example
    the method of an escalation). With `key` it happens only once: a second call with the same key queues nothing, and
    tells how the first one's message stands.
    "Note" means an entry on the timeline.

    It takes seconds, whatever the channels do, and their results are in `deliveries`. Raises only ConfigurationError (a
    template or channel that cannot be used, or nobody to send to) and JournalError (the message could not be stored, so
    it was not sent either).
    """
    said = template_context(incident, words or MessageText(), notifier.settings, now)
    message = render(incident, kind, audience, said, templates=notifier.templates, masker=notifier.masker, now=now)
    names = notifier.serving(audience, channels)
    if not send:
        return Announcement(message, names, queued=False)
    if not names:
        raise ConfigurationError(
            f"no channel takes {audience.value} messages: give one that audience in [tool.remediate.incidents.channels]"
        )
    queued = notifier.outbox.queue(message, names, key=key)
    if queued:
        _note(store, notifier, message)
    _deliver(store, notifier, BUDGET)
    deliveries = (
        tuple(each for each in notifier.outbox.deliveries(incident=incident.id) if each.message.id == message.id)
        if queued
        else notifier.outbox.deliveries(key=key)
    )
    return Announcement(message, names, queued, deliveries)


def deliver_due(store: IncidentStore, *, notifier: Notifier, seconds: float = BUDGET) -> tuple[Delivery, ...]:
    """Send the due deliveries of every incident, and return the unfinished ones.

    For `incident.watch`, and for commands before they announce something new. No delivery is started after `seconds`.
    """
    _deliver(store, notifier, seconds)
    return notifier.outbox.deliveries(unfinished=True)


def failed(notifier: Notifier, incidents: Iterable[Incident]) -> tuple[Delivery, ...]:
    """Return the deliveries about open incidents that are not retried: notify people in another way."""
    every = (one for each in incidents if each.open for one in notifier.outbox.deliveries(incident=each.id))
    return tuple(one for one in every if one.state is State.FAILED)


def _deliver(store: IncidentStore, notifier: Notifier, seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end and (claim := notifier.outbox.claim(notifier.channels.keys())) is not None:
        with suppress(JournalError):  # a missing timeline entry must not block the delivery
            _note(store, notifier, claim.message)  # the process that queued it may have died before noting it
        if outdated := _outdated(claim, notifier.outbox.now()):
            notifier.outbox.fail(claim, outdated)
        else:
            _send(notifier, claim)


def _outdated(claim: Claim, now: datetime) -> str:
    """Return why the message is no longer worth sending; empty if it is."""
    if claim.overtaken:
        return "not sent: that it is over was said there before"
    if claim.message.kind is not MessageKind.RESOLUTION and now - claim.message.at >= _stale(claim.message):
        return f"not sent: too old, it was said at {claim.message.at:%Y-%m-%d %H:%MZ}"
    return ""


def _stale(message: Message) -> timedelta:
    return _OVER if message.kind is MessageKind.PROPOSAL else STALE


def _send(notifier: Notifier, claim: Claim) -> None:
    try:
        note = notifier.channels[claim.channel].send(claim.message.masked(notifier.masker), again=claim.again)
    except NotSent as error:
        _again_or_never(notifier, claim, error, _shown(error.why, notifier.masker))
    except Exception as error:  # noqa: BLE001  # foreign code: its bug must not stop the other channels
        # The exception's text may quote the message or a secret, so only its type is reported.
        why = f"a bug in the channel or in remediate: {type(error).__name__}"
        _again_or_never(notifier, claim, NotSent(why, unsure=True), why)
    else:
        notifier.outbox.sent(claim, _shown(note, notifier.masker))


def _again_or_never(notifier: Notifier, claim: Claim, error: NotSent, why: str) -> None:
    wait = error.wait or _wait(claim.attempt)
    if error.final or notifier.outbox.now() + wait - claim.message.at >= _stale(claim.message):
        notifier.outbox.fail(claim, why)
    elif error.under_way:
        notifier.outbox.leave(claim, why)
    else:
        notifier.outbox.postpone(claim, wait, why, unsure=error.unsure)


def _note(store: IncidentStore, notifier: Notifier, message: Message) -> None:
    """Put the message on the timeline, once. A proposal's approval is there by itself."""
    if message.kind is MessageKind.PROPOSAL:
        return
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
    """Return a delay that doubles with each attempt, up to a limit."""
    doublings: int = min(attempt - 1, 16)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def _shown(text: str, masker: Masker) -> str:
    return masker.mask(" ".join(strip_control(text).split()))[:_NOTE]
