"""Proves who sent a payload: Standard Webhooks, Grafana's HMAC, or a bearer token.

Everything here takes what a stranger sent. A header of any form is refused with a reason, and never raises.
"""

import base64
import binascii
import hashlib
import hmac
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from pydantic import Field

from remediate.alerts.policy import AlertSource, Proof
from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError
from remediate.project.secret_refs import resolve

TOLERANCE: Final = timedelta(minutes=5)
"""The largest accepted difference of the sender's clock from ours, in both directions."""
SHORTEST_SECRET: Final = 16
TERMINAL: Final = "terminal"
"""The source of alerts that somebody gives to a command."""
GRAFANA_HEADER: Final = "x-grafana-alerting-signature"

_ID: Final = re.compile(rb"[\x21-\x2d\x2f-\x7e]{1,200}")
"""An id without a full stop: the signed text is `id.timestamp.body`, and has to be read in one way only."""
_SECONDS: Final = re.compile(rb"[0-9]{1,11}")
_MOST_SIGNATURES: Final = 16
_PREFIX: Final = b"whsec_"

Headers = Iterable[tuple[bytes, bytes]]
"""The headers of a request as they arrived, names in any case."""


class Means(Enum):
    """The ways in which a sender was authenticated, strongest first."""

    SIGNATURE = "signature"
    BEARER = "bearer"
    TERMINAL = "terminal"


class Authentication(FrozenModel):
    """A sender that proved who it is."""

    how: Means
    source: str = Field(description="the source's name in the policy, or terminal")
    delivery: str | None = Field(default=None, description="what may be delivered only once; None for a bearer")


class NotAuthenticated(FrozenModel):
    """A delivery that is refused, with the reason. The reason holds nothing of the request."""

    reason: str


def at_a_terminal(source: str = TERMINAL) -> Authentication:
    """Return the authentication of a payload that somebody gave to a command."""
    return Authentication(how=Means.TERMINAL, source=source)


