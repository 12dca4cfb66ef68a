"""The alerts and decisions of a project, in the journal's database.

An alert is one row for as long as it fires: repetitions are counted in it. Importing this module is cheap, because
SQLAlchemy is imported on opening.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from remediate.alerts.alert import AlertStatus, IncomingAlert
from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.ledger import Ledger, StoredTexts, stored_texts
from remediate.alerts.policy import PolicyMode
from remediate.errors import JournalError
from remediate.journal.store import JournalStore, journal_database
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
    """Number of repetitions while it fired; 0 at its end."""


class HeldDecision(NamedTuple):
    """A decision to propose or start something, while one of its alerts fires."""

    id: str
    mode: PolicyMode
    rule: str
    host: str
    action: str
    """A playbook, or triage."""
    reason: str
    at: datetime


class DecidedFire(NamedTuple):
    """The first alert of a decision."""

    name: str
    source: str
    fingerprint: str
    began: datetime
    """Since when it fires: by the sender's clock, or when it came."""


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

    def texts(self, alert: IncomingAlert) -> StoredTexts:
        """Return the texts of an alert as they are stored. Others could not write meanwhile, if the ledger did it."""
        return stored_texts(alert, self._masker)

    @contextmanager
    def deciding(self) -> Iterator[Ledger]:
        """Open the ledger for one payload. Deciders wait for each other, so that each sees what the last one did."""
        from sqlalchemy import func, select

        with self.database.writing() as connection:
            if connection.dialect.name == "postgresql":  # on SQLite writers wait for each other anyway
                connection.execute(select(func.pg_advisory_xact_lock(_DECIDING)))
            yield Ledger(connection, self._project, self._masker)

    def held(self, since: datetime) -> tuple[HeldDecision, ...]:
        """Return the decisions since then to propose or start something that still hold, oldest first.

        Whoever acts on them uses their ids, so that each is acted on once.
        """
        from sqlalchemy import exists

        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        fires = exists().where((alerts.c.decision == decisions.c.id) & alerts.c.ended.is_(None))
        query = (
            decisions.select()
            .where(decisions.c.project == self._project)
            .where(decisions.c.mode.in_((PolicyMode.AUTO.value, PolicyMode.PROPOSE.value)))
            .where((decisions.c.at >= since) & decisions.c.withdrawn.is_(None) & fires)
            .order_by(decisions.c.at, decisions.c.id)
        )
        with self.database.reading() as connection:
            return tuple(
                HeldDecision(row.id, PolicyMode(row.mode), row.rule, row.host, row.action, row.reason, row.at)
                for row in connection.execute(query)
            )

    def fire(self, decision: str) -> DecidedFire:
        """Return the first alert of a decision. Raises JournalError if there is none."""
        from remediate.journal.schema import alerts

        query = alerts.select().where(alerts.c.decision == decision).order_by(alerts.c.first_seen, alerts.c.id)
        with self.database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        if row is None:
            raise JournalError(f"no alert of the decision {decision} is recorded")
        return DecidedFire(row.name, row.source, row.fingerprint, row.starts or row.first_seen)

    def over(self, decisions: Collection[str]) -> datetime | None:
        """Return when the last alert of these decisions was over, None if one of them fires."""
        from sqlalchemy import func, select

        from remediate.journal.schema import alerts

        mine = alerts.c.decision.in_(sorted(decisions))
        with self.database.reading() as connection:
            if connection.execute(alerts.select().where(mine & alerts.c.ended.is_(None)).limit(1)).first() is not None:
                return None
            ended: datetime | None = connection.execute(select(func.max(alerts.c.ended)).where(mine)).scalar_one()
        return ended

    def fires(self, rules: Collection[str], hosts: Collection[str]) -> bool:
        """Return whether an alert fires that one of these rules decided about, on one of these hosts."""
        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        joined = alerts.join(decisions, alerts.c.decision == decisions.c.id)
        query = (
            joined.select()
            .with_only_columns(alerts.c.id)
            .where((decisions.c.project == self._project) & alerts.c.ended.is_(None))
            .where(decisions.c.rule.in_(sorted(rules)) & decisions.c.host.in_(sorted(hosts)))
        )
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

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
