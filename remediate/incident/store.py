"""Stores incidents next to the runs, append-only.

Many processes may write at once, and every write is durable before it is reported. Incidents are in the journal's
database: one SQLite file, or PostgreSQL that a team shares. Several projects may share the database, and each sees only
its own incidents. Importing this module is cheap; SQLAlchemy is imported on opening.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from remediate.errors import ConfigurationError, JournalError, RemediateError
from remediate.incident.events import Alerted, Attached, Data, Declared, Event, SeverityChanged
from remediate.incident.plans import plan_events
from remediate.incident.record import Incident, fold
from remediate.incident.run_events import RunStep
from remediate.incident.runs import landed
from remediate.journal.incident_ids import NAMED, RESOLVED, IncidentIds, declared_ids
from remediate.journal.run_id import new_run_id, short
from remediate.masking.masker import Masker

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from remediate.journal.database import JournalDatabase

_DATA: TypeAdapter[Data] = TypeAdapter(Data)
_DECLARING: Final = 0x72656D66
"""Number of PostgreSQL's advisory lock for declarations; nothing else in that database may use it."""


class AlreadyDeclared(RemediateError):
    """Another person has just declared an incident from the same triage.

    Most likely both mean the same fault.
    """

    def __init__(self, shown: str) -> None:
        super().__init__(
            f"incident {shown} has just been declared from the same triage: nothing was declared; "
            "if this is another one, say it again with --title"
        )


