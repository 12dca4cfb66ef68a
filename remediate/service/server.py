"""Serves HTTP until told to stop, and says so to systemd."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from remediate.errors import ConfigurationError
from remediate.service.systemd import notify, watchdog_seconds

HERE: Final = "127.0.0.1"
PORT: Final = 8787
_CONNECTIONS: Final = 256
HEAD_SECONDS: Final = 10.0
"""Seconds in which the head of a request has to arrive, from the connection or the last answer on."""
_HEAD_BYTES: Final = 16 * 1024


def listening(address: str, port: int, *, behind_proxy: bool) -> socket.socket:
    """Return a socket that listens there. Raises ConfigurationError.

    An address that other machines can reach is refused unless `behind_proxy` says that a TLS proxy is in front.
    """
    try:
        where = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError:
        raise ConfigurationError(f"--bind takes an IP address, as {HERE}, not {address!r}") from None
    if not where.is_loopback and not behind_proxy:
        raise ConfigurationError(
            f"--bind {address} would be open to other machines without TLS: bind {HERE} and put a proxy with TLS in "
            "front, or add --behind-tls-proxy if there is one"
        )
    try:
        family = socket.AF_INET6 if where.version == 6 else socket.AF_INET
        return socket.create_server((str(where), port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error  # Python's own text repeats the address.
        raise ConfigurationError(f"{address} port {port} cannot be used: {why}; --port takes another one") from None


class TimedConnection(H11Protocol):
    """A connection that ends unless a request arrives in time.

    uvicorn only ends a connection that is silent after an answer. So a few clients that each send half a head could
    take every connection that it accepts. That number is limited, because runs need descriptors too.
    """

    _timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._demand)

    def _demand(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn declares.
        # What is being answered has limits of its own.
        if cycle is None or cycle.response_complete:
            self.transport.abort()


class NotifyingServer(uvicorn.Server):
    """A server that tells systemd when it is ready, and that it is alive while it is well."""

    def __init__(self, config: uvicorn.Config, unwell: Callable[[], str | None]) -> None:
        super().__init__(config)
        self._unwell = unwell
        self._alive: asyncio.Task[None] | None = None
        self.failed = False

    def end(self, *, failed: bool = False) -> None:
        """Stop serving. Any thread may call this."""
        self.failed = self.failed or failed
        self.should_exit = True

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        notify("READY=1")
        if (within := watchdog_seconds()) is not None:
            self._alive = asyncio.create_task(self._say_alive(within / 3))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify("STOPPING=1")
        if self._alive is not None:
            self._alive.cancel()
        await super().shutdown(sockets)

    async def _say_alive(self, every: float) -> None:
        while True:
            if await asyncio.to_thread(self._unwell) is None:
                notify("WATCHDOG=1")
            await asyncio.sleep(every)


def http_server(app: FastAPI, unwell: Callable[[], str | None]) -> NotifyingServer:
    """Return a server for this application."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        http=TimedConnection,
        ws="none",
    )
    return NotifyingServer(config, unwell)
