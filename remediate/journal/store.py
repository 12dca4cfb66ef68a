"""Stores in the journal's database, and the place of that database.

Importing this module is cheap, because SQLAlchemy is imported when a database is opened.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase

FILE_NAME = "journal.sqlite3"


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


def journal_database(url: str | None) -> "JournalDatabase":
    """Open the journal's database. Raises the errors of `Journal.open`."""
    from remediate.journal.database import open_database

    return open_database(url or os.environ.get("REMEDIATE_JOURNAL") or None, state_directory() / FILE_NAME)


def state_directory() -> Path:
    """Return the directory of this user's records, which may not exist yet."""
    given = os.environ.get("REMEDIATE_STATE_DIR")
    if given:
        return Path(given).absolute()
    import platformdirs

    return platformdirs.user_state_path("remediate")
