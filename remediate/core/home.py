"""Paths below home directories."""

from pathlib import Path


def at_home(path: Path) -> Path:
    """Return a path that a person wrote, with `~` and `~name` as home directories.

    It need not exist; its reader checks that. Raises ValueError if there is no such home, and for a NUL character.
    """
    if "\0" in str(path):
        raise ValueError("holds a NUL character, which no file's name can hold")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("begins with a user who has no home directory here") from None
