"""Sessions of a MariaDB server."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.core.services import DatabaseLimits, DatabaseUser
from remediate.errors import Unreadable
from remediate.programs.database import first_query, list_sessions, longest_idle

_Flag = Annotated[bool, Field(strict=False)]


class DbSession(FrozenModel):
    """One connection with an identity that no other can have, and its present activity."""

    id: int = Field(description="the server never gives it to another connection")
    query: int = Field(description="of its last or present statement, never given twice either")
    user: str
    host: str = Field(default="", description="where it comes from")
    database: str | None
    command: str = Field(description="Sleep when it does nothing")
    started: int = Field(ge=0, le=2**32, description="when that began, in seconds since 1970 by the server's clock")
    blocks: _Flag = Field(description="others wait for locks that it holds")
    suspected: _Flag = Field(
        default=False, description="others wait for a lock on a table, and nobody can tell whether it holds that"
    )
    beyond: _Flag = Field(description="it has been at it for longer than the limit")
    transaction: _Flag = Field(description="it is in a transaction")
    modified: _Flag = Field(description="the transaction has changed rows: ending it undoes that")
    reads: _Flag = Field(description="the statement only reads, and is no dump")
    dump: _Flag = Field(default=False, description="the statement is one of a dump: a backup, whoever makes it")
    statement: str = Field(description="without its literals")

    @property
    def idle(self) -> bool:
        """True if it does nothing at all."""
        return self.command == "Sleep"

    @property
    def is_long_write(self) -> bool:
        """True if it has run a statement for too long that may write. A dump does not count."""
        return self.beyond and not self.idle and not self.reads and not self.dump

    def describe(self) -> str:
        """Return the session as text: `7 (agency@agency from 10.0.0.5), idle since 02:51:10Z`."""
        place = f"{self.user}@{self.database}" if self.database else self.user
        place += f" from {self.host}" if self.host else ""
        what = "idle in a transaction" if self.idle and self.transaction else "idle" if self.idle else "running"
        what = "a dump, running" if self.dump else what
        since = datetime.fromtimestamp(self.started, UTC)
        return f"{self.id} ({place}), {what} since {since:%H:%M:%SZ}{f': {self.statement}' if self.statement else ''}"


class ConnectionHolder(FrozenModel):
    """The number of a user's connections, idle or working, that are older than two seconds."""

    user: str
    idle: _Flag
    count: int


class _Server(FrozenModel):
    limit: int
    full: _Flag
    tight: _Flag
    waiting: _Flag
    undoing: _Flag = False


class SessionsState(Fact):
    """The sessions that keep a database server from working: blocking, too long or too many."""

    up: bool = Field(description="whether the server answered at all")
    limit: int = Field(default=0, description="max_connections")
    full: bool = Field(default=False, description="every connection is in use")
    tight: bool = Field(default=False, description="nine tenths of them are")
    waiting: bool = Field(default=False, description="somebody has waited for a lock for longer than the limit")
    undoing: bool = Field(default=False, description="what an ended session has changed is being undone, locks held")
    holders: tuple[ConnectionHolder, ...] = Field(default=(), description="told only when it is tight")
    sessions: tuple[DbSession, ...] = Field(default=(), description="the first 20 of those that block or are too long")

    @property
    @override
    def ok(self) -> bool | None:
        return self.up and not self.full and not self.waiting

    @override
    def describe(self) -> str:
        if not self.up:
            return "the server does not run"
        said: list[str] = []
        if self.tight:
            said.append(f"{self.taken} in use ({self.held})")
        if self.waiting:
            blocking = [each for each in self.sessions if each.blocks]
            suspected = [each for each in self.sessions if each.suspected and not each.blocks]
            held = f", held by {listed(blocking)}" if blocking else ""
            perhaps = f", perhaps held by {listed(suspected)}" if suspected else ""
            undone = f", perhaps held by {UNDOING}" if self.undoing and not held else ""
            said.append(f"locks are waited for{held}{undone or perhaps}")
        long = [each for each in self.sessions if not (each.idle or each.blocks or each.suspected)]
        said += [f"long: {listed(long)}"] if long else []
        return "; ".join(said) or "nobody waits"

    @property
    def taken(self) -> str:
        """The connections in use, for a server that is full or nearly full."""
        return f"{'all' if self.full else 'nearly all'} {self.limit} connections"

    @property
    def held(self) -> str:
        """The users that hold the connections: `reports 140 idle, agency 11 working`."""
        most = sorted(self.holders, key=lambda each: -each.count)
        return ", ".join(f"{each.user} {each.count} {'idle' if each.idle else 'working'}" for each in most) or "by all"


