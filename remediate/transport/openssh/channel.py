"""Programs over a running `ssh`, each under one deadline."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from typing_extensions import override

from remediate.transport.deadline import Deadline
from remediate.transport.link import Channel, LinkLost
from remediate.transport.openssh.mux import Control, Kind, Streams

_CHUNK: Final = 65536
"""The most bytes that are passed on at once."""

_STDERR_KEPT: Final = 8192
"""Bytes of standard error that are kept. The rest is read and dropped, so that it never blocks the program."""

_AFTER_EXIT_SECONDS: Final = 0.5
"""Seconds to wait for output after a program has ended. Its child may hold the stream open for ever."""

_CLOSED: Final = -1


class SshProcess(Protocol):
    """The running `ssh` that a channel belongs to."""

    place: str

    def is_alive(self, deadline: Deadline) -> bool:
        """Return whether the connection to the host still exists. Raises TimeoutError past the deadline."""

    def forget(self, channel: "OpenSshChannel") -> None:
        """Remember that a channel is closed."""


class OpenSshChannel(Channel):
    """One program on the host, which `OpenSshLink.start` makes.

    One thread may send while another receives. If a program answers while it is sent more than the pipes hold, a second
    thread has to receive, or both sides wait for each other until the deadline.
    """

    def __init__(self, link: SshProcess, deadline: Deadline) -> None:
        self._link = link
        self._deadline = deadline
        self._control: Control | None = None
        self._stdin = self._stdout = self._stderr_end = _CLOSED
        self._stderr = bytearray()
        self._status: int | None = None
        self._lock = threading.Lock()

    def start(self, control: Control, command: str) -> str | None:
        """Start the program over a new control connection. Return why the host refused it, None if it did not."""
        self._control = control
        with self._call():
            self._stdin, self._stdout, self._stderr_end, theirs = Streams.make()
            try:
                control.start(command, theirs)
            finally:
                for end in theirs:
                    os.close(end)
            answer = control.wait(self._deadline)
        if answer.kind == Kind.SESSION_OPENED:
            return None
        self._release()
        return answer.text or "the session was refused"

    @override
    def send(self, data: bytes) -> None:
        with self._call():
            if not data:
                self._end_input()
                return
            rest = memoryview(data)
            while rest:
                self._hear()
                try:
                    with self._lock:
                        if self._stdin == _CLOSED:
                            return
                        rest = rest[os.write(self._stdin, rest[:_CHUNK]) :]
                except BlockingIOError:
                    self._wait(self._deadline.left, self._stdin, select.POLLOUT)
                except BrokenPipeError:
                    self._end_input()
                    self._demand_link()

    @override
    def receive(self, seconds: float | None = None) -> bytes:
        silence = None if seconds is None else Deadline(seconds)
        with self._call():
            while True:
                self._hear()
                data = self._read()
                if data:
                    return data
                if data is not None:
                    self._demand_link()
                    return b""
                left = self._deadline.left
                if silence is not None and silence.over:
                    break
                self._wait(left if silence is None else min(left, silence.left), self._stdout, select.POLLIN)
        raise TimeoutError(f"silent for {seconds} s")

    @override
    def finish(self) -> tuple[int | None, bytes]:
        try:
            with self._call():
                self._end_input()
                self._drain_to_the_end()
        except (LinkLost, TimeoutError):
            return None, bytes(self._stderr)
        return self._status, bytes(self._stderr)

    @override
    def close(self) -> None:
        self._release()
        self._link.forget(self)

    def _release(self) -> None:
        with self._lock:
            for end in {self._stdin, self._stdout, self._stderr_end} - {_CLOSED}:
                os.close(end)
            self._stdin = self._stdout = self._stderr_end = _CLOSED
            if self._control is not None:
                self._control.close()

    def _end_input(self) -> None:
        with self._lock:
            if self._stdin != _CLOSED:
                os.close(self._stdin)
                self._stdin = _CLOSED

    def _read(self) -> bytes | None:
        """Return the next output, `b""` at its end, None if there is none yet."""
        with self._lock:  # Another thread may close it, and its number is given to another stream at once.
            if self._stdout == _CLOSED:
                return b""
            try:
                return os.read(self._stdout, _CHUNK)
            except BlockingIOError:
                return None

    def _drain_to_the_end(self) -> None:
        grace: Deadline | None = None
        while True:
            self._hear()
            while data := self._read():
                pass
            over = self._control is None or self._control.over
            if data is not None and self._stderr_end == _CLOSED and (over or self._status is not None):
                return
            if over or self._status is not None:
                grace = grace or Deadline(_AFTER_EXIT_SECONDS)
                if grace.over:
                    return
            left = self._deadline.left
            pending = _CLOSED if data is not None else self._stdout
            self._wait(left if grace is None else min(left, grace.left), pending, select.POLLIN)

    def _hear(self) -> None:
        """Read what has arrived besides standard output: the exit status and standard error."""
        self._deadline.left  # noqa: B018  # It raises TimeoutError.
        with self._lock:
            while self._control is not None and (message := self._control.next()) is not None:
                if message.kind == Kind.EXIT:
                    self._status = message.number
            while self._stderr_end != _CLOSED:
                try:
                    part = os.read(self._stderr_end, _CHUNK)
                except BlockingIOError:
                    return
                self._stderr += part[: _STDERR_KEPT - len(self._stderr)]
                if not part:
                    os.close(self._stderr_end)
                    self._stderr_end = _CLOSED

    def _wait(self, seconds: float, descriptor: int, event: int) -> None:
        """Wait until there is something to do."""
        poll = select.poll()
        if descriptor != _CLOSED:
            poll.register(descriptor, event)
        if self._stderr_end != _CLOSED:
            poll.register(self._stderr_end, select.POLLIN)
        if self._control is not None and not self._control.over:
            poll.register(self._control, select.POLLIN)
        poll.poll(max(1, seconds * 1000))

    def _demand_link(self) -> None:
        """Raise LinkLost if a stream ended with the link, and not by the program."""
        self._hear()
        if self._status is None and not self._link.is_alive(self._deadline):
            raise LinkLost(f"{self._link.place}: the link was lost")

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Convert errors of the pipes and of ssh into LinkLost or TimeoutError."""
        try:
            yield
        except TimeoutError:
            raise TimeoutError(f"not over within {self._deadline.seconds:g} s") from None
        except (OSError, ValueError) as error:
            with suppress(TimeoutError):
                self._deadline.left  # noqa: B018
                raise LinkLost(f"{self._link.place}: {error}") from error
            raise TimeoutError(f"not over within {self._deadline.seconds:g} s") from error
