"""A digest of what a project decides about a run: its settings, playbooks and inventories."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from remediate import __version__
from remediate.errors import ConfigurationError
from remediate.project.project import settings_table

_DIRECTORIES: Final = ("playbooks", "inventories")
_IGNORED: Final = frozenset({".pyc", ".pyo", ".swp"})


def project_digest(root: Path | None) -> str:
    """Return the digest of the project in this directory, and of this version of remediate.

    Without a project it is that of the version alone. Raises ConfigurationError for a file that cannot be read.
    """
    total = hashlib.sha256(f"remediate {__version__}\n".encode())
    if root is None:
        return total.hexdigest()
    total.update(json.dumps(settings_table(root), sort_keys=True, default=str).encode())
    for path in _files(root):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
        name = str(path.relative_to(root)).encode(errors="surrogateescape")
        total.update(b"\n%s %d\n" % (name, len(content)) + content)
    return total.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in _DIRECTORIES:
        found = (path for path in (root / name).rglob("*") if path.suffix not in _IGNORED and path.is_file())
        yield from sorted(found)
