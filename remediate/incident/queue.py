"""The outbox's tables: messages, their deliveries, and claims on them.

Everything here happens within a transaction that somebody else began.
"""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.incident.messages import Message, MessageKind

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row


class State(Enum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


_CLAIMING: Final = 0x72656D65
"""Number of the advisory lock on PostgreSQL under which a delivery is claimed."""
OPEN: Final = (State.QUEUED.value, State.SENDING.value)
"""States of a delivery that is not over."""


class Delivery(NamedTuple):
    """One message on its way to one channel."""

    message: Message
    channel: str
    state: State
    attempts: int
    until: datetime
    """While queued: when it is tried next; while sending: when the claim runs out."""
    note: str
    """Why not yet, or where it went."""
    finished: datetime | None = None


class Claim(NamedTuple):
    """The right to send one message to one channel, for a while."""

    delivery: int
    message: Message
    channel: str
    attempt: int
    again: bool
    """An earlier attempt may have reached the receiver."""
    overtaken: bool = False
    """The receiver knows by now that the incident is over: this would contradict it."""


def store(
    connection: "Connection", message: Message, channels: Collection[str], now: datetime, *, key: str | None = None
) -> bool:
    """Store a message within somebody's transaction, so that what it belongs to is stored with it or not at all."""
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
        # There two transactions may both have found nothing: the second to write finds out here.
        from sqlalchemy.dialects.postgresql import insert as upsert

        done = upsert(messages).values(**values).on_conflict_do_nothing(index_elements=["key"])
        # Asked for what it wrote: the count of rows is not reliable for an INSERT.
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
    """Of a message: whether its incident is this project's, or anybody's for None."""
    from sqlalchemy import exists, true

    from remediate.journal.schema import incident_events as events
    from remediate.journal.schema import messages

    if project is None:
        return true()
    return (
        exists()
        .where(events.c.incident == messages.c.incident, events.c.once == "declared", events.c.project == project)
        .correlate(messages)
    )


def next_due(
    connection: "Connection", channels: Collection[str], now: datetime, project: str | None
) -> "Row[tuple[object, ...]] | None":
    """The oldest delivery that may be claimed: its time has come, and no other one of its incident is before it there.

    A call for help waits for none. That it is over waits only for what is being sent at this moment, and what is older
    waits while it is being sent itself: so neither can arrive after the other by chance.
    """
    from sqlalchemy import and_, exists, func, or_, select

    from remediate.journal.schema import deliveries, messages

    if connection.dialect.name == "postgresql":
        # There two deliverers would each not see what the other is about to claim: one at a time until it is written.
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
    """Change a delivery if it still is as it was seen."""
    from remediate.journal.schema import deliveries

    seen = (deliveries.c.id == delivery) & (deliveries.c.attempts == attempts) & (deliveries.c.state == was)
    done = connection.execute(deliveries.update().where(seen).values(state=state.value, **values))
    return bool(done.rowcount == 1)
