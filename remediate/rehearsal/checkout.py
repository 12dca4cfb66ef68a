"""The owner of staging hosts and images, and their names."""

import fcntl
import hashlib
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

LABEL: Final = "io.remediate.staging"
CHECKOUT_LABEL: Final = "io.remediate.checkout"
DOMAIN: Final = "staging.example.com"
HOST_FLAGS: Final = (
    "--add-host", f"{DOMAIN}:127.0.0.1",
    "--tmpfs", "/var/log/nginx:size=64m,mode=0755",
)  # fmt: skip
"""Flags of every staging container: its public name and a small disk to fill."""

_IMAGE_INPUTS: Final = ("provision.sh", "rootfs", "app")
MMDEBSTRAP: Final = (
    "mmdebstrap",
    "--variant=minbase",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/javascript/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """The owner of staging hosts: one directory of one user.

    Two checkouts never share a container or a name.
    """

    directory: Path

    @property
    def identity(self) -> str:
        """Eight hex digits derived from the user and the directory."""
        text = f"{os.getuid()}:{self.directory.resolve()}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which cleanup finds everything of this checkout, and nothing else."""
        return {CHECKOUT_LABEL: self.identity}

    def container(self, name: str) -> str:
        """Return the engine's name for the staging host `name`."""
        return f"remediate-{self.identity}-{name}"

    @contextmanager
    def alone(self, what: str, progress: Callable[[str], None]) -> Iterator[None]:
        """Let only one process of this checkout do `what` at a time, while others wait.

        The lock ends with the process.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / f"{what}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(f"{what}: another process of this project is at it; waiting")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def image_files() -> Path:
    """Return the directory of all files that go into the image."""
    return Path(str(resources.files("remediate.rehearsal") / "image_files"))


def base_reference() -> str:
    """Return the name of the package layer.

    The name depends on the package list, so a change never uses a stale layer.
    """
    files = image_files()
    content = [path.read_bytes() for path in (files / "packages.txt", files / "base.sh")]
    return f"localhost/remediate-staging-base:{_digest(content, platform.machine(), *MMDEBSTRAP)}"


def image_reference(checkout: Checkout) -> str:
    """Return the name of the finished image.

    The name depends on every byte that goes in, and on the checkout. Each checkout has its own image, because passwords
    and keys are made during the build.
    """
    files = image_files()
    roots = [files / name for name in _IMAGE_INPUTS]
    paths = sorted(path for root in roots for path in (root, *root.rglob("*")) if path.is_file())
    content = [part for path in paths for part in (str(path.relative_to(files)).encode(), path.read_bytes())]
    return f"localhost/remediate-staging:{checkout.identity}-{_digest(content, base_reference(), *HOST_FLAGS)}"


def _digest(content: Sequence[bytes], *texts: str) -> str:
    total = hashlib.sha256()
    for part in (*content, *(text.encode() for text in texts)):
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:12]
