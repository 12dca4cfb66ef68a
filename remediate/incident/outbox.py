"""The outbox: messages stored before delivery, sent once, retried until sent or failed.

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
from typing import TYPE_CHECKING, Final, Self

from remediate.incident.messages import Message
from remediate.incident.queue import OPEN, Claim, Delivery, State, belonging, move, next_due, store
from remediate.incident.settings import Audience

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase

LEASE: Final = timedelta(seconds=90)
"""How long a claim lasts: longer than any channel may take for one message."""


class Outbox:
    """The queue in the journal's database. Threads may share it; every process opens its own."""

    def __init__(
        self,
        database: "JournalDatabase",
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
        from remediate.journal.journal import journal_database

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
                row = next_due(connection, channels, now, self._project)
                if row is None:
                    return None
                again = bool(row.unsure) or row.state == State.SENDING.value
                taken = move(
                    connection, row.id, row.attempts, row.state, state=State.SENDING, until=now + lease,
                    attempts=row.attempts + 1, unsure=again,
                )  # fmt: skip
            # On a server another one may have been faster; what SQLite writes waits for its turn.
            if taken:
                said = Message.model_validate_json(row.content)
                return Claim(row.id, said, row.channel, row.attempts + 1, again, bool(row.overtaken))

    def sent(self, claim: Claim, note: str = "") -> None:
        """Record that it went out; true whoever holds the claim by now."""
        from remediate.journal.schema import deliveries

        with self._database.writing() as connection:
            connection.execute(
                deliveries.update()
                .where((deliveries.c.id == claim.delivery) & (deliveries.c.state != State.SENT.value))
                .values(state=State.SENT.value, finished=self._clock(), note=note)
            )

    def postpone(self, claim: Claim, wait: timedelta, why: str, *, unsure: bool) -> None:
        """Record that it did not go out, or that nobody knows (`unsure`), and when it is tried again."""
        with self._database.writing() as connection:
            move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.QUEUED,
                until=self._clock() + wait, unsure=unsure or claim.again, note=why,
            )  # fmt: skip

    def leave(self, claim: Claim, why: str) -> None:
        """Record why nobody knows whether it went out, and keep the claim until it runs out."""
        with self._database.writing() as connection:
            move(connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.SENDING, note=why)

    def fail(self, claim: Claim, why: str) -> None:
        """Record that it will not be tried again."""
        now = self._clock()
        with self._database.writing() as connection:
            move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.FAILED,
                finished=now, note=why,
            )  # fmt: skip

    def deliveries(self, *, incident: str | None = None, unfinished: bool = False) -> tuple[Delivery, ...]:
        """What there is, oldest first: of one incident where given, or only what is not over."""
        from sqlalchemy import select

        from remediate.journal.schema import deliveries, messages

        query = select(deliveries, messages.c.content).join(messages).order_by(deliveries.c.id)
        query = query.where(belonging(self._project))
        if incident is not None:
            query = query.where(messages.c.incident == incident)
        if unfinished:
            query = query.where(deliveries.c.state.in_(OPEN))
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

        from remediate.journal.schema import messages

        query = select(messages.c.content).where(messages.c.audience == audience.value, belonging(self._project))
        if since is not None:
            query = query.where(messages.c.at >= since)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(messages.c.at, messages.c.id)).scalars()
            return tuple(Message.model_validate_json(content) for content in found)

    def told_public(self, incident: str) -> bool:
        """Whether anything was ever said to the public about an incident: the status page shows it from then on."""
        from sqlalchemy import select

        from remediate.journal.schema import messages

        query = select(messages.c.id).where(messages.c.incident == incident)
        with self._database.reading() as connection:
            found = connection.execute(query.where(messages.c.audience == Audience.PUBLIC.value).limit(1))
            return found.first() is not None
