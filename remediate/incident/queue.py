"""The outbox's tables: messages, their deliveries, and claims on them.

Every function here runs inside a transaction that the caller began.
"""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.incident.messages import Message, MessageKind

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row


class State(Enum):
    """The states of a delivery."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


_CLAIMING: Final = 0x72656D65
"""Number of PostgreSQL's advisory lock that is held while a delivery is claimed."""
OPEN: Final = (State.QUEUED.value, State.SENDING.value)
"""States of an unfinished delivery."""


class Delivery(NamedTuple):
    """One message for one channel, with its state."""

    message: Message
    channel: str
    state: State
    attempts: int
    until: datetime
    """The next try of a queued delivery, or the end of the claim while sending."""
    note: str
    """The reason why it was not sent yet, or the place where it went."""
    finished: datetime | None = None


class Claim(NamedTuple):
    """A temporary right to send one message to one channel."""

    delivery: int
    message: Message
    channel: str
    attempt: int
    again: bool
    """True if an earlier attempt may have reached the receiver."""
    overtaken: bool = False
    """True if the receiver already has the resolution, which this message would contradict."""


def store(
    connection: "Connection", message: Message, channels: Collection[str], now: datetime, *, key: str | None = None
) -> bool:
    """Store a message and its deliveries within the caller's transaction.

    So the message and the event it belongs to are stored together or not at all. Returns False and stores nothing if
    this key was used before.
    """
    from sqlalchemy import select

    from remediate.journal.schema import deliveries, messages

    if key is not None and connection.execute(select(messages.c.id).where(messages.c.key == key)).first():
        return False
    values = {
        "id": message.id,
        "incident": message.incident,
        "kind": message.kind.value,
        "audience": message.audience.value,
        "at": message.at,
        "content": message.model_dump_json(),
        "key": key,
    }
    insert = messages.insert().values(**values)
    if connection.dialect.name == "postgresql":
        # On PostgreSQL two transactions may both have found nothing. The second one to write notices it here.
        from sqlalchemy.dialects.postgresql import insert as upsert

        done = upsert(messages).values(**values).on_conflict_do_nothing(index_elements=["key"])
        # The returned row tells whether it was written: the row count is not reliable for an INSERT.
        if connection.execute(done.returning(messages.c.id)).first() is None:
            return False
    else:
        connection.execute(insert)
    rows = [
        {
            "message": message.id,
            "channel": channel,
            "state": State.QUEUED.value,
            "attempts": 0,
            "until": now,
            "unsure": False,
        }
        for channel in dict.fromkeys(channels)
    ]
    if rows:
        connection.execute(deliveries.insert(), rows)
    return True


def belonging(project: str | None) -> "ColumnElement[bool]":
    """Return the condition that a message's incident or proposal is this project's; always true for None."""
    from sqlalchemy import exists, or_, true

    from remediate.journal.schema import incident_events as events
    from remediate.journal.schema import messages, proposals

    if project is None:
        return true()
    return or_(
        exists()
        .where(events.c.incident == messages.c.incident, events.c.once == "declared", events.c.project == project)
        .correlate(messages),
        exists().where(proposals.c.id == messages.c.incident, proposals.c.project == project).correlate(messages),
    )


def next_due(
    connection: "Connection", channels: Collection[str], now: datetime, project: str | None
) -> "Row[tuple[object, ...]] | None":
    """Return the oldest delivery that may be claimed; None if there is none.

    It is due, and no other message of its incident comes first on its channel. An escalation waits for nothing. A
    resolution waits only for a message that is being sent at this moment, and an older message waits while the
    resolution is being sent. So neither can overtake the other by chance.
    """
    from sqlalchemy import and_, exists, func, or_, select

    from remediate.journal.schema import deliveries, messages

    if connection.dialect.name == "postgresql":
        # On PostgreSQL two senders would not see what the other is about to claim. The lock lets one at a time
        # choose and write.
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIMING)))
    other, told = deliveries.alias(), messages.alias()
    beside = (
        exists()
        .where(other.c.message == told.c.id, told.c.incident == messages.c.incident)
        .where(other.c.channel == deliveries.c.channel)
        .correlate(deliveries, messages)
    )
    over = told.c.kind == MessageKind.RESOLUTION.value
    sending = and_(other.c.state == State.SENDING.value, other.c.until > now)
    urgent = messages.c.kind == MessageKind.ESCALATION.value
    earlier = and_(
        other.c.id < deliveries.c.id,
        other.c.state.in_(OPEN),
        or_(sending, messages.c.kind != MessageKind.RESOLUTION.value),
    )
    before = and_(~urgent, beside.where(or_(earlier, and_(other.c.id > deliveries.c.id, over, sending))))
    overtaken = and_(
        messages.c.kind != MessageKind.RESOLUTION.value,
        beside.where(other.c.id > deliveries.c.id, over, other.c.state == State.SENT.value),
    )
    query = (
        select(deliveries, messages.c.content, overtaken.label("overtaken"))
        .join(messages)
        .where(deliveries.c.state.in_(OPEN), deliveries.c.until <= now, deliveries.c.channel.in_(list(channels)))
        .where(~before, belonging(project))
        .order_by(deliveries.c.id)
        .limit(1)
    )
    return connection.execute(query).first()


def move(
    connection: "Connection", delivery: int, attempts: int, was: str, /, *, state: State, **values: object
) -> bool:
    """Change a delivery if it is still in the state that was read. Returns whether it was."""
    from remediate.journal.schema import deliveries

    seen = (deliveries.c.id == delivery) & (deliveries.c.attempts == attempts) & (deliveries.c.state == was)
    done = connection.execute(deliveries.update().where(seen).values(state=state.value, **values))
    return bool(done.rowcount == 1)
