"""Files shared by several processes: locked for writing, and synced to disk."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE: Final = 5.0
"""Seconds to wait for another writer, which normally holds the lock for milliseconds."""
_PAUSE: Final = 0.02


@contextmanager
def locked(path: Path, flags: int, mode: int = 0o600) -> Iterator[int]:
    """Open a file or directory under an exclusive lock, and yield its descriptor.

    Raises OSError, also if another process still holds the lock after `PATIENCE` seconds.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)  # closing releases the lock, and so does the death of the process


def _lock(descriptor: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise OSError(errno.EWOULDBLOCK, "another process is writing it") from None
            time.sleep(_PAUSE)
        else:
            return


def sync_directory(path: Path) -> None:
    """Sync a directory to disk. New names in it are then as durable as the files."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