class Verifier:
    """One source of the policy, with its secrets read."""

    def __init__(self, name: str, source: AlertSource, secrets: Sequence[bytes]) -> None:
        self._name = name
        self._source = source
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"<Verifier of {self._name}>"

    @classmethod
    def of(cls, name: str, source: AlertSource) -> "Verifier":
        """Read the secrets of a source. Raises ConfigurationError without the secret."""
        flag = f"the source {name}"
        found = [
            resolve(each, flag, sys.stdin).get_secret_value().encode(errors="surrogateescape")
            for each in source.secrets
        ]
        if source.proof is Proof.STANDARD_WEBHOOKS:
            found = [_key(each, flag) for each in found]
        if any(len(each) < SHORTEST_SECRET for each in found):
            raise ConfigurationError(f"{flag}: a secret has less than {SHORTEST_SECRET} characters")
        return cls(name, source, found)

    def verify(self, headers: Headers, body: bytes, now: datetime) -> Authentication | NotAuthenticated:
        """Return who sent this body, or why it is refused.

        Whether the `delivery` of a signature is new is asked when its alerts are taken (`Intake.take`).
        """
        found: dict[str, list[bytes]] = {}
        for name, value in headers:
            found.setdefault(name.decode("latin-1").lower(), []).append(value)
        match self._source.proof:
            case Proof.BEARER:
                return self._bearer(found)
            case Proof.GRAFANA:
                return self._grafana(found, body, now)
            case Proof.STANDARD_WEBHOOKS:
                return self._standard(found, body, now)

    def _standard(
        self, headers: dict[str, list[bytes]], body: bytes, now: datetime
    ) -> Authentication | NotAuthenticated:
        id_, sent, signatures = (_only(headers, f"webhook-{part}") for part in ("id", "timestamp", "signature"))
        if id_ is None or sent is None or signatures is None:
            return NotAuthenticated(
                reason="webhook-id, webhook-timestamp and webhook-signature have to be there, once each"
            )
        if _ID.fullmatch(id_) is None:
            return NotAuthenticated(reason="webhook-id does not have the right form")
        if (wrong := _wrong_time(sent, "webhook-timestamp", now)) is not None:
            return NotAuthenticated(reason=wrong)
        given = signatures.split(b" ")
        if len(given) > _MOST_SIGNATURES:
            return NotAuthenticated(reason=f"webhook-signature holds more than {_MOST_SIGNATURES} signatures")
        right = [b"v1," + base64.b64encode(_hmac(secret, id_ + b"." + sent + b"." + body)) for secret in self._secrets]
        if not _any_equal(given, right):
            return NotAuthenticated(reason="no signature is right: the secret is another one, or the body was changed")
        return Authentication(how=Means.SIGNATURE, source=self._name, delivery=id_.decode("ascii"))

    def _grafana(
        self, headers: dict[str, list[bytes]], body: bytes, now: datetime
    ) -> Authentication | NotAuthenticated:
        signature = _only(headers, GRAFANA_HEADER)
        if signature is None:
            return NotAuthenticated(reason="X-Grafana-Alerting-Signature has to be there, once")
        name = self._source.timestamp_header
        signed = body
        if name is not None:
            sent = _only(headers, name.lower())
            if sent is None:
                return NotAuthenticated(reason=f"{name} has to be there, once")
            if (wrong := _wrong_time(sent, name, now)) is not None:
                return NotAuthenticated(reason=wrong)
            signed = sent + b":" + body
        right = [_hmac(secret, signed).hex().encode("ascii") for secret in self._secrets]
        if not _any_equal([signature.lower()], right):
            return NotAuthenticated(
                reason="the signature is not right: the secret is another one, or the body was changed"
            )
        if name is None:  # Without a time in it, whoever has seen it can send it again at any time.
            return Authentication(how=Means.BEARER, source=self._name)
        return Authentication(how=Means.SIGNATURE, source=self._name, delivery=signature.lower().decode("ascii"))

    def _bearer(self, headers: dict[str, list[bytes]]) -> Authentication | NotAuthenticated:
        given = _only(headers, "authorization")
        scheme, _, token = (given or b"").partition(b" ")
        if given is None or scheme.lower() != b"bearer":
            return NotAuthenticated(reason="Authorization has to be there, once, as Bearer TOKEN")
        # Digests have one length, so that the comparison tells nothing of the token's.
        if not _any_equal([_digest(token.strip(b" "))], [_digest(secret) for secret in self._secrets]):
            return NotAuthenticated(reason="the token is not right")
        return Authentication(how=Means.BEARER, source=self._name)


def _key(secret: bytes, flag: str) -> bytes:
    """Return the key in a Standard Webhooks secret. Raises ConfigurationError."""
    if not secret.startswith(_PREFIX):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigurationError(f"{flag}: what follows whsec_ in a secret is not base64") from None


def _only(headers: dict[str, list[bytes]], name: str) -> bytes | None:
    """Return the value of a header, None if it is missing or ambiguous."""
    values = headers.get(name, [])
    return values[0] if len(values) == 1 else None


def _wrong_time(sent: bytes, name: str, now: datetime) -> str | None:
    """Return why the sender's time is refused, with both clocks; None if it is accepted."""
    if _SECONDS.fullmatch(sent) is None:
        return f"{name} takes whole seconds since 1970"
    seconds = int(sent)
    if abs(seconds - now.timestamp()) <= TOLERANCE.total_seconds():
        return None
    try:
        clock = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        clock = "out of range"
    return f"{name} is {clock} and this clock is {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: more than 5 minutes apart"


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.new(secret, data, hashlib.sha256).digest()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _any_equal(given: Sequence[bytes], right: Sequence[bytes]) -> bool:
    """Compare all pairs, as bytes and without stopping early: the time must not tell which one is close."""
    equal = False
    for one in given:
        for other in right:
            equal |= hmac.compare_digest(one, other)
    return equal
