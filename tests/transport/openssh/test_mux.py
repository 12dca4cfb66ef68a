"""The multiplexing protocol with an `ssh` that answers anything."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remediate.transport.deadline import Deadline
from remediate.transport.openssh.mux import Control, Kind


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


HELLO = words(8, Kind.HELLO, 4)


@contextmanager
def answering(folder: Path, answer: Callable[[socket.socket], None]) -> Iterator[Path]:
    """Answer one control connection, and end it."""
    path = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(12)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            thread.join()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0\0",
        words(0),
        words(7, Kind.HELLO, 4),
        words(0xFFFFFFFF, Kind.HELLO, 4),
        words(256 * 1024 + 1, Kind.HELLO, 4),
        words(8, Kind.HELLO, 3),
        words(8, Kind.ALIVE, 4),
        words(400, Kind.HELLO, 4),
    ],
)
def test_a_greeting_that_is_none_is_an_error_of_the_connection(runtime: Path, sent: bytes) -> None:
    with answering(runtime, lambda each: each.sendall(sent)) as path, pytest.raises(ConnectionError):
        Control(path, Deadline(5))


def test_silence_ends_with_the_deadline(runtime: Path) -> None:
    over = threading.Event()

    def silent(_: socket.socket) -> None:
        over.wait(20)

    with answering(runtime, silent) as path:
        with pytest.raises(TimeoutError):
            Control(path, Deadline(0.2))
        over.set()


def test_messages_may_arrive_in_pieces_and_together(runtime: Path) -> None:
    after = words(12, Kind.ALIVE, 2, 4711) + words(12, Kind.EXIT, 5, 255)

    def pieces(connection: socket.socket) -> None:
        for byte in HELLO:
            connection.sendall(bytes([byte]))
        connection.sendall(after)

    with answering(runtime, pieces) as path:
        control = Control(path, Deadline(5))
        assert control.wait(Deadline(5)).number == 4711
        assert control.wait(Deadline(5)).number == 255
        with pytest.raises(ConnectionError, match="ended"):
            control.wait(Deadline(5))
        assert control.over
        control.close()


def test_an_answer_without_its_number(runtime: Path) -> None:
    with answering(runtime, lambda each: each.sendall(HELLO + words(8, Kind.ALIVE, 2))) as path:
        control = Control(path, Deadline(5))
        with pytest.raises(ConnectionError, match="too short"):
            _ = control.wait(Deadline(5)).number
        control.close()
