"""The journal: each run's intents, stored durably before acting, and their outcomes.

Write in this order: `begin` a run, `intend` each step before it acts and `conclude` it afterwards, `finish` the run. A
process that dies in between leaves a run without an end. If it was acting, it also leaves an intent without an outcome,
which `Journal.open_intents` finds. If `intend` raises, the caller must not act.

The journal is one SQLite file in the user's state directory (`REMEDIATE_STATE_DIR` if that is set). A team can share a
database instead, with its URL in `REMEDIATE_JOURNAL`. Records are never deleted, and an outcome is never overwritten.
Texts are stored as given: the caller masks their secrets. No message of this module quotes one.

Importing this module is cheap, because SQLAlchemy is imported when a journal is opened.
"""

import json
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Self

from remediate.errors import ConfigurationError, JournalError
from remediate.journal.models import Intent, PastFix, RunEnd, RunRecord, RunSummary, StoredRun, StoredStep
from remediate.journal.rows import (
    intent_of,
    is_taken_over,
    not_one,
    past_fix,
    row_of,
    run_ids,
    summary_of,
    taken_over,
)
from remediate.journal.run_id import matching, short
from remediate.journal.store import JournalStore, journal_database

NOT_RUN = "not_run"
"""The outcome of a step that certainly did not act."""


