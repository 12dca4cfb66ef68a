"""Serves HTTP until told to stop, and says so to systemd."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from remediate.errors import ConfigurationError
from remediate.service.systemd import notify, watchdog_seconds

HERE: Final = "127.0.0.1"
PORT: Final = 8787
_CONNECTIONS: Final = 256
_HEAD_BYTES: Final = 16 * 1024


def listening(address: str, port: int, *, behind_proxy: bool) -> socket.socket:
    """Return a socket that listens there. Raises ConfigurationError.

    Other machines only get in where a proxy with TLS is said to stand in front.
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
        raise ConfigurationError(f"{address} port {port} cannot be used: {error.strerror}") from None


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
        http="h11",
        ws="none",
    )
    return NotifyingServer(config, unwell)
