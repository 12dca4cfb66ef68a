"""Takes deliveries of alerts: who sent it, what it says, what the policy decides. HTTP is elsewhere."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Final, NamedTuple

from remediate.alerts.authentication import Headers, NotAuthenticated, Verifier
from remediate.alerts.formats import read
from remediate.alerts.intake import DecidedAlert, Intake, Replayed
from remediate.alerts.policy import AlertPolicy, PolicyMode
from remediate.alerts.store import AlertStore
from remediate.errors import ConfigurationError, JournalError

_DOUBT_SECONDS: Final = 30.0
"""Seconds for which a rehearsal's answer is reused. A storm of alerts would otherwise read its files each time."""


class Delivered(NamedTuple):
    """The answer to one delivery, as HTTP says it."""

    status: int
    outcome: str
    """One word, for the metrics."""
    detail: str
    """One line for the sender. It holds nothing of what was sent."""
    decided: tuple[DecidedAlert, ...] = ()


class AlertDesk:
    """The sources of a policy, each with its proof. Threads may share it."""

    def __init__(self, intake: Intake, store: AlertStore, start: Callable[[], object]) -> None:
        """Read the secrets of all sources. Raises ConfigurationError without a source, and without a secret."""
        self._intake = intake
        self._store = store
        self._start = start
        self._verifiers = verifiers(intake.policy)

    def take(self, source: str, headers: Headers, body: bytes, now: datetime | None = None) -> Delivered:
        """Authenticate and record one delivery, decide about its alerts, and start what is decided."""
        now = now or datetime.now(UTC)
        verifier = self._verifiers.get(source)
        # A stranger does not learn which sources there are.
        proof = (
            NotAuthenticated(reason="not authenticated") if verifier is None else verifier.verify(headers, body, now)
        )
        if isinstance(proof, NotAuthenticated):
            return Delivered(401, "refused", proof.reason)
        try:
            payload = read(body, self._intake.policy.sources[source].format, source)
            decided = self._intake.take(payload.alerts, proof, self._store, now)
        except ConfigurationError as error:
            return Delivered(400, "unusable", str(error))
        except Replayed:
            return Delivered(409, "replayed", "this delivery was accepted before; nothing was recorded")
        except JournalError:
            return Delivered(503, "failed", "nothing was recorded: send it again")
        if any(each.decision.mode in {PolicyMode.AUTO, PolicyMode.PROPOSE} for each in decided):
            self._start()
        return Delivered(202, "accepted", f"{len(decided)} alerts recorded", decided)


def verifiers(policy: AlertPolicy) -> Mapping[str, Verifier]:
    """Read the secrets of all sources. Raises ConfigurationError without a source, and without a secret."""
    if not policy.sources:
        raise ConfigurationError(
            "alerts.yml has no `sources`, so no sender can be authenticated: add one with its secret"
        )
    return {name: Verifier.of(name, source) for name, source in policy.sources.items()}


class Remembered:
    """A cache of answers, each of which is kept for some seconds."""

    def __init__(self, ask: Callable[[str], str | None], seconds: float = _DOUBT_SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._known: dict[str, tuple[float, str | None]] = {}
        self._lock = Lock()

    def __call__(self, name: str) -> str | None:
        """Return the cached answer, or a new one if that is too old."""
        with self._lock:
            at, answer = self._known.get(name, (-self._seconds, None))
            if time.monotonic() - at >= self._seconds:
                at, answer = time.monotonic(), self._ask(name)
                self._known[name] = at, answer
            return answer
