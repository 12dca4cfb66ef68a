"""The proxy that makes a far host: what arrives, when, and in which order."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from bench.delay_proxy import KeyExchange, Marks, serve

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ROUND_TRIP = 0.4


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello\n")
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


def through(talk: Callable[[Streams], Awaitable[None]], round_trip: float = ROUND_TRIP) -> list[Marks]:
    """Talk to an echo through the proxy; return the marks of the connection."""
    marks = list[Marks]()

    async def main() -> None:
        host = await asyncio.start_server(_echo, "127.0.0.1", 0)
        proxy = await serve(host.sockets[0].getsockname()[1], round_trip, marks.append)
        address = proxy.sockets[0].getsockname()
        assert address[0] == "127.0.0.1"
        streams = await asyncio.open_connection(*address)
        await talk(streams)
        streams[1].close()
        await streams[1].wait_closed()
        for _ in range(300):
            if marks:
                break
            await asyncio.sleep(0.1)
        for server in (proxy, host):
            server.close()

    asyncio.run(main())
    return marks


def test_a_question_takes_a_round_trip() -> None:
    async def talk(streams: Streams) -> None:
        reader, writer = streams
        await reader.readline()
        begun = monotonic()
        writer.write(b"ping\n")
        assert await reader.readline() == b"ping\n"
        assert monotonic() - begun >= ROUND_TRIP

    (marks,) = through(talk)
    assert marks.answered is not None
    assert marks.answered > marks.opened
    assert marks.keys is None


def test_the_first_word_of_a_server_takes_two() -> None:
    async def talk(streams: Streams) -> None:
        begun = monotonic()
        assert await streams[0].readline() == b"hello\n"
        assert monotonic() - begun >= 2 * ROUND_TRIP

    through(talk)


def test_delays_do_not_add_up() -> None:
    async def talk(streams: Streams) -> None:
        reader, writer = streams
        await reader.readline()
        begun = monotonic()
        for number in range(100):
            writer.write(b"%d\n" % number)
            await asyncio.sleep(0.001)
        assert [await reader.readline() for _ in range(100)] == [b"%d\n" % number for number in range(100)]
        assert monotonic() - begun < 50 * ROUND_TRIP

    through(talk)


def test_everything_arrives_before_the_end() -> None:
    async def talk(streams: Streams) -> None:
        reader, writer = streams
        writer.write(b"x" * 3_000_000)
        writer.write_eof()
        assert len(await reader.read()) == 3_000_000 + len(b"hello\n")

    through(talk, 0.02)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_end_of_the_key_exchange_is_found_in_any_pieces(size: int) -> None:
    def packet(kind: int, length: int) -> bytes:
        return length.to_bytes(4, "big") + bytes([4, kind]) + bytes(length - 2)

    sent = b"SSH-2.0-client\r\n" + packet(20, 1500) + packet(30, 44)
    exchange = KeyExchange()
    assert not any(exchange.over(sent[at : at + size]) for at in range(0, len(sent), size))
    assert exchange.over(packet(21, 12))


def test_other_protocols_have_no_key_exchange() -> None:
    exchange = KeyExchange()
    assert not exchange.over(b"GET / HTTP/1.1\r\n\r\n" + bytes([0, 0, 0, 1, 0, 21]))
