"""Restores a dump into a database server that exists only for that."""

from typing import Final

from remediate.core.command import Run
from remediate.core.program_text import program_text
from remediate.programs.run import PROGRAMS

GRACE_SECONDS: Final = 20
"""How much longer than a restore may take the command lasts: it still has to clean up."""

_APART: Final = 'g=$1; shift; setsid /bin/sh -c "$g" sh "$$" "$@" & wait "$!"'
"""Starts the first argument, a program, in a session of its own, and tells it who waits for it."""


def restore_dump(files: str, scratch: str, seconds: int, user: str | None) -> Run:
    """Return the command that restores the newest of `files` below `scratch`, counts its rows, and leaves nothing.

    The server is a MariaDB of its own: without a network, with its own socket, data and accounts in a directory that
    only this user can enter, so no other database of the host can be reached from a dump. `leave_nothing.sh` removes
    all of it, however it ends.
    """
    names = ("leave_nothing.sh", "restore_dump.sh", "restore_grants.sql", "count_rows.sql")
    programs = (program_text(PROGRAMS, name) for name in names)
    apart = Run.of("/bin/sh", "-c", _APART, "sh", *programs, user=user, seconds=seconds + GRACE_SECONDS)
    return apart.helped("restore-dump", scratch, str(seconds), files)
