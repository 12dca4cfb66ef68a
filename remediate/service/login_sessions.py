"""Logins to the service, and the one-time tokens of the forms that were shown to them. Both live in memory only."""

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from remediate.approvals.proposal import Proposal

SECONDS: Final = 30 * 60
"""Seconds for which a login lasts, used or not."""
_MOST: Final = 100
_MOST_FORMS: Final = 20
"""Open forms of one login. If there are more, the oldest one is refused."""


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One login of one person."""

    person: str
    shown: str
    """Its id for logs and records. It opens nothing."""
    ends: float
    forms: "OrderedDict[str, Proposal]" = field(default_factory=OrderedDict, repr=False)
    """The plans that were shown with a form, by digest of the form's token."""


class LoginSessions:
    """The logins of one process. Only digests of what a browser holds are kept. Threads may share it."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, LoginSession] = OrderedDict()
        self._lock = Lock()

    def begin(self, person: str) -> str:
        """Log a person in, and return the random value of the cookie."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_digest(cookie)] = LoginSession(person, secrets.token_hex(4), time.monotonic() + SECONDS)
            while len(self._open) > _MOST:
                self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str | None) -> LoginSession | None:
        """Return the login that has this cookie, None if there is none or it is over."""
        with self._lock:
            key = _digest(cookie or "")
            found = self._open.get(key)
            if found is not None and time.monotonic() >= found.ends:
                del self._open[key]
                return None
            return found

    def end(self, cookie: str | None) -> None:
        """Log out."""
        with self._lock:
            self._open.pop(_digest(cookie or ""), None)

    def form(self, session: LoginSession, proposal: Proposal) -> str:
        """Return the token of a form that approves exactly this proposal, as it was shown to this login."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            session.forms[_digest(token)] = proposal
            while len(session.forms) > _MOST_FORMS:
                session.forms.popitem(last=False)
        return token

    def spend(self, session: LoginSession, token: str, whole_hash: str) -> Proposal | None:
        """Return what was shown with this token, once. None for any other token, login or plan."""
        with self._lock:
            shown = session.forms.pop(_digest(token), None)
        return shown if shown is not None and shown.hash == whole_hash else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
