"""Lists and ends sessions of a MariaDB server, as its root over the server's own socket."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from remediate.command import ROOT, Run
from remediate.programs import one_line

CLIENT: Final = "/usr/bin/mariadb"


class SessionLimits(BaseModel):
    """From how many seconds on a session is beyond what it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lock_wait: int = Field(default=10, ge=1, le=3600, description="seconds from which on waiting for a lock is trouble")
    idle_transaction: int = Field(
        default=30, ge=1, le=86400, description="seconds of doing nothing in a transaction that others wait for"
    )
    long_query: int = Field(default=60, ge=1, le=86400, description="seconds from which on a query is too long")
    idle: int = Field(
        default=60, ge=1, le=86400, description="seconds of doing nothing while others get no connection"
    )


def list_sessions(limits: SessionLimits) -> Run:
    """Return the command that lists the sessions which block others or are beyond a limit, statements masked."""
    return _asked("list_sessions.sql", limits, "", seconds=8)


def end_queries(limits: SessionLimits, user: str) -> Run:
    """Return the command that ends long queries and blocking transactions of one user, judged as it ends them."""
    return _asked("end_queries.sql", limits, user, seconds=20)


def end_idle(limits: SessionLimits, user: str) -> Run:
    """Return the command that ends idle connections of one user while the server is full, judged as it ends them."""
    return _asked("end_idle.sql", limits, user, seconds=20)


def _asked(program: str, limits: SessionLimits, user: str, *, seconds: float) -> Run:
    # What differs is a variable of the session; the program is the same text every time.
    given = {f"@{name}": str(value) for name, value in limits.model_dump().items()}
    if user:
        given["@application"] = f"'{user}'"
    return Run.of(
        *(CLIENT, "--batch", "--raw", "--skip-column-names", "--delimiter=%%"),
        f"--init-command=SET {', '.join(f'{name} = {value}' for name, value in given.items())}",
        *("--execute", one_line("remediate.programs", program)),
        user=ROOT,
        seconds=seconds,
    )
