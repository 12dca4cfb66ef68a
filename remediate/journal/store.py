"""Stores in the journal's database.

Importing this module is cheap, because SQLAlchemy is imported when a database is opened.
"""

from typing import TYPE_CHECKING, Self

from remediate.journal.place import FILE_NAME, shared_url, state_directory
from remediate.journal.spool import Spool

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase


class JournalStore:
    """Something that is kept in the journal's database. Use it as a context manager, or close it.

    Every method raises JournalError if the database fails, and returns only when its writes are durable.
    """

    def __init__(self, database: "JournalDatabase") -> None:
        self.database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it. Call it once, after the last use."""
        self.database.close()


def journal_database(url: str | None, *, looks: bool = True) -> "JournalDatabase":
    """Open the journal's database, with all `looks` unless nobody reads them. Raises the errors of `Journal.open`."""
    from remediate.journal.database import open_database

    database = open_database(shared_url(url), state_directory() / FILE_NAME)
    spool = Spool.of(url) if looks else None
    if spool is not None:
        spool.take_in(database)
    return database
