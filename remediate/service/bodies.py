"""Bodies of requests, with a limit for each, and one for all that are held at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from remediate.alerts.formats import MAX_BYTES
from remediate.service.alert_desk import Delivered

BODY_SECONDS: Final = 10.0
MOST_HELD: Final = 16 * 1024 * 1024
"""Bytes of bodies that are held at once. A further sender is told to send again."""


class Refused(Exception):
    """A body that is not read to its end."""

    def __init__(self, status: int, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.delivered = Delivered(status, outcome, detail)


class Bodies:
    """Reads bodies with a limit for each, and one for all that are held at once."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def holding(self, request: Request, most: int = MAX_BYTES) -> AsyncIterator[bytes]:
        """Read the body, and count it until it is done with. Raises Refused as soon as it is too much, or too slow."""
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    await self._fill(body, request, most)
            except TimeoutError:
                raise Refused(408, "too-slow", f"a body has to arrive within {BODY_SECONDS:g} s") from None
            except ClientDisconnect:
                raise Refused(400, "broken-off", "the body is not complete") from None
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _fill(self, body: bytearray, request: Request, most: int) -> None:
        async for chunk in request.stream():
            self._held += len(chunk)
            body += chunk
            if len(body) > most:
                raise Refused(413, "too-large", f"a body of more than {most // 1024} KiB is not accepted")
            if self._held > MOST_HELD:
                raise Refused(
                    503, "busy", "the service is receiving too much at once; nothing was recorded: send it again"
                )
