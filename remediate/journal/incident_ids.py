"""Ids of the incidents in a journal's database: for whoever needs to know no more than which there are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from remediate.errors import ConfigurationError
from remediate.journal.journal import journal_database
from remediate.journal.run_id import matching, short

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from remediate.journal.database import JournalDatabase

NAMED: Final = 5
"""How many candidates a message names."""


class IncidentIds:
    """The incidents of a project, by their ids; use it as a context manager, or close it.

    Every method raises JournalError when the database fails it.
    """

    def __init__(self, database: "JournalDatabase", project: str | None = None) -> None:
        self.database = database
        self.project = project
        """Whose incidents there are, as `Project.identity` says it; None for everybody's."""

    @classmethod
    def open(cls, url: str | None = None, *, project: str | None = None) -> Self:
        """Open it where the journal is; raises as `Journal.open` does."""
        return cls(journal_database(url), project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; call once, when nothing uses it any more."""
        self.database.close()

    def ids(self) -> tuple[str, ...]:
        """Every incident's id, newest first."""
        with self.database.reading() as connection:
            return tuple(declared_ids(connection, self.project))

    def shown(self, incident: str) -> str:
        """The short id of an incident, as `find` accepts it, whoever's store it is asked of."""
        with self.database.reading() as connection:
            return short(incident, declared_ids(connection))

    def find(self, prefix: str) -> str:
        """The whole id of the one incident that `prefix` names.

        Raises ConfigurationError, naming the candidates, when there is none or more than one.
        """
        ids = self.ids()
        found = matching(prefix, ids)
        if len(found) == 1:
            return found[0]
        named = ", ".join(short(one, ids) for one in (found or ids)[:NAMED])
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            raise ConfigurationError(f"{len(found)} incidents begin like that: {named}{more}; give more digits")
        there = f"the newest are {named}" if ids else "there are none yet"
        if others := self._elsewhere(prefix):
            there = f"{others}: say it there, or give both the same `project` in [tool.remediate]; here {there}"
        raise ConfigurationError(f"no incident begins like that; {there}")

    def _elsewhere(self, prefix: str) -> str:
        """Say whose incident begins like that, when it is another project's."""
        from remediate.journal.schema import incident_events as events

        query = (
            events.select().with_only_columns(events.c.incident, events.c.project).where(events.c.once == "declared")
        )
        with self.database.reading() as connection:
            projects = {row.incident: row.project for row in connection.execute(query)}
        found = matching(prefix, tuple(projects))
        return f"{found[0]} belongs to {projects[found[0]] or 'no project'}" if len(found) == 1 else ""


def declared_ids(connection: "Connection", project: str | None = None) -> Sequence[str]:
    """Read the ids of all incidents, or of one project's, newest first."""
    from remediate.journal.schema import incident_events as events

    query = events.select().with_only_columns(events.c.incident).where(events.c.once == "declared")
    if project is not None:
        query = query.where(events.c.project == project)
    return connection.execute(query.order_by(events.c.incident.desc())).scalars().all()
