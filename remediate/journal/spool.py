"""Runs that only look, recorded as files until the journal's database is opened next.

Importing SQLAlchemy takes a third of a second, and a look needs nothing from the database. So its record is a file
beside it: one when it begins, another when it ends. A reader of the journal takes the files in first, so it sees these
runs. A run that may act is never recorded here, and does not wait for what is.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pydantic import TypeAdapter
from pydantic_core import to_json

from remediate.core.files import replace_file
from remediate.errors import JournalError
from remediate.journal.models import RunEnd, RunRecord
from remediate.journal.place import FILE_NAME, shared_url, state_directory

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase

FOLDER: Final = "looks"
_BEGUN: Final = ".begun"
_ENDED: Final = ".ended"
_MANY: Final = 200
_LARGE: Final = 8 * 1024**2
"""The files, and their bytes, after which a look opens the database itself: they must not fill a disk."""
_SQLITE: Final = b"SQLite format 3\0"
"""The beginning of a database, of which a new one may be empty (https://www.sqlite.org/fileformat.html)."""


@dataclass(frozen=True, slots=True)
class _Look:
    """The record of a run. Without an end it is still going on, or its process died."""

    record: RunRecord
    end: RunEnd | None


class Spool:
    """The files of the looks that no database has taken in yet. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, url: str | None) -> Self | None:
        """Return the spool of the user's own journal. None for a shared journal, where others look for a run."""
        return cls(state_directory() / FOLDER) if shared_url(url) is None else None

    @property
    def takes_more(self) -> bool:
        """Return whether a further look may be recorded here. If not, its opening of the database tells why."""
        sizes = [_size(file) for file in self._files()]
        return len(sizes) < _MANY and sum(sizes) < _LARGE and _may_be_database(self._folder.parent / FILE_NAME)

    def begin(self, record: RunRecord) -> None:
        """Record the start of a run. Raises JournalError."""
        self._write(record, None)

    def finish(self, record: RunRecord, end: RunEnd) -> None:
        """Record the end of a run. Raises JournalError."""
        self._write(record, end)
        # Only now: a reader between the two sees both, and the end counts.
        with suppress(OSError):
            (self._folder / f"{record.id}{_BEGUN}").unlink(missing_ok=True)

    def take_in(self, database: "JournalDatabase") -> None:
        """Move what is here into the tables. What cannot be read or stored now stays here."""
        files = self._files()
        if not files:
            return
        reader = TypeAdapter(_Look)
        for file in files:
            try:
                _store(reader.validate_json(file.read_bytes()), database)
                file.unlink(missing_ok=True)
            except (OSError, ValueError, OverflowError):
                continue  # Damaged, or of another version: it holds up no other.
            except JournalError:
                return

    def _files(self) -> list[Path]:
        try:
            return sorted(file for file in self._folder.iterdir() if file.suffix in {_BEGUN, _ENDED})
        except OSError:
            return []

    def _write(self, record: RunRecord, end: RunEnd | None) -> None:
        file = self._folder / f"{record.id}{_BEGUN if end is None else _ENDED}"
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            replace_file(file, to_json(_Look(record, end)), 0o600)
        except OSError as error:
            raise JournalError(
                f"the journal's {self._folder} cannot be written ({error.strerror}): "
                "look at its owner and mode and the space there, or set REMEDIATE_STATE_DIR"
            ) from None


def _store(look: _Look, database: "JournalDatabase") -> None:
    """Each in a transaction of its own, so that a run that is about to act never waits for many."""
    from sqlalchemy import select

    from remediate.journal.rows import row_of
    from remediate.journal.schema import runs

    this = runs.c.id == look.record.id
    with database.writing() as connection:
        if connection.execute(select(runs.c.id).where(this)).first() is None:
            connection.execute(runs.insert().values(row_of(look.record)))
        if look.end is not None:
            connection.execute(runs.update().where(this & runs.c.finished.is_(None)).values(asdict(look.end)))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # It was taken in just now.
        return 0


def _may_be_database(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_SQLITE)) in {_SQLITE, b""}
    except FileNotFoundError:
        return True
    except OSError:
        return False
