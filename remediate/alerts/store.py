"""The alerts and decisions of a project, in the journal's database.

An alert is one row for as long as it burns: repetitions are counted in it. Importing this module is cheap, because
SQLAlchemy is imported on opening.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from remediate.alerts.alert import AlertStatus, IncomingAlert
from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.ledger import Ledger
from remediate.alerts.policy import TRIAGE, PolicyMode
from remediate.journal.journal import JournalStore, journal_database
from remediate.masking.masker import Masker

if TYPE_CHECKING:
    from sqlalchemy import Row

    from remediate.journal.database import JournalDatabase

_DECIDING: Final = 0x72656D67
"""Number of PostgreSQL's advisory lock for decisions; nothing else in that database may use it."""


class RecordedAlert(NamedTuple):
    """One recorded beginning or end of an alert."""

    at: datetime
    alert: IncomingAlert
    authentication: Authentication
    repeated: int
    """Number of repetitions while it burned; 0 at its end."""


class HeldDecision(NamedTuple):
    """A decision about a playbook, while one of its alerts burns."""

    id: str
    mode: PolicyMode
    rule: str
    host: str
    playbook: str
    reason: str


class AlertStore(JournalStore):
    """The open store of one project's alerts."""

    def __init__(self, database: "JournalDatabase", project: str) -> None:
        super().__init__(database)
        self._project = project
        self._masker = Masker()

    @classmethod
    def open(cls, url: str | None, *, project: str) -> Self:
        """Open the store in the journal's database. Raises as `Journal.open` does."""
        return cls(journal_database(url), project)

    def demand(self) -> None:
        """Raise JournalError if the database does not answer."""
        from sqlalchemy import select

        with self.database.reading() as connection:
            connection.execute(select(1))

    @contextmanager
    def deciding(self) -> Iterator[Ledger]:
        """Open the ledger for one payload. Deciders wait for each other, so that each sees what the last one did."""
        from sqlalchemy import func, select

        with self.database.writing() as connection:
            if connection.dialect.name == "postgresql":  # on SQLite writers wait for each other anyway
                connection.execute(select(func.pg_advisory_xact_lock(_DECIDING)))
            yield Ledger(connection, self._project, self._masker)

    def held(self, since: datetime) -> tuple[HeldDecision, ...]:
        """Return the decisions since then to propose or start a playbook that still hold, oldest first.

        Whoever acts on them uses their ids, so that each is acted on once.
        """
        from sqlalchemy import exists

        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        burns = exists().where((alerts.c.decision == decisions.c.id) & alerts.c.ended.is_(None))
        query = (
            decisions.select()
            .where((decisions.c.project == self._project) & (decisions.c.action != TRIAGE))
            .where(decisions.c.mode.in_((PolicyMode.AUTO.value, PolicyMode.PROPOSE.value)))
            .where((decisions.c.at >= since) & decisions.c.withdrawn.is_(None) & burns)
            .order_by(decisions.c.at, decisions.c.id)
        )
        with self.database.reading() as connection:
            return tuple(
                HeldDecision(row.id, PolicyMode(row.mode), row.rule, row.host, row.action, row.reason)
                for row in connection.execute(query)
            )

    def recorded(self, since: datetime) -> tuple[RecordedAlert, ...]:
        """Return the beginnings and ends of the alerts that began since then, in order."""
        from remediate.journal.schema import alerts

        query = alerts.select().where((alerts.c.project == self._project) & (alerts.c.first_seen >= since))
        with self.database.reading() as connection:
            found = [event for row in connection.execute(query) for event in _events(row)]
        return tuple(sorted(found, key=lambda event: event.at))


def _events(row: "Row[tuple[object, ...]]") -> Iterator[RecordedAlert]:
    # It was validated when it arrived. Masking may have made a text longer than is accepted.
    alert = IncomingAlert.model_construct(
        fingerprint=row.fingerprint,
        status=AlertStatus.FIRING,
        name=row.name,
        labels=json.loads(row.labels),
        annotations=json.loads(row.annotations),
        starts=row.starts,
        ends=None,
        source=row.source,
    )
    authentication = Authentication(how=Means(row.how), source=row.source)
    yield RecordedAlert(row.first_seen, alert, authentication, row.times - 1)
    if row.end_reason == "resolved":
        over = alert.model_copy(update={"status": AlertStatus.RESOLVED})
        yield RecordedAlert(row.ended, over, authentication, 0)
