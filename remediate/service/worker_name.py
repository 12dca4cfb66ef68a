"""A worker's name, which no other living process has.

dbos resumes at its start what a process of the same name had begun. So a name is a file in the state directory, locked
for as long as its process lives: a process that gets a name knows that the one before is dead.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from remediate.errors import ConfigurationError, JournalError

_MOST: Final = 64


@contextmanager
def worker_name(directory: Path, *, alone: bool) -> Iterator[str]:
    """Hold a free name of this state directory. With `alone` there is only one.

    Raises ConfigurationError if it is taken, and JournalError if the directory cannot be used.
    """
    descriptor = _locked(directory, 1 if alone else _MOST)
    if descriptor is None:
        more = "; several processes need PostgreSQL (REMEDIATE_JOURNAL)" if alone else ""
        raise ConfigurationError(f"a service already runs with the state in {directory}{more}")
    try:
        with _told(directory):
            name = _name(descriptor)
        yield name
    finally:
        os.close(descriptor)  # Closing releases the lock, and so does the death of the process.


def _locked(directory: Path, most: int) -> int | None:
    """Return the descriptor of the first file that is free. None if there is none."""
    with _told(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(most):
            descriptor = os.open(directory / f"worker-{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return descriptor
    return None


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(f"{directory} cannot be used ({error.strerror}): look at its owner and mode") from None


def _name(descriptor: int) -> str:
    written = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
    try:
        return str(UUID(written))
    except ValueError:  # It is new, or its process died before it was complete.
        name = str(uuid4())
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{name}\n".encode(), 0)
        os.fsync(descriptor)
        return name
