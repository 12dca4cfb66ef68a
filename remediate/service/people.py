"""The persons who may log in to the service, each with a token of its own. There are no passwords here."""

import hashlib
import hmac
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from threading import Lock
from typing import Final

from remediate.approvals.authentication import is_person
from remediate.errors import ConfigurationError
from remediate.project.secret_refs import resolve
from remediate.service.settings import TABLE

SHORTEST: Final = 32
"""The least characters of a token: it is made, not chosen."""
FAILURES: Final = 5
"""Wrong tokens from one address within a minute. More are not looked at."""
_WINDOW: Final = 60.0
_MOST_ADDRESSES: Final = 1000


class People:
    """Names and digests of tokens."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._known = [(name, _digest(token)) for name, token in tokens.items()]

    @classmethod
    def of(cls, references: Mapping[str, str]) -> "People":
        """Read the tokens of `[tool.remediate.service.people]`. Raises ConfigurationError, and never quotes one."""
        tokens: dict[str, str] = {}
        for name, reference in references.items():
            place = f"{TABLE}: people: {name}"
            if not is_person(name):
                raise ConfigurationError(f"{place}: takes the name of a person, as allowed_signers lists it")
            token = resolve(reference, place, sys.stdin).get_secret_value().strip()
            if len(token) < SHORTEST:
                raise ConfigurationError(f"{place}: a token has at least {SHORTEST} characters: openssl rand -hex 32")
            if token in tokens.values():
                raise ConfigurationError(f"{place}: somebody else has the same token")
            tokens[name] = token
        return cls(tokens)

    def is_token_of(self, person: str, token: str) -> bool:
        """Return whether this is the token of that person. The time does not depend on the token, or on whose it is."""
        digest, found = _digest(token), False
        for name, known in self._known:
            found |= hmac.compare_digest(digest, known) and name == person
        return found


class FailedLogins:
    """Counts wrong tokens by address, so that guessing is slow. Threads may share it."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def too_many(self, address: str) -> bool:
        """Return whether this address has to wait."""
        with self._lock:
            at = self._at.get(address, deque())
            while at and time.monotonic() - at[0] > _WINDOW:
                at.popleft()
            return len(at) >= FAILURES

    def add(self, address: str) -> None:
        """Count a wrong token. Only the addresses with the latest ones are remembered."""
        with self._lock:
            self._at.setdefault(address, deque(maxlen=FAILURES)).append(time.monotonic())
            self._at.move_to_end(address)
            while len(self._at) > _MOST_ADDRESSES:
                self._at.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
