"""A temporary PostgreSQL server for tests, run by an unprivileged user."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NOBODY: Final = 65534


class NotInstalled(Exception):
    """The server programs are missing."""


def programs() -> Path:
    """Return the directory of `initdb` and `postgres`, which Debian keeps out of PATH.

    Raises NotInstalled.
    """
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *map(Path, filter(None, [shutil.which("initdb")]))]
    if not found:
        raise NotInstalled("no PostgreSQL server here: apt-get install postgresql")
    return max(found).resolve().parent


@contextmanager
def server() -> Iterator[str]:
    """Run a server on a socket in its own directory and yield its URL. Raises NotInstalled."""
    binaries = programs()
    # The server refuses to run as root. The path is short, because a socket's path may have at most 107 characters.
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as base:
        if identity:
            os.chown(base, NOBODY, NOBODY)

        def run(program: str, *words: str) -> None:
            done = subprocess.run(  # type: ignore[call-overload]
                [binaries / program, *words],
                cwd=base,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": base},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                check=False,
                **identity,
            )
            assert done.returncode == 0, done.stderr

        run("initdb", "-D", f"{base}/data", "-U", "remediate", "-A", "trust", "-N", "--encoding=UTF8")
        settings = f"-k {base} -h '' -c fsync=off -c max_connections=200"
        run("pg_ctl", "-D", f"{base}/data", "-w", "-t", "60", "-l", f"{base}/log", "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://remediate@/postgres?host={base}"
        finally:
            run("pg_ctl", "-D", f"{base}/data", "-w", "-m", "immediate", "stop")
