"""The remedy that ends one database session named by a person."""

import re
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.services import DATABASE_USER_NAME, DatabaseLimits, DatabaseUser, DatabaseUserName, is_protected
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.mysql import DbSession
from remediate.probes.mysql_session import OneSession
from remediate.programs.database import SessionId, end_session

SESSION_CHANGED = RefusalCode(
    name="session-changed",
    meaning="The session has another user or another activity than when it was named.",
    advice="list the sessions again: check.database-down",
)

_TOLD: Final = 3
"""Commands for sessions that a refusal prints at most."""
_JITTER: Final = 1
"""Seconds by which two readings of the same start may differ. The server gives a duration, not a start time."""


def _open_user(value: str) -> str:
    if is_protected(value):
        raise ValueError("must be nobody of the system, replication, a backup or monitoring: those are never ended")
    return value


class EndSession(Remedy):
    """End one database session that blocks others or changes data for too long.

    The session is named by id, user and start time, as a refusal prints it. This is for cases that only a person can
    decide: a session that may hold a table (LOCK TABLES), another user's session that holds locks, and a long statement
    that changes data. The session and its state are checked again, here and by the server as it ends the session.
    Sessions of the system's own users, replication, backups and monitoring are never ended.
    """

    kind: Literal["database.end-session"] = "database.end-session"
    id: int = Field(ge=1, le=2**63 - 1, description="the connection's id, as a refusal names it")
    user: Annotated[DatabaseUserName, AfterValidator(_open_user)] = Field(description="the database user whose it is")
    started: int = Field(ge=0, le=2**32, description="when what it is at began, in seconds since 1970")
    application: DatabaseUser | None = Field(default=None, description="the application's own database user")
    limits: DatabaseLimits = Field(default=DatabaseLimits(), description="seconds from which on sessions are too long")
    settle: float = Field(default=60, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (SESSION_CHANGED,)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "database.restart")
    stand_ins: ClassVar[dict[str, object]] = {"id": 1, "user": "somebody", "started": 0}

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        database = host.settings.database
        return {} if database is None else {"application": database.user, "limits": database.limits}

    @property
    def _session(self) -> OneSession:
        return OneSession(
            id=self.id, user=self.user, started=self.started, application=self.application, limits=self.limits
        )

    @override
    def title(self) -> str:
        return f"database session {self.id} of {self.user}"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._session,)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._session,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self._session]
        if state.ending:
            return wait(f"{self.id} is {state.describe()}")
        if (session := state.session) is None:
            return skip(f"{self.id} is gone")
        if session.user != self.user or abs(session.started - self.started) > _JITTER:
            return refuse(SESSION_CHANGED, f"it is now {session.describe()}", "check.database-down")
        if not self._harms(session):
            return skip(f"nobody waits for {session.describe()}")
        lost = ", whose changes are undone" if session.modified else ""
        return proceed(f"{self._why(session)} {session.describe()}{lost}")

    def _harms(self, session: DbSession) -> bool:
        waited_for = session.blocks or session.suspected
        return not session.dump and (waited_for or (session.user == self.application and session.is_long_write))

    def _why(self, session: DbSession) -> str:
        if session.blocks:
            return "locks are waited for, held by"
        return "a table's lock is waited for, perhaps held by" if session.suspected else "too long:"

    @override
    def changes(self) -> tuple[Run, ...]:
        return (end_session(self.limits, self.application, SessionId(self.id, self.user, self.started)),)


def ending(*sessions: DbSession) -> tuple[str, ...]:
    """Return the commands that end these sessions, at most three.

    Sessions that must never be ended are left out.
    """
    return tuple(
        f"do.database.end-session --id {each.id} --user {each.user} --started {each.started}"
        for each in sessions
        if re.search(DATABASE_USER_NAME, each.user) and not is_protected(each.user) and not each.dump
    )[:_TOLD]