class IncidentStore(IncidentIds):
    """The open store of incidents."""

    def __init__(self, database: "JournalDatabase", project: str | None = None) -> None:
        super().__init__(database, project)
        self._masker = Masker()

    def append(self, incident: str, who: str, at: datetime, data: Data, *, once: str | None = None) -> Event | None:
        """Write one event, and return it when it is durable; `incident` is a full id.

        `once` names something that may happen only once in an incident. The second caller gets None, and nothing is
        written. A declaration is the first event of its incident, and the only one of its kind. Raises JournalError if
        the incident was not declared.
        """
        with self.database.writing() as connection:
            return self._append(connection, incident, who, at, data, once)

    def _append(
        self, connection: "Connection", incident: str, who: str, at: datetime, data: Data, once: str | None
    ) -> Event | None:
        from sqlalchemy.exc import IntegrityError

        from remediate.journal.schema import incident_events

        is_first = isinstance(data, Declared)
        # People may type secrets, and events are never deleted, so the text is masked first.
        masked = self._masker.masked(data)
        event = Event(id=new_run_id(), incident=incident, at=at, who=who, data=masked)
        row = {
            "id": event.id,
            "incident": incident,
            "at": event.at,
            "who": event.who,
            "kind": event.kind,
            "data": event.data.model_dump_json(),
            "once": "declared" if is_first else once,
            "project": self.project or "" if is_first else None,
        }
        if not is_first and incident not in declared_ids(connection):
            raise JournalError(f"incident {incident} has not been declared: nothing was recorded")
        try:
            with connection.begin_nested():
                connection.execute(incident_events.insert().values(**row))
        except IntegrityError:
            return None
        return event

    def declare(self, who: str, at: datetime, declared: Declared, *, runs: Iterable[str] = ()) -> Incident:
        """Write a new incident, and attach the given runs that belong to no other.

        Either everything is written or nothing. Raises AlreadyDeclared if another incident has meanwhile begun with the
        same triage: two people saw the same fault.
        """
        incident = new_run_id()
        with self.database.writing() as connection:
            _wait_for_declarers(connection)
            begun, taken = _begun(connection), _attached(connection)
            if declared.triaged_at is not None and declared.triaged_at in begun:
                raise AlreadyDeclared(short(begun[declared.triaged_at], declared_ids(connection)))
            self._append(connection, incident, who, at, declared, None)
            for run in runs:
                if run not in taken:
                    self._append(connection, incident, who, at, Attached(run=run), f"attached:{run}")
        return self.load(incident)

    def alerted(self, who: str, at: datetime, declared: Declared, alert: Alerted, since: datetime) -> tuple[str, bool]:
        """Let an alert join an open incident, or declare one. Returns its id, and whether this decision was new.

        It joins one about its host, and one that the same rule declared `since` then: a storm. The decision's run is
        attached. Either everything is written or nothing; a decision that was taken before changes nothing.
        """
        with self.database.writing() as connection:
            _wait_for_declarers(connection)
            if (known := _alerted(connection).get(alert.decision)) is not None:
                return known, False
            found = (each for each in self._unresolved(connection) if _joins(each, alert, since))
            joined = next(found, None)
            incident = new_run_id() if joined is None else joined.id
            events: list[tuple[Data, str | None]] = [
                (alert.model_copy(update={"state": "declares" if joined is None else "joins"}), None),
                (Attached(run=alert.decision), f"attached:{alert.decision}"),
            ]
            if joined is None:
                events.insert(0, (declared, None))
            elif _is_worse(joined, alert, declared):
                why = f"the alert that joined it: {declared.severity_reason}"
                events.append((SeverityChanged(severity=declared.severity, reason=why), None))
            for data, once in events:
                self._append(connection, incident, who, at, data, once)
            return incident, True

    def current(self, prefix: str | None, *, or_newest: bool = False) -> Incident:
        """Return the named incident, or else the only open one.

        With `or_newest`, it is the newest one if none is open. Raises ConfigurationError if none or several remain.
        """
        if prefix is not None:
            return self.load(self.find(prefix))
        meant = [incident for incident in self.open_incidents() if incident.open]
        if not meant and or_newest:
            meant = list(self.incidents(limit=1))
        if len(meant) == 1:
            return meant[0]
        if not meant:
            there = "there are no incidents yet" if or_newest else "no incident is open"
            raise ConfigurationError(f"{there}: incident.declare opens one")
        named = ", ".join(short(incident.id, self.ids()) for incident in meant[:NAMED])
        raise ConfigurationError(f"{len(meant)} incidents are open ({named}): say which with --incident ID")

    def load(self, incident: str) -> Incident:
        """Return one incident by its full id; its runs are among its events."""
        with self.database.reading() as connection:
            return fold(_events(connection, incident))

    def incidents(self, *, limit: int | None = None) -> tuple[Incident, ...]:
        """Return the newest incidents, newest first; all of them without a limit."""
        with self.database.reading() as connection:
            return tuple(
                fold(_events(connection, incident)) for incident in declared_ids(connection, self.project)[:limit]
            )

    def open_incidents(self, *, and_newest: int = 0) -> tuple[Incident, ...]:
        """Return the unresolved incidents, newest first, and the `and_newest` newest ones in any state."""
        with self.database.reading() as connection:
            return self._unresolved(connection, and_newest)

    def _unresolved(self, connection: "Connection", and_newest: int = 0) -> tuple[Incident, ...]:
        from remediate.journal.schema import incident_events as events

        query = events.select().with_only_columns(events.c.incident).where(events.c.once == RESOLVED)
        over = set(connection.execute(query).scalars())
        ids = declared_ids(connection, self.project)
        wanted = [one for place, one in enumerate(ids) if one not in over or place < and_newest]
        return tuple(fold(_events(connection, incident)) for incident in wanted)

    def keep_triage(self, who: str, at: datetime, report: str) -> None:
        """Store a triage's report (masked JSON), so that a declaration can start from it."""
        from remediate.journal.schema import triages

        with self.database.writing() as connection:
            kept = triages.insert().values(
                id=new_run_id(), started=at, operator=who, report=report, project=self.project or ""
            )
            connection.execute(kept)

    def triages_since(self, moment: datetime) -> tuple[str, ...]:
        """Return the reports of triages since then, as JSON, newest first."""
        from remediate.journal.schema import triages

        query = triages.select().where(triages.c.started >= moment).order_by(triages.c.started.desc())
        if self.project is not None:
            query = query.where(triages.c.project == self.project)
        with self.database.reading() as connection:
            return tuple(row.report for row in connection.execute(query))

    def triages_used(self) -> frozenset[datetime]:
        """Return the times of the triages that incidents began with. A triage is evidence of one incident only."""
        with self.database.reading() as connection:
            return frozenset(_begun(connection))

    def attached(self) -> dict[str, str]:
        """Return the incident of each run that a declaration attached."""
        with self.database.reading() as connection:
            return _attached(connection)


