"""One named session of a MariaDB server."""

import json
from typing import Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe, last_line
from remediate.core.services import DatabaseLimits, DatabaseUser, DatabaseUserName
from remediate.errors import Unreadable
from remediate.probes.mysql import DbSession
from remediate.programs.database import SessionId, look_session


class SessionState(Fact):
    """The present state of one session."""

    session: DbSession | None = Field(description="None when it is gone, or is being ended")
    ending: bool = Field(default=False, description="it was ended, and the server undoes what it has changed")

    @property
    @override
    def ok(self) -> bool | None:
        return self.session is None and not self.ending

    @override
    def describe(self) -> str:
        if self.session is not None:
            return self.session.describe()
        return "being ended: what it has changed is undone" if self.ending else "gone"


class OneSession(Probe[SessionState]):
    """Ask a server for the activity of one session, and whether others wait for it.

    The id goes to standard input, because no sudo rule can name it beforehand.
    """

    kind: Literal["mysql.session"] = "mysql.session"
    id: int = Field(ge=1, le=2**63 - 1, description="the connection's id")
    user: DatabaseUserName = Field(description="whose it is")
    started: int = Field(ge=0, le=2**32, description="when what it is at began, in seconds since 1970")
    application: DatabaseUser | None = Field(default=None, description="the application's own database user")
    limits: DatabaseLimits = Field(default=DatabaseLimits(), description="seconds from which on sessions are too long")

    @property
    def meant(self) -> SessionId:
        """The identity of the session."""
        return SessionId(self.id, self.user, self.started)

    @override
    def label(self) -> str:
        return f"database session {self.id}"

    @override
    def command(self) -> Run:
        return look_session(self.limits, self.application, self.meant)

    @override
    def parse(self, output: Output) -> SessionState:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: mariadb: {last_line(output.stderr)}")
        try:
            rows = [json.loads(line) for line in output.stdout.splitlines() if line.strip()]
            if rows in ([{"ending": True}], [{"ending": 1}]):
                return SessionState(session=None, ending=True)
            (session,) = (DbSession.model_validate(row) for row in rows) if rows else (None,)
        except (ValueError, TypeError, RecursionError, ValidationError):
            raise Unreadable(f"{self.label()}: unexpected answer from the server") from None
        return SessionState(session=session)
