"""Opens the journal's database: a private file, durable commits, one-line errors.

SQLite is configured so that an intent is safe: WAL, `synchronous=FULL` (a commit returns after fsync), and foreign
keys. Every write begins with BEGIN IMMEDIATE. So a writer waits at the start, and never fails half-way because another
one was faster.
"""

import errno
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    QueuePool,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from remediate.core.database_url import shown_url
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.schema import create_missing, metadata, version
from remediate.journal.versions import EARLIER, HEAD, UPGRADED

BUSY_SECONDS = 10
"""The seconds that a transaction waits for other processes. Each of their transactions takes milliseconds."""

_WRITABLE = "look at the owner and mode of it and of its directory, or set REMEDIATE_STATE_DIR"
_SPACE = "free some space, or set REMEDIATE_STATE_DIR to a directory on another disk"
_ASIDE = "nothing was overwritten; move it aside, with its -wal and -shm, to start a new one"
_FAULTS = {
    sqlite3.SQLITE_FULL: ("cannot grow, the disk or a quota is full", _SPACE),
    sqlite3.SQLITE_IOERR: ("cannot be read or written, the disk is full or failing", _SPACE),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _ASIDE),
    sqlite3.SQLITE_NOTADB: ("is not a journal, or damaged", _ASIDE),
    sqlite3.SQLITE_ERROR: ("lacks what a journal has", _ASIDE),
    sqlite3.SQLITE_READONLY: ("is read-only", _WRITABLE),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _WRITABLE),
    sqlite3.SQLITE_PERM: ("cannot be opened", _WRITABLE),
    sqlite3.SQLITE_BUSY: (f"is in use by others for over {BUSY_SECONDS} s", "look which process holds it, try again"),
}
"""The fault and the advice by SQLite's primary result code."""

_PATIENCE = {"postgresql+psycopg": {"connect_timeout": BUSY_SECONDS}}
"""The time limit for a server that does not answer, by driver."""

_ACCEPTED = "sqlite:////absolute/path or postgresql://… is accepted"
_CREATE_LOCK = 0x72656D65
"""The number of PostgreSQL's advisory lock for creating the tables. No other program may use it in that database."""


class JournalDatabase:
    """An open database with the current tables. It belongs to the process that opened it."""

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine = engine
        self.place = place
        self._pid = os.getpid()
        # Threads of one process queue here in order. SQLite's own waiting between processes is a sleep without order.
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one snapshot for queries. Raises JournalError."""
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one short transaction, which is durable after the block.

        Raises JournalError; then nothing was stored.
        """
        with self._told(), self._turn, self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        if os.getpid() != self._pid:
            # SQLite's locks and memory map do not survive a fork, and the damage would be silent.
            raise JournalError(f"the journal {self.place} was opened before a fork: open it again in this process")
        try:
            yield
        except SQLAlchemyError as error:
            # The cause is dropped, because the database's message may quote values.
            raise JournalError(_fault(self.place, error)) from None


def open_database(url: str | None, default: Path) -> JournalDatabase:
    """Open the database at `url`, without one the SQLite file `default`.

    It is created if needed. Raises JournalError if it cannot be used, is older than the first release or belongs to
    another program. Raises ConfigurationError for a bad URL, and for a database of a newer version of this package.
    """
    target = None if url is None else _url(url)
    if target is None or target.get_backend_name() == "sqlite":
        path = default if target is None else _sqlite_path(target)
        _create_private(path)
        database = JournalDatabase(_sqlite(path), str(path))
    else:
        database = JournalDatabase(_server(target), shown_url(target))
    try:
        _demand_tables(database)
    except BaseException:
        database.close()
        raise
    return database


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        # The URL is not quoted, because it may hold a password.
        raise ConfigurationError(f"the journal's URL cannot be read: {_ACCEPTED}") from None


def _sqlite_path(url: URL) -> Path:
    if not url.database or url.database.startswith((":", "file:")) or url.query:
        raise ConfigurationError("a SQLite journal is a file on disk, sqlite:////absolute/path without options")
    return Path(url.database).absolute()


def _create_private(path: Path) -> None:
    """Create the directory (0700) and an empty WAL database (0600), but never change existing ones.

    The file is built under another name and linked into place. So it never has another mode, is never incomplete, and
    two processes cannot both create it. SQLite gives -wal and -shm the mode of the database. The database itself is not
    opened with O_CREAT: closing our descriptor would drop the locks of another thread's SQLite on the same file.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
            new = Path(scratch, path.name)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with closing(_connect(new)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            # If another process was first, its file is used.
            with suppress(FileExistsError):
                path.hardlink_to(new)
    except OSError as error:
        advice = _SPACE if error.errno in {errno.ENOSPC, errno.EDQUOT} else _WRITABLE
        raise JournalError(f"the journal {path} cannot be created ({error.strerror}): {advice}") from None
    except sqlite3.Error as error:
        raise JournalError(_sqlite_fault(str(path), error)) from None


def _connect(path: Path) -> sqlite3.Connection:
    # With mode=rw SQLite never creates the file, which would get another mode.
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # We issue BEGIN and COMMIT ourselves.
        check_same_thread=False,  # The pool lends a connection to one thread at a time.
    )


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        "sqlite+pysqlite://", creator=lambda: _connect(path), poolclass=QueuePool, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _server(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        # A process that watches an incident keeps its connection for hours, and it may have died since its last use.
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, connect_args=_PATIENCE.get(url.drivername, {})
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        extra = ": pip install 'remediate[postgresql]'" if url.drivername == "postgresql+psycopg" else ""
        raise ConfigurationError(
            f"no database driver is installed for a journal at {url.drivername}://{extra}; {_ACCEPTED}"
        ) from None


def _version(connection: Connection) -> str | None:
    """Return the version of the existing tables, None if there are none."""
    if not inspect(connection).has_table(version.name):
        return None
    found = connection.execute(select(version.c.version_num)).scalar()
    return None if found is None else str(found)


def _demand_tables(database: JournalDatabase) -> None:
    """Create missing tables, and reject those of an unknown version."""
    with database.reading() as connection:
        if _version(connection) == HEAD:
            return
    # The write transaction is the lock (on PostgreSQL its first statement): a second process waits, then finds the
    # tables.
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_CREATE_LOCK)))
        match _version(connection):
            case found if found == HEAD:
                return
            case str() as found if found in UPGRADED:
                _upgrade(connection, found)
                return
            case found if found in EARLIER:
                raise JournalError(f"the journal {database.place} is older than the first release: {_ASIDE}")
            case str():
                raise ConfigurationError(
                    f"the journal {database.place} was written by a newer version of remediate: upgrade this one"
                )
        if inspect(connection).get_table_names():
            raise JournalError(f"the journal {database.place} is the database of another program: {_ASIDE}")
        create_missing(connection)
        connection.execute(version.insert().values(version_num=HEAD))


def _upgrade(connection: Connection, found: str) -> None:
    """Add the columns and tables that an earlier version lacks. Its rows have no value there."""
    for table, name in UPGRADED[found]:
        column = metadata.tables[table].c[name]
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    create_missing(connection)
    connection.execute(version.update().values(version_num=HEAD))


def _fault(place: str, error: SQLAlchemyError) -> str:
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        return _sqlite_fault(place, error.orig)
    return f"the journal {place} cannot be used ({type(error).__name__}): look whether its database answers"


def _sqlite_fault(place: str, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    what, advice = _FAULTS.get(code, (f"cannot be used ({type(error).__name__})", _WRITABLE))
    return f"the journal {place} {what}: {advice}"