class Journal(JournalStore):
    """An open journal. Threads may share it; every process opens its own, also after a fork."""

    @classmethod
    def open(cls, url: str | None = None, *, looks: bool = True) -> Self:
        """Open the journal, and create it if needed. `url` is a SQLAlchemy database URL.

        Without `looks`, the runs that only looked may be missing: a run that is about to act has no time for them.
        Raises JournalError if it cannot be used. Raises ConfigurationError for a bad URL, and for a journal of a newer
        version of this package.
        """
        return cls(journal_database(url, looks=looks))

    def begin(self, run: RunRecord) -> None:
        """Record the start of a run. Call it first, so that everything later has a place."""
        from sqlalchemy.exc import IntegrityError

        from remediate.journal.schema import runs

        with self.database.writing() as connection:
            try:
                connection.execute(runs.insert().values(row_of(run)))
            except IntegrityError:
                raise self._refused(f"run {run.id} has already begun") from None

    def intend(self, intent: Intent) -> None:
        """Record a step just before it acts on a host. If this raises, do not act.

        It is refused once the run has ended, or was taken over. The same step may be intended again after its last
        attempt was concluded.
        """
        from sqlalchemy.exc import IntegrityError

        from remediate.journal.schema import runs, steps

        with self.database.writing() as connection:
            # Locked, so that nobody ends the run or takes it over between this look and the commit.
            row = connection.execute(runs.select().where(runs.c.id == intent.run).with_for_update(read=True)).first()
            if row is None or row.finished is not None or is_taken_over(row.process):
                why = "has not begun" if row is None else "has ended, or another process has taken it over"
                raise self._refused(f"run {intent.run} {why}")
            try:
                connection.execute(
                    steps.insert().values(
                        run=intent.run,
                        host=intent.host,
                        position=intent.position,
                        remedy=intent.remedy,
                        params=json.loads(intent.params),
                        commands=json.loads(intent.commands),
                        intended_at=intent.intended_at,
                        basis=None if intent.basis is None else json.dumps(intent.basis),
                    )
                )
            except IntegrityError:
                raise self._refused(f"step {intent.position} of run {intent.run} is still open on this host") from None

    def take_over(self, run: str) -> None:
        """Make sure that an unfinished run intends no further step: its process may live in spite of all signs.

        Read its steps after this, because it may have intended one until now.
        """
        from remediate.journal.schema import runs

        unfinished = (runs.c.id == run) & runs.c.finished.is_(None)
        with self.database.writing() as connection:
            row = connection.execute(runs.select().where(unfinished).with_for_update()).first()
            if row is not None:
                connection.execute(runs.update().where(unfinished).values(process=taken_over(row.process)))

    def conclude(self, run: str, host: str, position: int, outcome: str, evidence: str) -> None:
        """Record the outcome of an open step: `proven`, `failed`, `unknown`, `not_run` and so on."""
        from remediate.journal.schema import steps

        open_step = (
            (steps.c.run == run)
            & (steps.c.host == host)
            & (steps.c.position == position)
            & steps.c.finished_at.is_(None)
        )
        with self.database.writing() as connection:
            stored = connection.execute(
                steps.update()
                .where(open_step)
                .values(finished_at=datetime.now(UTC), outcome=outcome, evidence=evidence)
            )
            if stored.rowcount != 1:
                raise self._refused(f"step {position} of run {run} is not open on this host")

    def finish(self, run: str, end: RunEnd) -> None:
        """Record the end of a run, once."""
        from remediate.journal.schema import runs

        with self.database.writing() as connection:
            unfinished = (runs.c.id == run) & runs.c.finished.is_(None)
            if connection.execute(runs.update().where(unfinished).values(asdict(end))).rowcount != 1:
                raise self._refused(f"run {run} has not begun, or is finished already")

    def justify(self, run: str, why: str) -> None:
        """Add what a person decided to the reason of a run that goes on. Call it before that run acts."""
        from sqlalchemy import func

        from remediate.journal.schema import runs

        said = func.coalesce(runs.c.reason + "; ", "") + why
        with self.database.writing() as connection:
            open_one = (runs.c.id == run) & runs.c.finished.is_(None)
            if connection.execute(runs.update().where(open_one).values(reason=said)).rowcount != 1:
                raise self._refused(f"run {run} has not begun, or is finished already")

    def require_writable(self, run: str) -> None:
        """Write to a run's record without changing it. Raises JournalError if that fails."""
        from remediate.journal.schema import runs

        with self.database.writing() as connection:
            connection.execute(runs.update().where(runs.c.id == run).values(version=runs.c.version))

    def shown(self, run: str) -> str:
        """Return the short id of a run, for a person. The run need not have begun."""
        with self.database.reading() as connection:
            return short(run, run_ids(connection))

    def runs(self, *, limit: int = 20) -> tuple[RunSummary, ...]:
        """Return the latest runs, newest first, unfinished ones included."""
        from remediate.journal.schema import runs

        # What only `find` returns is left out: a report is large.
        wanted = [column for column in runs.c if column not in {runs.c.report, runs.c.given}]
        with self.database.reading() as connection:
            ids = run_ids(connection)
            query = runs.select().with_only_columns(*wanted).order_by(runs.c.started.desc(), runs.c.id.desc())
            return tuple(summary_of(row, ids) for row in connection.execute(query.limit(limit)))

    def find(self, prefix: str) -> StoredRun:
        """Return the one run whose shown or full id begins with `prefix`.

        Raises ConfigurationError with the candidates if there is none or more than one.
        """
        from remediate.journal.schema import runs, steps

        with self.database.reading() as connection:
            ids = run_ids(connection)
            found = matching(prefix, ids)
            if len(found) != 1:
                raise ConfigurationError(not_one(prefix, found, ids))
            row = connection.execute(runs.select().where(runs.c.id == found[0])).one()
            attempts = connection.execute(steps.select().where(steps.c.run == found[0]).order_by(steps.c.id)).all()
        summary = summary_of(row, ids)
        return StoredRun(
            **{field.name: getattr(summary, field.name) for field in fields(summary)},
            reason=row.reason,
            version=row.version,
            report=row.report,
            given=row.given,
            steps=tuple(
                StoredStep(
                    intent=intent_of(attempt),
                    finished=attempt.finished_at,
                    outcome=attempt.outcome,
                    evidence=attempt.evidence,
                )
                for attempt in attempts
            ),
        )

    def open_intents(self, *, host: str | None = None) -> tuple[Intent, ...]:
        """Return every step that was intended and never concluded, oldest first.

        With `host`, only its steps are returned. A step's command may or may not have run. A run that is going on right
        now is included.
        """
        from remediate.journal.schema import steps

        query = steps.select().where(steps.c.finished_at.is_(None)).order_by(steps.c.id)
        if host is not None:
            query = query.where(steps.c.host == host)
        with self.database.reading() as connection:
            return tuple(intent_of(row) for row in connection.execute(query))

    def acted_since(self, intent: Intent) -> tuple[str, ...]:
        """Return the short ids of other runs that may have acted on an intent's host later."""
        from sqlalchemy import func

        from remediate.journal.schema import steps

        own = (steps.c.run == intent.run) & (steps.c.host == intent.host) & (steps.c.position == intent.position)
        # The order of the rows, because the clocks of several machines may differ.
        last = steps.select().with_only_columns(func.max(steps.c.id)).where(own).scalar_subquery()
        query = (
            steps.select()
            .with_only_columns(steps.c.run)
            .where((steps.c.host == intent.host) & (steps.c.run != intent.run) & (steps.c.id > last))
            .where(steps.c.outcome.is_(None) | (steps.c.outcome != NOT_RUN))
            .order_by(steps.c.id)
        )
        with self.database.reading() as connection:
            ids = run_ids(connection)
            return tuple(short(run, ids) for run in dict.fromkeys(connection.execute(query).scalars()))

    def fixes(self, host: str, playbook: str, since: datetime) -> tuple[PastFix, ...]:
        """Return the runs of a playbook that may have acted on a host since, oldest first.

        A step that certainly did not run does not count. One without an outcome does.
        """
        from remediate.journal.schema import runs, steps

        query = (
            steps.select()
            .join(runs, runs.c.id == steps.c.run)
            .with_only_columns(steps, runs.c.verdict)
            .where((steps.c.host == host) & (runs.c.playbook == playbook) & (runs.c.mode == "fix"))
            .where((steps.c.intended_at >= since) & (steps.c.outcome.is_(None) | (steps.c.outcome != NOT_RUN)))
            .order_by(steps.c.id)
        )
        with self.database.reading() as connection:
            ids = run_ids(connection)
            rows = connection.execute(query).all()
        found = {row.run: [each for each in rows if each.run == row.run] for row in rows}
        return tuple(past_fix(run, short(run, ids), acted) for run, acted in found.items())

    def _refused(self, why: str) -> JournalError:
        return JournalError(f"the journal {self.database.place} did not take the record: {why}")
