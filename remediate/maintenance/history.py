"""Stores the results of maintenance next to the journal's runs.

Append-only, and safe for many writers. Importing this module is cheap; SQLAlchemy is imported on opening.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from remediate.journal.store import JournalStore, journal_database
from remediate.maintenance.item import Past, Point, Result, Sample
from remediate.maintenance.items.capacity import Capacity
from remediate.maintenance.report import MaintenanceReport
from remediate.maintenance.schedule import Occasion

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from remediate.journal.database import JournalDatabase


_LOOK_BACK = 50
"""Number of reports to search for an item's last answer. A report of an unreachable host has none."""


class History(JournalStore):
    """The open history of one project."""

    def __init__(self, database: "JournalDatabase", project: str) -> None:
        super().__init__(database)
        self._project = project

    @classmethod
    def open(cls, url: str | None, *, project: str) -> Self:
        """Open the history in the journal's database. Raises as `Journal.open` does."""
        return cls(journal_database(url), project)

    def keep(self, report: MaintenanceReport) -> None:
        """Write a report and its samples. Its texts must be masked already."""
        from remediate.journal.schema import maintenance

        with self.database.writing() as connection:
            for subject in report.subjects:
                own = report.model_copy(update={"subjects": (subject,)})
                connection.execute(
                    maintenance.insert().values(
                        id=report.run,
                        project=self._project,
                        occasion=report.occasion.value,
                        subject=subject.name,
                        started=report.started,
                        reached=subject.error is None,
                        report=own.model_dump_json(by_alias=True),
                    )
                )
                for result in subject.results:
                    self._add(connection, subject.name, result.item, report.started, result.samples)
                if report.occasion is not Capacity.occasion:
                    self._add(connection, subject.name, Capacity.name, report.started, subject.capacity)

    def _add(self, connection: "Connection", subject: str, item: str, at: datetime, samples: Iterable[Sample]) -> None:
        from remediate.journal.schema import maintenance_samples

        rows = [
            {
                "project": self._project,
                "subject": subject,
                "item": item,
                "name": sample.name,
                "at": at,
                "value": sample.value,
            }
            for sample in samples
        ]
        if rows:
            connection.execute(maintenance_samples.insert(), rows)

    def remind(self, occasion: Occasion, subject: str, *, done: datetime, at: datetime) -> bool:
        """Record that an overdue duty is announced now. Returns False if it was announced before.

        `done` is when it was last done: each of these moments is announced only once.
        """
        from sqlalchemy.exc import IntegrityError

        from remediate.journal.schema import maintenance_reminders

        row = {"project": self._project, "occasion": occasion.value, "subject": subject, "done": done, "at": at}
        with self.database.writing() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(maintenance_reminders.insert().values(**row))
            except IntegrityError:
                return False
        return True

    def past(
        self, occasion: Occasion, subject: str, item: str, *, since: datetime, before: datetime | None = None
    ) -> Past:
        """Return an item's last result, and its samples since a moment.

        The last result may be of any age, but is searched in at most 50 reports. Only a look that began at or before
        `before` counts as the last one. Otherwise a second look shortly after the first would no longer report what is
        new.
        """
        from remediate.journal.schema import maintenance, maintenance_samples

        reports = (
            maintenance.select()
            .where(
                (maintenance.c.project == self._project)
                & (maintenance.c.occasion == occasion.value)
                & (maintenance.c.subject == subject)
            )
            .order_by(maintenance.c.started.desc())
        )
        if before is not None:
            reports = reports.where(maintenance.c.started <= before)
        numbers = (
            maintenance_samples.select()
            .where(
                (maintenance_samples.c.project == self._project)
                & (maintenance_samples.c.subject == subject)
                & (maintenance_samples.c.item == item)
                & (maintenance_samples.c.at >= since)
            )
            .order_by(maintenance_samples.c.at, maintenance_samples.c.id)
        )
        samples: dict[str, list[Point]] = {}
        with self.database.reading() as connection:
            found = _last((row.report for row in connection.execute(reports.limit(_LOOK_BACK))), item)
            for row in connection.execute(numbers):
                samples.setdefault(row.name, []).append(Point(row.at, row.value))
        at, result = found if found is not None else (None, None)
        return Past(
            previous=result,
            previous_at=at,
            samples={name: tuple(points) for name, points in samples.items()},
        )

    def latest(self) -> tuple[MaintenanceReport, ...]:
        """Return the newest report of each occasion and subject, oldest first.

        Each report is about one subject.
        """
        from sqlalchemy import and_, func, select

        from remediate.journal.schema import maintenance

        last = (
            select(maintenance.c.occasion, maintenance.c.subject, func.max(maintenance.c.started).label("started"))
            .where(maintenance.c.project == self._project)
            .group_by(maintenance.c.occasion, maintenance.c.subject)
            .subquery()
        )
        same = [maintenance.c[name] == last.c[name] for name in ("occasion", "subject", "started")]
        query = (
            select(maintenance.c.report)
            .join(last, and_(*same))
            .where(maintenance.c.project == self._project)
            .order_by(maintenance.c.started, maintenance.c.subject)
        )
        with self.database.reading() as connection:
            return tuple(read for row in connection.execute(query) if (read := _read(row.report)) is not None)

    def done(self) -> dict[tuple[Occasion, str], datetime]:
        """Return when each subject was last reached and looked at, for each occasion."""
        from sqlalchemy import func, select

        from remediate.journal.schema import maintenance

        query = (
            select(maintenance.c.occasion, maintenance.c.subject, func.max(maintenance.c.started).label("started"))
            .where((maintenance.c.project == self._project) & maintenance.c.reached)
            .group_by(maintenance.c.occasion, maintenance.c.subject)
        )
        with self.database.reading() as connection:
            return {(Occasion(row.occasion), row.subject): row.started for row in connection.execute(query)}


def _read(text: str) -> MaintenanceReport | None:
    """Return a stored report; None if it is malformed. Fields that a newer version added are ignored."""
    try:
        return MaintenanceReport.model_validate_json(text, extra="ignore")
    except ValidationError:
        return None


def _last(reports: Iterable[str], item: str) -> tuple[datetime, Result] | None:
    """Return the newest result of an item with its time; unknown answers do not count.

    None if there is none.
    """
    for text in reports:
        if (report := _read(text)) is None:
            continue
        for result in report.subjects[0].results:
            if result.item == item and result.ok is not None:
                return report.started, result
    return None
