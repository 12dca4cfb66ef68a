"""The outbox: what is to be said, durable before anything is tried, sent once, retried until it is.

A message is queued with one delivery for each channel. Whoever delivers claims one first: `queued`, `sending` until the
claim runs out, then `sent` or `failed`, or `queued` again for a later try. A process that dies between its claim and
its last word leaves a claim that runs out; the next one tries again, and tells the channel that it is not the first:
where the receiver knows a message by its id nothing is said twice.

Of one incident a channel gets one message after the other, in the order in which they were queued. Two kinds do not
wait behind what is tried again: a call for help, and the news that it is over, after which the older news is none.

Several projects may share the database and call their channels alike: each sends and shows only what is its own.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from remediate.incident.messages import Message, MessageKind
from remediate.incident.settings import Audience

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

    from remediate.migrations.database import Database

LEASE: Final = timedelta(seconds=90)
"""How long a claim lasts: longer than any channel may take for one message."""


class State(Enum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


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


class Outbox:
    """The queue in the journal's database. Threads may share it; every process opens its own."""

    def __init__(
        self,
        database: "Database",
        *,
        project: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._project = project
        self._clock = clock

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Open it where the journal is. Raises JournalError and ConfigurationError as Journal.open does."""
        from remediate.journal import journal_database

        return cls(journal_database(url))

    def close(self) -> None:
        """Close it; call once."""
        self._database.close()

    def now(self) -> datetime:
        """The time by which it decides what is due."""
        return self._clock()

    def queue(self, message: Message, channels: Collection[str], *, key: str | None = None) -> bool:
        """Store a message with one delivery for each channel; durable on return.

        False when something was queued under this key before: then nothing is stored. Raises JournalError.
        """
        with self._database.writing() as connection:
            return store(connection, message, channels, self._clock(), key=key)

    def claim(self, channels: Collection[str], *, lease: timedelta = LEASE) -> Claim | None:
        """Take the oldest delivery that is due on one of these channels; None when there is nothing to do.

        Whoever holds a claim sends now and says what came of it, by `sent`, `postpone` or `fail`.
        """
        now = self._clock()
        while True:
            with self._database.writing() as connection:
                row = _due(connection, channels, now, self._project)
                if row is None:
                    return None
                again = bool(row.unsure) or row.state == State.SENDING.value
                taken = _move(
                    connection, row.id, row.attempts, row.state, state=State.SENDING, until=now + lease,
                    attempts=row.attempts + 1, unsure=again,
                )  # fmt: skip
            # On a server another one may have been faster; what SQLite writes waits for its turn.
            if taken:
                said = Message.model_validate_json(row.content)
                return Claim(row.id, said, row.channel, row.attempts + 1, again, bool(row.overtaken))

    def sent(self, claim: Claim, note: str = "") -> None:
        """Record that it went out; true whoever holds the claim by now."""
        from remediate.migrations.schema import deliveries

        with self._database.writing() as connection:
            connection.execute(
                deliveries.update()
                .where((deliveries.c.id == claim.delivery) & (deliveries.c.state != State.SENT.value))
                .values(state=State.SENT.value, finished=self._clock(), note=note)
            )

    def postpone(self, claim: Claim, wait: timedelta, why: str, *, unsure: bool) -> None:
        """Record that it did not go out, or that nobody knows (`unsure`), and when it is tried again."""
        with self._database.writing() as connection:
            _move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.QUEUED,
                until=self._clock() + wait, unsure=unsure or claim.again, note=why,
            )  # fmt: skip

    def fail(self, claim: Claim, why: str) -> None:
        """Record that it will not be tried again."""
        now = self._clock()
        with self._database.writing() as connection:
            _move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.FAILED,
                finished=now, note=why,
            )  # fmt: skip

    def deliveries(self, *, incident: str | None = None, unfinished: bool = False) -> tuple[Delivery, ...]:
        """What there is, oldest first: of one incident where given, or only what is not over."""
        from sqlalchemy import select

        from remediate.migrations.schema import deliveries, messages

        query = select(deliveries, messages.c.content).join(messages).order_by(deliveries.c.id)
        query = query.where(_of(self._project))
        if incident is not None:
            query = query.where(messages.c.incident == incident)
        if unfinished:
            query = query.where(deliveries.c.state.in_(_OPEN))
        with self._database.reading() as connection:
            return tuple(
                Delivery(
                    message=Message.model_validate_json(row.content),
                    channel=row.channel,
                    state=State(row.state),
                    attempts=row.attempts,
                    until=row.until,
                    note=row.note or "",
                    finished=row.finished,
                )
                for row in connection.execute(query)
            )

    def said(self, audience: Audience, *, since: datetime | None = None) -> tuple[Message, ...]:
        """Everything that somebody asked to be said to an audience, oldest first: what a status page is made of."""
        from sqlalchemy import select

        from remediate.migrations.schema import messages

        query = select(messages.c.content).where(messages.c.audience == audience.value, _of(self._project))
        if since is not None:
            query = query.where(messages.c.at >= since)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(messages.c.at, messages.c.id)).scalars()
            return tuple(Message.model_validate_json(content) for content in found)

    def told_public(self, incident: str) -> bool:
        """Whether anything was ever said to the public about an incident: the status page shows it from then on."""
        from sqlalchemy import select

        from remediate.migrations.schema import messages

        query = select(messages.c.id).where(messages.c.incident == incident)
        with self._database.reading() as connection:
            found = connection.execute(query.where(messages.c.audience == Audience.PUBLIC.value).limit(1))
            return found.first() is not None


_OPEN: Final = (State.QUEUED.value, State.SENDING.value)


def store(
    connection: "Connection", message: Message, channels: Collection[str], now: datetime, *, key: str | None = None
) -> bool:
    """Store a message within somebody's transaction, so that what it belongs to is stored with it or not at all."""
    from sqlalchemy import select

    from remediate.migrations.schema import deliveries, messages

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


def _of(project: str | None) -> "ColumnElement[bool]":
    """Of a message: whether its incident is this project's, or anybody's for None."""
    from sqlalchemy import exists, true

    from remediate.migrations.schema import incident_events as events
    from remediate.migrations.schema import messages

    if project is None:
        return true()
    return (
        exists()
        .where(events.c.incident == messages.c.incident, events.c.once == "declared", events.c.project == project)
        .correlate(messages)
    )


def _due(
    connection: "Connection", channels: Collection[str], now: datetime, project: str | None
) -> "Row[tuple[object, ...]] | None":
    """The oldest delivery that may be claimed: its time has come, and no other one of its incident is before it there.

    A call for help waits for none. That it is over waits only for what is being sent at this moment, and what is older
    waits while it is being sent itself: so neither can arrive after the other by chance.
    """
    from sqlalchemy import and_, exists, or_, select

    from remediate.migrations.schema import deliveries, messages

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
        other.c.state.in_(_OPEN),
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
        .where(deliveries.c.state.in_(_OPEN), deliveries.c.until <= now, deliveries.c.channel.in_(list(channels)))
        .where(~before, _of(project))
        .order_by(deliveries.c.id)
        .limit(1)
    )
    return connection.execute(query).first()


def _move(
    connection: "Connection", delivery: int, attempts: int, was: str, /, *, state: State, **values: object
) -> bool:
    """Change a delivery if it still is as it was seen."""
    from remediate.migrations.schema import deliveries

    seen = (deliveries.c.id == delivery) & (deliveries.c.attempts == attempts) & (deliveries.c.state == was)
    done = connection.execute(deliveries.update().where(seen).values(state=state.value, **values))
    return bool(done.rowcount == 1)
