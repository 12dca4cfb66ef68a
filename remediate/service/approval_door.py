"""Approving over HTTP: who has logged in, which requests are theirs, and what they approve."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import UnprovenApprover
from remediate.approvals.proposal import ApprovalMeans
from remediate.approvals.service_login import demand_vouching, login_proof
from remediate.approvals.store import NotApproved
from remediate.errors import ConfigurationError, JournalError
from remediate.project.project import Project
from remediate.service.login_sessions import LoginSession, LoginSessions
from remediate.service.people import FailedLogins, People
from remediate.service.settings import TABLE, ServiceSettings

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LOG: Final = logging.getLogger(__name__)


class ApprovalDoor:
    """The logins and approvals of one service."""

    def __init__(
        self,
        project: Project,
        people: People,
        key: Path,
        *,
        public: str | None,
        approved: Callable[[], object],
    ) -> None:
        """Take who may log in, the service's key, its public address, and what to call after an approval."""
        self.people = people
        # Browsers leave the usual port out of an origin.
        self.public = None if public is None else public.removesuffix(":443")
        self.sessions = LoginSessions()
        self.failed = FailedLogins()
        self._project = project
        self._key = key
        self._approved = approved

    @classmethod
    def of(cls, project: Project, settings: ServiceSettings, approved: Callable[[], object]) -> "ApprovalDoor | None":
        """Return the door of these settings, None if nobody may log in. Raises ConfigurationError."""
        if not settings.people:
            return None
        if settings.approval_key is None:
            raise ConfigurationError(f"{TABLE}: people may log in, so approval_key has to name the service's SSH key")
        key = (project.demand_root() / settings.approval_key).absolute()
        people = People.of(settings.people)
        signers = Approvals.of(project, url=project.journal()).signers
        demand_vouching(signers, key)
        for name in settings.people:
            try:
                signers.demand_listed(name)
            except UnprovenApprover as why:
                _LOG.warning("%s may log in, and approve nothing: %s", name, why)
        return cls(project, people, key, public=settings.public, approved=approved)

    def approvals(self) -> Approvals:
        """Return the project's approvals, with its present rules. Raises ConfigurationError."""
        return Approvals.of(self._project, url=self._project.journal())

    def approve(self, session: LoginSession, token: str, whole_hash: str) -> tuple[int, str]:
        """Approve what was shown to this login with this token. Returns a status, and what to tell the person."""
        shown = self.sessions.spend(session, token, whole_hash)
        if shown is None:
            return 409, "This form was sent already, or is not yours, or too old. Read the plan again."
        try:
            approvals = self.approvals()
            approvals.signers.demand_listed(session.person)
            proof = login_proof(shown.statement, session.person, session.shown, self._key)
            approvals.approve(shown, proof, ApprovalMeans.SERVICE_LOGIN)
        except (NotApproved, UnprovenApprover) as why:
            return 403, f"Not approved: {why}"
        except (ConfigurationError, JournalError) as why:
            _LOG.error("an approval failed: %s", why)
            return 503, "Not approved: the service cannot store it now. Its log says why."
        _LOG.info("%s approved plan %s with login %s", session.person, shown.shown, session.shown)
        self._approved()
        return 200, f"You have approved plan {shown.shown}."

    @property
    def secure(self) -> bool:
        """Return whether cookies are only sent over TLS."""
        return self.public is not None

    @property
    def cookie(self) -> str:
        """The name of the cookie. A browser takes the first one only over TLS, and for this one host."""
        return "__Host-remediate" if self.secure else "remediate"

    def session(self, request: Request) -> LoginSession | None:
        """Return the login of this request."""
        return self.sessions.find(request.cookies.get(self.cookie))

    def forgotten(self, request: Request) -> str | None:
        """Return a message about a login that this process does not know.

        None if the request has no cookie.
        """
        if self.cookie not in request.cookies:
            return None
        return (
            "This process of the service does not know your login: it is over, the service was restarted, or another "
            "process answers now. Log in again."
        )

    def foreign(self, request: Request) -> str | None:
        """Return why a request that would change something does not come from our own page, None if it does."""
        origin = self.public
        if origin is None:
            host = request.headers.get("host", "")
            if not _is_loopback(host):
                return f"set `public` in [{TABLE}] to the address that browsers use"
            origin = f"http://{host}"
        if request.headers.getlist("origin") != [origin]:
            return "the form was not sent by a page of this service"
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "the form was not sent by a page of this service"
        return None


def _is_loopback(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK
    except ValueError:
        return False