def _wait_for_declarers(connection: "Connection") -> None:
    from sqlalchemy import func, select

    if connection.dialect.name == "postgresql":  # on SQLite writers wait for each other anyway
        connection.execute(select(func.pg_advisory_xact_lock(_DECLARING)))


def _joins(incident: Incident, alert: Alerted, since: datetime) -> bool:
    storm = incident.declared_at >= since and any(each.rule == alert.rule for each in incident.alerts)
    return storm or alert.host in incident.hosts


def _is_worse(incident: Incident, alert: Alerted, declared: Declared) -> bool:
    """Return whether an alert raises the severity. What a person set stays."""
    known = any(each.rule == alert.rule for each in incident.alerts)
    changed = any(isinstance(event.data, SeverityChanged) for event in incident.timeline)
    return incident.followed and not known and not changed and declared.severity.value < incident.severity.value


def _alerted(connection: "Connection") -> dict[str, str]:
    found = _of_kind(connection, "alert")
    return {data.decision: of for of, data in found if isinstance(data, Alerted)}


def _begun(connection: "Connection") -> dict[datetime, str]:
    """Return the incident that began with each triage, by the triage's time."""
    found = _of_kind(connection, "declared")
    return {data.triaged_at: of for of, data in found if isinstance(data, Declared) and data.triaged_at}


def _attached(connection: "Connection") -> dict[str, str]:
    return {data.run: of for of, data in _of_kind(connection, "attached") if isinstance(data, Attached)}


def _of_kind(connection: "Connection", kind: str) -> list[tuple[str, Data]]:
    from remediate.journal.schema import incident_events as events

    rows = connection.execute(events.select().where(events.c.kind == kind)).all()
    return [(row.incident, _DATA.validate_json(row.data)) for row in rows]


def _events(connection: "Connection", incident: str) -> list[Event]:
    from remediate.journal.schema import incident_events, runs, steps

    rows = connection.execute(incident_events.select().where(incident_events.c.incident == incident)).all()
    events = [*(_event(row) for row in rows), *plan_events(connection, incident)]
    attached = [event.data.run for event in events if isinstance(event.data, Attached)]
    belongs = (runs.c.incident == incident) | runs.c.id.in_(attached)
    found = connection.execute(runs.select().where(belongs)).all()
    if not found:
        return events
    ids = connection.execute(runs.select().with_only_columns(runs.c.id)).scalars().all()
    wanted = steps.select().where(steps.c.run.in_([run.id for run in found])).order_by(steps.c.id)
    attempts: dict[str, list[RunStep]] = {}
    for step in connection.execute(wanted):
        attempts.setdefault(step.run, []).append(_attempt(step))
    return events + [landed(run, short(run.id, ids), attempts.get(run.id, ()), incident) for run in found]


def _event(row: "Row[tuple[object, ...]]") -> Event:
    return Event(id=row.id, incident=row.incident, at=row.at, who=row.who, data=_DATA.validate_json(row.data))


def _attempt(row: "Row[tuple[object, ...]]") -> RunStep:
    """Return a step that a run meant to take. Nothing more is known of a run that never ended."""
    return RunStep(
        host=row.host,
        remedy=row.remedy,
        title=row.remedy,
        decision="proceed",
        why="intended" if row.outcome is None else "",
        changed=row.outcome in {"proven", "failed"},
        verified=row.outcome,
        evidence=row.evidence or "",
    )
