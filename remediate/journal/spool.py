"""Runs that only look, recorded as files until the journal's database is opened next.

Importing SQLAlchemy takes a third of a second, and a look needs nothing from the database. So its record is a file
beside it: one when it begins, another when it ends. Whoever opens the database takes the files in first, so every
reader of the journal sees these runs. A run that may act is never recorded here.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from remediate.core.files import replace_file
from remediate.errors import JournalError
from remediate.journal.models import RunEnd, RunRecord
from remediate.journal.place import shared_url, state_directory
from remediate.journal.process import RunProcess

if TYPE_CHECKING:
    from remediate.journal.database import JournalDatabase

FOLDER: Final = "looks"
_BEGUN: Final = ".begun"
_ENDED: Final = ".ended"
_MANY: Final = 200
"""The files after which a look opens the database itself, so that they cannot fill a disk."""


class _Look(NamedTuple):
    """A run, and the file that holds it. Without an end it is still going on, or its process died."""

    file: Path
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
    def is_full(self) -> bool:
        """Whether a further run should go to the database, and take these files along."""
        return len(self._files()) >= _MANY

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
        from sqlalchemy import select

        from remediate.journal.rows import row_of
        from remediate.journal.schema import runs

        waiting = tuple(self._waiting())
        if not waiting:
            return
        with suppress(JournalError, OSError):
            with database.writing() as connection:
                for _, record, end in waiting:
                    this = runs.c.id == record.id
                    if connection.execute(select(runs.c.id).where(this)).first() is None:
                        connection.execute(runs.insert().values(row_of(record)))
                    if end is not None:
                        connection.execute(runs.update().where(this & runs.c.finished.is_(None)).values(asdict(end)))
            for file, _, _ in waiting:
                file.unlink(missing_ok=True)

    def _waiting(self) -> Iterator[_Look]:
        for file in self._files():
            with suppress(OSError, ValueError, TypeError, KeyError):
                yield _read(file)

    def _files(self) -> list[Path]:
        try:
            return sorted(file for file in self._folder.iterdir() if file.suffix in {_BEGUN, _ENDED})
        except OSError:
            return []

    def _write(self, record: RunRecord, end: RunEnd | None) -> None:
        given = {**asdict(record), "started": record.started.isoformat()}
        ended = None if end is None else {**asdict(end), "finished": end.finished.isoformat()}
        file = self._folder / f"{record.id}{_BEGUN if end is None else _ENDED}"
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            replace_file(file, json.dumps({"run": given, "end": ended}).encode(), 0o600)
        except OSError as error:
            raise JournalError(
                f"the journal's {self._folder} cannot be written ({error.strerror}): "
                "look at its owner and mode and the space there, or set REMEDIATE_STATE_DIR"
            ) from None


def _read(file: Path) -> _Look:
    """Raise OSError, ValueError, TypeError or KeyError if it holds no run."""
    stored = json.loads(file.read_bytes())
    run, end = stored["run"], stored["end"]
    run["started"], run["hosts"] = datetime.fromisoformat(run["started"]), tuple(run["hosts"])
    run["process"] = None if run["process"] is None else RunProcess(**run["process"])
    if end is not None:
        end = RunEnd(**{**end, "finished": datetime.fromisoformat(end["finished"])})
    return _Look(file, RunRecord(**run), end)
