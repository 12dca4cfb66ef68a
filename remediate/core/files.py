"""Atomic replacement of files."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int, *, still: Callable[[], bool] = lambda: True) -> bool:
    """Replace a file atomically, once the new one is completely on the disk.

    Readers see the old file or the new one. `still` is called last; if it returns False, nothing is replaced. Returns
    whether the file was replaced. Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if not still():
            return False
        Path(name).replace(path)
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
    return True
