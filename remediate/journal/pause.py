"""The kill switch: one file, and while it exists no run changes a host.

Its absence is the only proof that nothing is paused. A file that cannot be read, or is only half written, pauses too.
"""

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from remediate.core.files import replace_file
from remediate.errors import JournalError
from remediate.journal.place import state_directory

FILE_NAME: Final = "paused.json"
_LIMIT: Final = 16 * 1024


class Pause(NamedTuple):
    """A pause: by whom, since when, why. Only `why` is known of a file that cannot be read."""

    why: str
    who: str = ""
    since: datetime | None = None

    def __str__(self) -> str:
        by = f" by {self.who}" if self.who else ""
        since = f" since {self.since:%Y-%m-%d %H:%M:%SZ}" if self.since else ""
        return f"everything is paused{by}{since}: {self.why}"


class KillSwitch:
    """The file of the kill switch. Without a path it is in the user's state directory."""

    def __init__(self, path: Path | None = None) -> None:
        self._given = path is not None
        self.path = path or state_directory() / FILE_NAME

    def read(self) -> Pause | None:
        """Return the pause, None if there certainly is none."""
        try:
            return self._pause(self._text())
        except (FileNotFoundError, NotADirectoryError):
            # The link of a shared file, or its whole directory, may be what is missing.
            if self._given and not self.path.parent.is_dir():
                return Pause(f"{self.path.parent} does not exist, so whether it holds a pause cannot be known")
            return Pause(f"{self.path} is a link to nothing") if self.path.is_symlink() else None
        except (OSError, ValueError, OverflowError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not what `pause` writes"
            return Pause(f"{self.path} cannot be read ({why}), which counts as a pause")

    def set(self, pause: Pause) -> bool:
        """Write the file, durably. Returns False if a readable pause is there already, which stays.

        Raises JournalError if it cannot be written.
        """
        there = self.read()
        if there is not None and there.since is not None:
            return False
        data = json.dumps({"who": pause.who, "since": f"{pause.since:%Y-%m-%dT%H:%M:%S%z}", "why": pause.why}) + "\n"
        try:
            if not self._given:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            written = self._create(data.encode()) if there is None else replace_file(self.path, data.encode(), 0o644)
            self._sync()
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written ({error.strerror}): nothing is paused by it") from None
        return written

    def clear(self) -> None:
        """Remove the file, durably. Raises JournalError if it cannot be removed."""
        try:
            self.path.unlink()
            self._sync()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise JournalError(f"{self.path} cannot be removed ({error.strerror}): everything stays paused") from None

    def _text(self) -> str:
        # A pipe in place of the file must not make a run wait.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("not a file")
            return file.read(_LIMIT).decode()

    def _pause(self, text: str) -> Pause:
        match json.loads(text):
            case {"who": str(who), "since": str(since), "why": str(why)}:
                moment = datetime.fromisoformat(since)
                if moment.tzinfo is None:
                    raise ValueError("a moment without a zone")
                return Pause(" ".join(why.split()), " ".join(who.split()), moment.astimezone(UTC))
            case _:
                raise ValueError("not a pause")

    def _create(self, data: bytes) -> bool:
        """Create the file, complete from its first moment. Returns False if another process was faster."""
        with TemporaryDirectory(prefix=f".{self.path.name}-", dir=self.path.parent) as scratch:
            new = Path(scratch, self.path.name)
            replace_file(new, data, 0o644)
            try:
                self.path.hardlink_to(new)
            except FileExistsError:
                return False
            except OSError:
                # Shares of other systems have no hard links. There the last of several at once wins: all pause.
                return replace_file(self.path, data, 0o644)
        return True

    def _sync(self) -> None:
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
