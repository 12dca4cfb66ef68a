"""Commands that restore a dump into a temporary database server."""

from typing import Final

from remediate.core.command import Run
from remediate.core.program_text import program_text
from remediate.programs.run import PROGRAMS

GRACE_SECONDS: Final = 20
"""Seconds that the command has for cleaning up, beyond the time for the restore."""

_APART: Final = 'g=$1; shift; setsid /bin/sh -c "$g" sh "$$" "$@" & wait "$!"'
"""Runs a program in its own session, and passes it the waiting process's id."""


def restore_dump(files: str, scratch: str, seconds: int, user: str | None) -> Run:
    """Return the command that restores the newest of `files`, counts its rows, and cleans up.

    It starts its own MariaDB server in a directory below `scratch` that only this user can enter. That server has no
    network, and its own socket, data and accounts, so a dump cannot reach another database of the host. `seconds`
    limits the restore. `leave_nothing.sh` removes everything, however the restore ends.
    """
    names = ("leave_nothing.sh", "restore_dump.sh", "restore_grants.sql", "count_rows.sql")
    programs = (program_text(PROGRAMS, name) for name in names)
    apart = Run.of("/bin/sh", "-c", _APART, "sh", *programs, user=user, seconds=seconds + GRACE_SECONDS)
    return apart.helped("restore-dump", scratch, str(seconds), files)
