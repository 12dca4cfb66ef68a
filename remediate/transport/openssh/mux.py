"""OpenSSH's multiplexing protocol, version 4: sessions over the connection of an `ssh` that runs already.

It is documented in PROTOCOL.mux of OpenSSH's sources. One control connection starts one session and tells its end.
"""

import array
import os
import select
import socket
import struct
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from remediate.transport.deadline import Deadline

_VERSION: Final = 4
_NO_ESCAPE: Final = 0xFFFFFFFF
_MESSAGE_LIMIT: Final = 256 * 1024


class Kind(IntEnum):
    """The messages that are used here."""

    HELLO = 0x00000001
    NEW_SESSION = 0x10000002
    ALIVE_CHECK = 0x10000004
    TERMINATE = 0x10000005
    OK = 0x80000001
    EXIT = 0x80000004
    ALIVE = 0x80000005
    SESSION_OPENED = 0x80000006


class MuxMessage(NamedTuple):
    """One message: its kind, the request or session that it is about, and the rest."""

    kind: int
    about: int
    rest: bytes

    @property
    def number(self) -> int:
        """The number that follows. Raises ConnectionError if there is none."""
        if len(self.rest) < 4:
            raise ConnectionError("ssh sent a message that is too short")
        return int.from_bytes(self.rest[:4], "big")

    @property
    def text(self) -> str:
        """The text that follows."""
        return self.rest[4:].decode(errors="backslashreplace")


class Control:
    """A control connection to a running `ssh`. Errors are OSError; TimeoutError past a deadline."""

    def __init__(self, path: Path, deadline: Deadline) -> None:
        self._unread = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self.over = False
        """True once ssh has ended the connection."""
        try:
            self._socket.settimeout(deadline.left)
            self._socket.connect(str(path))
            self._socket.settimeout(None)
            self._greet(deadline)
        except BaseException:
            self.close()
            raise

    def _greet(self, deadline: Deadline) -> None:
        self._send(Kind.HELLO, _number(_VERSION))
        hello = self.wait(deadline)
        if hello.kind != Kind.HELLO or hello.about != _VERSION:
            raise ConnectionError("ssh speaks another version of the multiplexing protocol")

    def fileno(self) -> int:
        """Return its descriptor, for poll."""
        return self._socket.fileno()

    def start(self, command: str, streams: tuple[int, int, int]) -> None:
        """Ask for a session without terminal, X11, agent or environment; hand over its streams."""
        nothing, flags = _string(b""), struct.pack(">IIIII", 0, 0, 0, 0, _NO_ESCAPE)
        self._send(Kind.NEW_SESSION, _number(1), nothing, flags, nothing, _string(command.encode()))
        for stream in streams:
            self._socket.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stream]))])

    def check_alive(self, deadline: Deadline) -> int:
        """Return the process id of the `ssh` behind it."""
        self._send(Kind.ALIVE_CHECK, _number(2))
        answer = self.wait(deadline)
        if answer.kind != Kind.ALIVE:
            raise ConnectionError("ssh does not say that it is alive")
        return answer.number

    def terminate(self) -> None:
        """Ask `ssh` to end its connection to the host."""
        self._send(Kind.TERMINATE, _number(3))

    def wait(self, deadline: Deadline) -> MuxMessage:
        """Wait for the next message. Raises ConnectionError at the end of the connection."""
        while (message := self.next()) is None:
            if self.over:
                raise ConnectionError("ssh ended the control connection")
            readable(self.fileno(), deadline.left)
        return message

    def next(self) -> MuxMessage | None:
        """Return the next message that has arrived, None if there is none yet."""
        if (message := self._parsed()) is not None or self.over:
            return message
        try:
            data = self._socket.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionError:
            data = b""
        self._unread += data
        self.over = not data
        return self._parsed()

    def close(self) -> None:
        """Close it; the session that was started over it is released."""
        self.over = True
        self._socket.close()

    def _parsed(self) -> MuxMessage | None:
        if len(self._unread) < 4:
            return None
        size = int.from_bytes(self._unread[:4], "big")
        if not 8 <= size <= _MESSAGE_LIMIT:
            raise ConnectionError("ssh sent a message of an impossible length")
        if len(self._unread) < 4 + size:
            return None
        kind, about = struct.unpack(">II", self._unread[4:12])
        message = MuxMessage(kind, about, bytes(self._unread[12 : 4 + size]))
        del self._unread[: 4 + size]
        return message

    def _send(self, kind: Kind, *parts: bytes) -> None:
        body = struct.pack(">I", kind) + b"".join(parts)
        self._socket.sendall(_number(len(body)) + body)


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _string(value: bytes) -> bytes:
    return _number(len(value)) + value


def readable(descriptor: int, seconds: float) -> bool:
    """Wait until a descriptor can be read or has ended; return whether it did in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, seconds * 1000)))


class Streams(NamedTuple):
    """Our ends of a program's three streams, and the ends for ssh."""

    stdin: int
    stdout: int
    stderr: int
    theirs: tuple[int, int, int]

    @classmethod
    def make(cls) -> "Streams":
        """Make three pipes; our ends never block."""
        made: list[int] = []
        try:
            for _ in range(3):
                made += os.pipe()
        except OSError:
            for end in made:
                os.close(end)
            raise
        their_in, our_in, our_out, their_out, our_err, their_err = made
        for end in (our_in, our_out, our_err):
            os.set_blocking(end, False)
        return cls(our_in, our_out, our_err, (their_in, their_out, their_err))
