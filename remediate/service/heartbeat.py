"""Sends a heartbeat while the service is well, so that the receiver notices when it is not."""

import logging
import sys
from collections.abc import Callable
from threading import Event
from typing import Final

import httpx2

from remediate.errors import ConfigurationError
from remediate.project.secret_refs import resolve
from remediate.service.tries import why_failed

_SECONDS: Final = 10.0
_EVERY: Final = 60.0
_LOG: Final = logging.getLogger(__name__)


class Heartbeat:
    """Calls an address while the service is well. It is a secret: whoever knows it can fake the call."""

    def __init__(self, reference: str) -> None:
        """Read the address. Raises ConfigurationError."""
        self._url = resolve(reference, "heartbeat", sys.stdin)
        if not self._url.get_secret_value().startswith(("https://", "http://")):
            raise ConfigurationError("heartbeat leads to no address that begins with https:// or http://")

    def beat(self, unwell: Callable[[], str | None]) -> None:
        """Call once, unless something is wrong here."""
        if (why := unwell()) is not None:
            _LOG.error("no heartbeat is sent: %s", why)
            return
        try:
            with httpx2.Client(timeout=_SECONDS, follow_redirects=False) as client:
                status = client.get(self._url.get_secret_value()).status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            _LOG.warning("the heartbeat did not arrive: %s", type(error).__name__)
            return
        if status >= 300:
            _LOG.warning("the heartbeat was answered with %d", status)


def keep_beating(heartbeat: Heartbeat, unwell: Callable[[], str | None], over: Event) -> None:
    """Call once a minute, until told to stop. A failure is logged, and the next call is made."""
    while not over.is_set():
        why_failed("no heartbeat is sent", lambda: heartbeat.beat(unwell))
        over.wait(_EVERY)
