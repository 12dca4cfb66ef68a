"""The file of a post-mortem: written atomically, and never over concurrent edits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from remediate.core.files import replace_file
from remediate.errors import ConfigurationError
from remediate.incident.section_merge import DocumentSection, Kept, written

_TRIES: Final = 3
_LIMIT: Final = 4 * 1024 * 1024


def save(path: Path, sections: Sequence[DocumentSection]) -> Kept:
    """Write the document to this file, or update it.

    Raises ConfigurationError, and leaves the file as it was, if it cannot be read or written or keeps changing
    meanwhile.
    """
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            before = _read(path)
            kept = written(sections, before)
            if kept.text == before or _replace(path, before, kept.text):
                return kept
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    raise ConfigurationError(f"{path} keeps being changed by somebody else: nothing was written, try again")


def _read(path: Path) -> str | None:
    """Return the file's text with its line endings; None if there is no file."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except FileNotFoundError:
        return None
    if len(data) > _LIMIT:
        raise ConfigurationError(f"{path} is no post-mortem: it has more than {_LIMIT // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8")
    except ValueError:
        raise ConfigurationError(f"{path} is not UTF-8: nothing was written, so that nothing of it is lost") from None


def _replace(path: Path, before: str | None, text: str) -> bool:
    """Replace the file atomically, unless it has changed since it was read."""
    mode = path.stat().st_mode & 0o777 if before is not None else 0o644
    return replace_file(path, text.encode("utf-8"), mode, still=lambda: _read(path) == before)
