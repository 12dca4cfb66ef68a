"""The engine's database: beside the journal, in the same server or in a file of its own."""

import hashlib
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from remediate.errors import ConfigurationError, JournalError
from remediate.journal.place import state_directory
from remediate.project.project import Project

_NAME: Final = "remediate_service"
_SERVER: Final = "postgresql"


class EngineDatabase(NamedTuple):
    """The place of the engine's runs. Each project has its own.

    Hosts of two projects may have the same name. A service must not run or withdraw what another project's policy
    decided.
    """

    url: str
    schema: str
    """The schema of its tables, on a server."""
    shared: bool
    """True for a server, which several processes and machines may use."""


def engine_database(project: Project) -> EngineDatabase:
    """Return the engine's database: the journal's server, else a private file in the state directory.

    Raises JournalError if the file cannot be made.
    """
    url = os.environ.get("REMEDIATE_JOURNAL") or project.journal()
    name = f"{_NAME}_{hashlib.sha256(project.identity().encode()).hexdigest()[:8]}"
    if url is not None and url.startswith((f"{_SERVER}:", f"{_SERVER}+")):
        return EngineDatabase(url.replace(f"{_SERVER}:", f"{_SERVER}+psycopg:", 1), name, shared=True)
    path = state_directory() / f"{name}.sqlite3"
    _create_private(path)
    return EngineDatabase(f"sqlite:///{path}", name, shared=False)


def demand_shared(database: EngineDatabase) -> None:
    """Raise ConfigurationError for a database that only one process may use."""
    if not database.shared:
        raise ConfigurationError("a worker needs the journal on PostgreSQL: set REMEDIATE_JOURNAL to its URL")


def _create_private(path: Path) -> None:
    """Create the directory (0700) and an empty database (0600) with a write-ahead log."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no database, or the disk is full"
        raise JournalError(f"{path} cannot be used ({why}): look at its owner and mode, and at the disk") from None