def listed(sessions: "list[DbSession] | tuple[DbSession, ...]") -> str:
    """Return the first few of many sessions as text."""
    more = f" and {len(sessions) - 3} more" if len(sessions) > 3 else ""
    return f"{'; '.join(each.describe() for each in sessions[:3])}{more}"


_NOBODY: Final = re.compile(r"^ERROR 2002 .* \((?:2|111)\b", re.MULTILINE)
"""CR_CONNECTION_ERROR with ENOENT or ECONNREFUSED: no server runs.

With another number of the system call, EAGAIN of a full backlog or EACCES, a server may well run.
"""


UNDOING: Final = "a session that was ended and whose changes are being undone"


class Sessions(Probe[SessionsState]):
    """Ask a server which sessions block others or exceed a limit.

    The question uses the account remediate-db and a single connection, because the account has exactly one left when
    all are in use. Another client may take that one for a moment, so the question is repeated for a few seconds. The
    server itself removes the literals from statements. The answer stays the same as long as nothing happens to those
    sessions.
    """

    kind: Literal["mysql.sessions"] = "mysql.sessions"
    subject = "database sessions"
    limits: DatabaseLimits = Field(default=DatabaseLimits(), description="seconds from which on sessions are too long")

    @override
    def command(self) -> Run:
        return list_sessions(self.limits)

    @override
    def parse(self, output: Output) -> SessionsState:
        if output.exit != 0:
            if _NOBODY.search(output.stderr):
                return SessionsState(up=False)
            raise Unreadable(f"{self.label()}: mariadb: {last_line(output.stderr)}")
        try:
            first, *rows = [json.loads(line) for line in output.stdout.splitlines() if line.strip()]
            server = _Server.model_validate(first)
            return SessionsState(
                up=True,
                limit=server.limit,
                full=server.full,
                tight=server.tight,
                waiting=server.waiting,
                undoing=server.undoing,
                holders=tuple(ConnectionHolder.model_validate(row) for row in rows if "count" in row),
                sessions=tuple(DbSession.model_validate(row) for row in rows if "count" not in row),
            )
        except (ValueError, TypeError, RecursionError, ValidationError):
            raise Unreadable(f"{self.label()}: unexpected answer from the server") from None


class IdleState(Fact):
    """The connection of a user that comes first, because it is idle or running longest."""

    id: int | None = Field(description="None when none is idle for too long, or the server has connections left")

    @property
    @override
    def ok(self) -> bool | None:
        return self.id is None

    @override
    def describe(self) -> str:
        return "none for too long" if self.id is None else f"{self.id} for longest"


class _First(Probe[IdleState]):
    """A question about the connection of a user that comes first.

    The answer of `Sessions` changes whenever a worker sends a query or another connection exceeds a limit. This answer
    stays the same until that connection is used or ended, so it can be a remedy's identity on a busy server.
    """

    user: DatabaseUser = Field(description="whose connections")
    limits: DatabaseLimits = Field(default=DatabaseLimits(), description="seconds from which on sessions are too long")

    @override
    def parse(self, output: Output) -> IdleState:
        if output.exit != 0:
            if _NOBODY.search(output.stderr):
                return IdleState(id=None)
            raise Unreadable(f"{self.label()}: mariadb: {last_line(output.stderr)}")
        first, *more = output.stdout.split() or ("",)
        if not first:
            return IdleState(id=None)
        if len(more) != 1:
            raise Unreadable(f"{self.label()}: unexpected answer from the server")
        whole_number(more[0], "mariadb")
        return IdleState(id=whole_number(first, "mariadb"))


class LongestIdle(_First):
    """Ask a server for a user's longest idle connection while it is nearly full."""

    kind: Literal["mysql.longest-idle"] = "mysql.longest-idle"

    @override
    def label(self) -> str:
        return f"idle connections of {self.user}"

    @override
    def command(self) -> Run:
        return longest_idle(self.limits, self.user)


class FirstQuery(_First):
    """Ask a server which of a user's queries and transactions would be ended first."""

    kind: Literal["mysql.first-query"] = "mysql.first-query"

    @override
    def label(self) -> str:
        return f"queries of {self.user}"

    @override
    def command(self) -> Run:
        return first_query(self.limits, self.user)
