"""The ids of the incidents in a journal's database, without their contents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from remediate.errors import ConfigurationError
from remediate.journal.run_id import matching, short, similar
from remediate.journal.store import JournalStore, journal_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from remediate.journal.database import JournalDatabase

NAMED: Final = 5
"""The most candidates that a message names."""
RESOLVED: Final = "resolved"
"""Key of the resolution event, of which an incident has at most one."""


class IncidentIds(JournalStore):
    """The ids of a project's incidents."""

    def __init__(self, database: "JournalDatabase", project: str | None = None) -> None:
        super().__init__(database)
        self.project = project
        """The project of the incidents (`Project.identity`), None for all projects."""

    @classmethod
    def open(cls, url: str | None = None, *, project: str | None = None) -> Self:
        """Open the journal's database. Raises the errors of `Journal.open`."""
        return cls(journal_database(url), project)

    def ids(self) -> tuple[str, ...]:
        """Return the id of every incident, newest first."""
        with self.database.reading() as connection:
            return tuple(declared_ids(connection, self.project))

    def shown(self, incident: str) -> str:
        """Return the short id of an incident for `find`. It is unique among all projects' incidents."""
        with self.database.reading() as connection:
            return short(incident, declared_ids(connection))

    def find(self, prefix: str) -> str:
        """Return the full id of the one incident that `prefix` names.

        Raises ConfigurationError with the candidates if there is none or more than one.
        """
        ids = self.ids()
        found = matching(prefix, ids)
        if len(found) == 1:
            return found[0]
        named = ", ".join(short(one, ids) for one in (found or ids)[:NAMED])
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            raise ConfigurationError(f"{len(found)} incidents begin like that: {named}{more}; give more digits")
        there = f"{similar(prefix, ids)}the newest are {named}" if ids else "there are none yet"
        if others := self._elsewhere(prefix):
            there = f"{others}: say it there, or give both the same `project` in [tool.remediate]; here {there}"
        raise ConfigurationError(f"no incident begins like that; {there}")

    def is_resolved(self, incident: str) -> bool:
        """Return whether an incident, given by its full id, was resolved."""
        from remediate.journal.schema import incident_events as events

        query = events.select().with_only_columns(events.c.id)
        with self.database.reading() as connection:
            found = connection.execute(query.where(events.c.incident == incident, events.c.once == RESOLVED))
            return found.first() is not None

    def _elsewhere(self, prefix: str) -> str:
        """Return the other project whose incident has this prefix, as a message. Empty if there is none."""
        from remediate.journal.schema import incident_events as events

        query = (
            events.select().with_only_columns(events.c.incident, events.c.project).where(events.c.once == "declared")
        )
        with self.database.reading() as connection:
            projects = {row.incident: row.project for row in connection.execute(query)}
        found = matching(prefix, tuple(projects))
        return f"{found[0]} belongs to {projects[found[0]] or 'no project'}" if len(found) == 1 else ""


def declared_ids(connection: "Connection", project: str | None = None) -> Sequence[str]:
    """Return the ids of all incidents, or of one project's, newest first."""
    from remediate.journal.schema import incident_events as events

    query = events.select().with_only_columns(events.c.incident).where(events.c.once == "declared")
    if project is not None:
        query = query.where(events.c.project == project)
    return connection.execute(query.order_by(events.c.incident.desc())).scalars().all()
