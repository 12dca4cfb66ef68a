"""A TCP proxy in front of PostgreSQL's socket, which a test can cut in the ways in which networks fail."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self, TypeVar

from sqlalchemy import make_url

T = TypeVar("T")
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)


class Cut(Enum):
    """The ways in which a connection fails."""

    RESET = "reset"
    """All connections are reset, and new ones as well."""
    STALL = "stall"
    """Nothing arrives any more, on either side. All of it arrives later."""
    FORGET = "forget"
    """The server sees its connections end. The client sees nothing, and gets no answer, until the end of the cut."""


class CutProxy:
    """Passes on connections to 127.0.0.1, until a test cuts them. It works in a thread of its own."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._reset = False
        self._thread = Thread(target=self._loop.run_forever, name="cut proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening: asyncio.Server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._listening.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, how: Cut) -> None:
        """Cut all connections, and new ones, until `heal`."""
        self._do(self._cut(how))

    def heal(self) -> None:
        """Pass everything on again."""
        self._do(self._heal())

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _cut(self, how: Cut) -> None:
        if how is Cut.RESET:
            self._reset = True
        else:
            self._open.clear()
        for client, server in self._pairs:
            if how is Cut.RESET:
                _reset(client)
            if how is not Cut.STALL:
                _reset(server)

    async def _heal(self) -> None:
        self._reset = False
        self._open.set()

    async def _close(self) -> None:
        await self._heal()
        # A connection that was just taken has its task a few turns later, and only if the server is not closed before.
        for listener in self._listening.sockets:
            self._loop.remove_reader(listener.fileno())
        await _turns()
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _turns()  # An aborted transport closes in the next one.

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        server = None
        try:
            await self._open.wait()
            if self._reset:
                return
            answers, server = await asyncio.open_unix_connection(self._server)
            self._pairs.add((client, server))
            await asyncio.gather(self._pass(reader, server), self._pass(answers, client))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            if server is not None:
                self._pairs.discard((client, server))
                _reset(server)
            _reset(client)
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self._open.wait()
            writer.close()


async def _turns() -> None:
    """Let the loop do what it has begun."""
    for _ in range(10):
        await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    inner = writer.get_extra_info("socket")
    if inner is not None and inner.family != socket.AF_UNIX and inner.fileno() >= 0:
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()


def socket_of(url: str) -> Path:
    """Return the socket of the server at this URL."""
    return Path(make_url(url).query["host"]) / ".s.PGSQL.5432"  # type: ignore[arg-type]


def by_tcp(url: str, port: int) -> str:
    """Return the URL of the same database through a port of this machine."""
    way = make_url(url).set(host="127.0.0.1", port=port, query={})
    return way.render_as_string(hide_password=False)
