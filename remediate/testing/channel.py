"""A shell on this machine, behind the same protocol as a shell behind SSH."""

import os
import select
import subprocess
from collections.abc import Callable
from time import monotonic
from typing import IO, Final

from typing_extensions import override

from remediate.transport.link import Channel, LinkLost

_PIECE: Final = 32 * 1024
_ERRORS: Final = 8 * 1024


class PaperChannel(Channel):
    """A Channel to a child process. `on_paper` may change each piece of the script before it is sent."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        errors: IO[bytes],
        seconds: float,
        on_paper: Callable[[bytes], bytes],
        *,
        lose_sent: int | None = None,
        lose_seen: bytes | None = None,
    ) -> None:
        """Take over a process with unbuffered pipes. `lose_…` set the point at which the link dies."""
        if process.stdin is None or process.stdout is None:
            raise ValueError("a channel needs the process's stdin and stdout")
        self.process = process
        self.lost = False
        self._in, self._out, self._errors = process.stdin, process.stdout, errors
        self._until = monotonic() + seconds
        self._on_paper = on_paper
        self._lose_sent, self._lose_seen = lose_sent, lose_seen
        self._sent, self._tail = 0, b""
        os.set_blocking(self._in.fileno(), False)

    @override
    def send(self, data: bytes) -> None:
        self._alive()
        if not data:
            self._in.close()
        if self._in.closed:
            return
        script = self._on_paper(data)
        allowed = len(script) if self._lose_sent is None else max(0, self._lose_sent - self._sent)
        self._write(script[:allowed])
        if allowed < len(script):
            self.lose()
            self._alive()

    @override
    def receive(self, seconds: float | None = None) -> bytes:
        self._alive()
        left = self._remaining() if seconds is None else min(seconds, self._remaining())
        if not select.select([self._out], [], [], left)[0]:
            raise TimeoutError("the host does not answer")
        data = os.read(self._out.fileno(), _PIECE)
        if self._lose_seen is not None:
            self._tail = self._tail[-len(self._lose_seen) :] + data
            if self._lose_seen in self._tail:
                self.lose()
                self._alive()
        return data

    @override
    def finish(self) -> tuple[int | None, bytes]:
        try:
            status = self.process.wait(self._remaining())
        except subprocess.TimeoutExpired:
            return None, b""
        if self._errors.closed:
            return status, b""
        self._errors.seek(0)
        return status, self._errors.read(_ERRORS)

    def lose(self) -> None:
        """Let the link die now. The process keeps running, with nobody at the other end."""
        self.lost = True
        self.close()

    @override
    def close(self) -> None:
        for end in (self._in, self._out, self._errors):
            end.close()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if not select.select([], [self._in], [], self._remaining())[1]:
                raise TimeoutError("the host does not take what it is sent")
            try:
                count = os.write(self._in.fileno(), left)
            except BrokenPipeError:
                # As behind SSH, the output of a shell that has ended can still be read.
                return
            self._sent += count
            left = left[count:]

    def _alive(self) -> None:
        if self.lost or self._out.closed:
            raise LinkLost("the link died")

    def _remaining(self) -> float:
        return max(0.0, self._until - monotonic())
