"""A TCP proxy on 127.0.0.1 that makes a far host of a near one.

    python -m bench.delay_proxy PORT MILLISECONDS

PORT is where the connections of the proxy go, MILLISECONDS is the round trip. The first line of its output is the port
on which it listens. One JSON document follows for each connection that has ended (`Marks`). It ends with its input, so
it never outlives its caller.

Each chunk is delivered half a round trip after its arrival, however long the chunk before it took: delays do not add
up, and bandwidth is not limited. The server hears of a connection one and a half round trips after the client asked
for it, as with a real handshake of TCP.
"""

import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_CHUNK: Final = 65536
_NEWKEYS: Final = 21
"""The SSH message after which a side encrypts (RFC 4253, 7.3)."""


@dataclasses.dataclass
class Marks:
    """The moments of one connection, in seconds since the epoch; None for what never happened."""

    opened: float
    keys: float | None = None
    """The client has finished the key exchange. Only SSH has this moment."""
    answered: float | None = None
    """The last bytes of the server arrived."""


class KeyExchange:
    """Finds the end of the key exchange in what an SSH client sends. It is in clear up to there."""

    def __init__(self) -> None:
        self._seen = b""
        self._greeted = False

    def over(self, data: bytes) -> bool:
        """Take the next bytes; return True once NEWKEYS is among them."""
        self._seen += data
        if not self._greeted:
            greeting, line_end, rest = self._seen.partition(b"\n")
            if not line_end or not greeting.startswith(b"SSH-"):
                return False
            self._greeted, self._seen = True, rest
        while len(self._seen) > 5:
            if self._seen[5] == _NEWKEYS:
                return True
            end = 4 + int.from_bytes(self._seen[:4], "big")
            if len(self._seen) < end:
                return False
            self._seen = self._seen[end:]
        return False


async def serve(port: int, round_trip: float, ended: Callable[[Marks], None] = lambda _: None) -> asyncio.Server:
    """Start a proxy to that port of 127.0.0.1; the caller closes it. `ended` gets the marks of each connection."""
    half = round_trip / 2

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        marks, exchange = Marks(time.time()), KeyExchange()

        def sent(data: bytes) -> None:
            if marks.keys is None and exchange.over(data):
                marks.keys = time.time()

        def answered(_: bytes) -> None:
            marks.answered = time.time()

        try:
            await asyncio.sleep(3 * half)
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, back, half, sent), _carry(there, writer, half, answered))
        for each in (back, writer):
            each.close()
            with suppress(OSError):
                await each.wait_closed()
        ended(marks)

    return await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)


async def _carry(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float, seen: Callable[[bytes], None]
) -> None:
    """Deliver each chunk when it is due, until the end of the source, which is delivered late as well."""
    clock = asyncio.get_running_loop().time
    chunks = asyncio.Queue[tuple[float, bytes]]()

    async def read() -> None:
        data = b"-"
        while data:
            try:
                data = await source.read(_CHUNK)
            except OSError:  # The other side was reset: for this one it has ended.
                data = b""
            if data:
                seen(data)
            chunks.put_nowait((clock() + delay, data))

    reading = asyncio.create_task(read())
    with suppress(OSError):
        while True:
            due, data = await chunks.get()
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            if not data:
                break
            sink.write(data)
            await sink.drain()
    with suppress(OSError):
        sink.write_eof()
    await reading


async def _main(port: int, round_trip: float) -> None:
    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    server = await serve(port, round_trip, lambda marks: say(json.dumps(dataclasses.asdict(marks))))
    say(str(server.sockets[0].getsockname()[1]))
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
