"""Files that are put in the place of others in one step."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int, *, still: Callable[[], bool] = lambda: True) -> bool:
    """Put a whole file in place once it is on the disk; readers see the old or the new one.

    `still` is asked last: when it says no, nothing is replaced. Returns whether it was. Raises OSError.
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
