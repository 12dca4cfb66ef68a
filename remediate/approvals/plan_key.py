"""The key of plan hashes: a private file that is made at its first use, or a reference."""

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from remediate.approvals.settings import TABLE
from remediate.core.files import replace_file
from remediate.errors import ConfigurationError
from remediate.journal.place import state_directory
from remediate.project.secret_refs import resolve

FILE_NAME: Final = "plan.key"
_SHORTEST: Final = 32
"""The least characters of a key."""


def plan_key(reference: str | None) -> bytes:
    """Return the key at this reference, or the user's own key if none is given.

    Raises ConfigurationError, and never quotes the key.
    """
    if reference is not None:
        key = resolve(reference, f"{TABLE}: key", sys.stdin).get_secret_value().encode(errors="surrogateescape")
        if len(key) < _SHORTEST:
            raise ConfigurationError(f"{TABLE}: key: a key has at least {_SHORTEST} characters")
        return key
    path = state_directory() / FILE_NAME
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    return plan_key(None)


def _read(path: Path) -> bytes:
    """Return the key in a file that only its owner can read. Raises OSError, and ConfigurationError for any other."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise ConfigurationError(f"{path} is not a file: move it away, and a new key is made")
        if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
            raise ConfigurationError(
                f"{path} is not private, so others may forge a plan's hash: remove it, and a new key is made"
            )
        key = file.read(4096).strip()
    if len(key) < _SHORTEST:
        raise ConfigurationError(f"{path} holds no key: remove it, and a new one is made")
    return key


def _create(path: Path) -> None:
    """Make the key. Of several processes at once, one makes it for all."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
            new = Path(scratch, path.name)
            replace_file(new, f"{secrets.token_hex(32)}\n".encode(), 0o600)
            with suppress(FileExistsError):
                path.hardlink_to(new)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be made ({error.strerror}): look at its directory, or set REMEDIATE_STATE_DIR"
        ) from None
