"""The outbox: messages stored before delivery, sent once, retried until sent or failed.

A message is queued with one delivery for each channel. A sender claims a delivery first. The delivery goes from
`queued` to `sending` until the claim expires, then to `sent` or `failed`, or back to `queued` for a later try. If a
process dies while it holds a claim, the claim expires and the next sender tries again. It tells the channel that this
is not the first try. A receiver that knows messages by their ids then does not show the message twice.

A channel gets the messages of one incident in the order in which they were queued. Two kinds do not wait for earlier
messages that are being retried: an escalation, and a resolution, which makes older news obsolete.

Several projects may share the database and use the same channel names. Each sends and shows only its own messages.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from remediate.incident.messages import Message
from remediate.incident.queue import OPEN, Claim, Delivery, State, belonging, move, next_due, store
from remediate.incident.settings import Audience
from remediate.journal.journal import JournalStore, journal_database

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase

LEASE: Final = timedelta(seconds=90)
"""Lifetime of a claim: longer than any channel may take for one message."""


class Outbox(JournalStore):
    """The message queue in the journal's database. Threads may share one; every process opens its own."""

    def __init__(
        self,
        database: "JournalDatabase",
        *,
        project: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(database)
        self._project = project
        self._clock = clock

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Open the outbox in the journal's database.

        Raises JournalError and ConfigurationError as Journal.open does.
        """
        return cls(journal_database(url))

    def now(self) -> datetime:
        """Return the time that decides what is due."""
        return self._clock()

    def queue(self, message: Message, channels: Collection[str], *, key: str | None = None) -> bool:
        """Store a message with one delivery for each channel; durable on return.

        Returns False and stores nothing if this key was used before. Raises JournalError.
        """
        with self.database.writing() as connection:
            return store(connection, message, channels, self._clock(), key=key)

    def claim(self, channels: Collection[str]) -> Claim | None:
        """Claim the oldest due delivery on one of these channels; None if there is none.

        The holder of a claim must send now, and report the result with `sent`, `postpone`, `leave` or `fail`.
        """
        now = self._clock()
        while True:
            with self.database.writing() as connection:
                row = next_due(connection, channels, now, self._project)
                if row is None:
                    return None
                again = bool(row.unsure) or row.state == State.SENDING.value
                taken = move(
                    connection, row.id, row.attempts, row.state, state=State.SENDING, until=now + LEASE,
                    attempts=row.attempts + 1, unsure=again,
                )  # fmt: skip
            # On PostgreSQL another sender may have been faster. On SQLite writers wait for each other.
            if taken:
                said = Message.model_validate_json(row.content)
                return Claim(row.id, said, row.channel, row.attempts + 1, again, bool(row.overtaken))

    def sent(self, claim: Claim, note: str = "") -> None:
        """Record that the message was sent. This holds even if another sender has the claim by now."""
        from remediate.journal.schema import deliveries

        with self.database.writing() as connection:
            connection.execute(
                deliveries.update()
                .where((deliveries.c.id == claim.delivery) & (deliveries.c.state != State.SENT.value))
                .values(state=State.SENT.value, finished=self._clock(), note=note)
            )

    def postpone(self, claim: Claim, wait: timedelta, why: str, *, unsure: bool) -> None:
        """Record that the message was not sent, and when to retry.

        With `unsure` it may have arrived all the same.
        """
        with self.database.writing() as connection:
            move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.QUEUED,
                until=self._clock() + wait, unsure=unsure or claim.again, note=why,
            )  # fmt: skip

    def leave(self, claim: Claim, why: str) -> None:
        """Record why the result is unknown, and keep the claim until it expires."""
        with self.database.writing() as connection:
            move(connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.SENDING, note=why)

    def fail(self, claim: Claim, why: str) -> None:
        """Record that the message will not be tried again."""
        now = self._clock()
        with self.database.writing() as connection:
            move(
                connection, claim.delivery, claim.attempt, State.SENDING.value, state=State.FAILED,
                finished=now, note=why,
            )  # fmt: skip

    def deliveries(
        self, *, incident: str | None = None, key: str | None = None, unfinished: bool = False
    ) -> tuple[Delivery, ...]:
        """Return the deliveries, oldest first, filtered by incident, key or state."""
        from sqlalchemy import select

        from remediate.journal.schema import deliveries, messages

        query = select(deliveries, messages.c.content).join(messages).order_by(deliveries.c.id)
        query = query.where(belonging(self._project))
        if incident is not None:
            query = query.where(messages.c.incident == incident)
        if key is not None:
            query = query.where(messages.c.key == key)
        if unfinished:
            query = query.where(deliveries.c.state.in_(OPEN))
        with self.database.reading() as connection:
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
        """Return every message queued for an audience, oldest first.

        The status page is made from these.
        """
        from sqlalchemy import select

        from remediate.journal.schema import messages

        query = select(messages.c.content).where(messages.c.audience == audience.value, belonging(self._project))
        if since is not None:
            query = query.where(messages.c.at >= since)
        with self.database.reading() as connection:
            found = connection.execute(query.order_by(messages.c.at, messages.c.id)).scalars()
            return tuple(Message.model_validate_json(content) for content in found)

    def told_public(self, incident: str) -> bool:
        """Return whether any message about an incident was meant for the public.

        From then on the status page shows the incident.
        """
        from sqlalchemy import select

        from remediate.journal.schema import messages

        query = select(messages.c.id).where(messages.c.incident == incident)
        with self.database.reading() as connection:
            found = connection.execute(query.where(messages.c.audience == Audience.PUBLIC.value).limit(1))
            return found.first() is not None
