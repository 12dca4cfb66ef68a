"""Executes programs over an SSH transport, each under one deadline.

Fabric's runner is not used: it is quadratic in the output, polls, and can hang for ever on a frozen peer.
"""

import logging
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import SSHException
from typing_extensions import override

from remediate.transport.deadline import Deadline
from remediate.transport.link import Channel, LinkLost
from remediate.transport.ssh.wire import reason_of

_CHUNK = 65536
"""The most bytes that are passed on at once."""

_STDERR_KEPT = 8192
"""Bytes of standard error that are kept. The rest is read and dropped, so that it never blocks the program."""

_AFTER_EXIT_SECONDS = 0.5
"""Seconds to wait for output after a program has ended. Its child may hold the stream open for ever."""

_RELEASE_SECONDS = 0.3
"""Seconds for a call to notice its passed deadline before the link is cut."""

LOG = "remediate.transport.ssh.wire"

# paramiko raises errors of any of these types for a peer's bytes, in the thread that waits.
PEER_ERRORS = (
    SSHException,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    InvalidSignature,
    UnsupportedAlgorithm,
    UnknownKeyType,
)

# Without a handler, logging's last resort would print the warnings of both to the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False


class ChannelOwner(Protocol):
    """The link that a channel belongs to."""

    place: str

    def open_channel(self, deadline: Deadline, owner: "SshChannel") -> Any:
        """Open a channel of the transport."""

    def forget(self, channel: "SshChannel") -> None:
        """Remember that a channel is closed."""

    def cut(self) -> None:
        """Cut the whole link."""


class _Bell:
    """An event that both streams of a channel set. It stays set until the next wait."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Set the event; paramiko calls this."""
        self._event.set()

    def clear(self) -> None:
        """Do nothing: paramiko clears when one stream is empty, which says nothing about the other."""

    def wait(self, seconds: float) -> None:
        """Wait for the event. One that came since the last wait counts."""
        self._event.wait(seconds)
        self._event.clear()


class SshChannel(Channel):
    """One program on the host, which `SshLink.start` makes.

    One thread may send while another receives. If a program answers while it is sent more than about 2 MiB, a second
    thread has to receive, or both sides wait for each other until the deadline.
    """

    def __init__(self, link: ChannelOwner, deadline: Deadline) -> None:
        self._link = link
        self._deadline = deadline
        self._channel: Any = None
        self._bell = _Bell()
        self._stderr = bytearray()
        self._expired = False
        self._returned = threading.Event()
        self._returned.set()
        self._watchdog = threading.Timer(deadline.left, self._expire)
        self._watchdog.name = "remediate-deadline"
        self._watchdog.daemon = True
        self._watchdog.start()

    def start(self, command: str) -> None:
        """Start the program. Call it once."""
        with self._call():
            self._channel = self._link.open_channel(self._deadline, self)
            self._channel.in_buffer.set_event(self._bell)
            self._channel.in_stderr_buffer.set_event(self._bell)
            self._channel.exec_command(command)

    @override
    def send(self, data: bytes) -> None:
        with self._call():
            if not data:
                self._end_input()
            rest = memoryview(data)
            while rest:
                self._drain_stderr()
                if self._is_over():
                    return
                if self._channel.send_ready():
                    rest = rest[self._channel.send(bytes(rest[:_CHUNK])) :]
                else:
                    self._bell.wait(min(0.01, self._deadline.left))  # paramiko sets no event when there is room again.

    def _end_input(self) -> None:
        """Send "end of input" before paramiko's own thread can answer the server's "close".

        paramiko's shutdown_write() releases the channel's lock before it sends. If the program ends at that moment, the
        answer to "close" goes out first. sshd then ends the whole connection because of an "end of input" for a closed
        channel.
        """
        with self._channel.lock:
            message = None if self._channel.closed else self._channel._send_eof()  # noqa: SLF001  # see above
            if message is not None:
                self._channel.transport._send_user_message(message)  # noqa: SLF001

    @override
    def receive(self, seconds: float | None = None) -> bytes:
        until = inf if seconds is None else monotonic() + seconds
        with self._call():
            while monotonic() < until:
                self._drain_stderr()
                ended = self._is_over()  # Check this first: output from before the end can still be read.
                if self._channel.recv_ready():
                    return bytes(self._channel.recv(_CHUNK))
                if ended:
                    return b""
                self._bell.wait(min(self._deadline.left, until - monotonic()))
        raise TimeoutError(f"silent for {seconds} s")

    @override
    def finish(self) -> tuple[int | None, bytes]:
        try:
            self.send(b"")
            with self._call():
                self._drain_to_the_end()
        except (LinkLost, TimeoutError):
            return None, bytes(self._stderr)
        status = self._channel.exit_status
        return (status if status >= 0 else None), bytes(self._stderr)

    @override
    def close(self) -> None:
        try:
            with self._call():
                self._channel.close()
        except (LinkLost, TimeoutError):
            pass  # Nothing is left to close.
        finally:
            self._watchdog.cancel()
            self._link.forget(self)

    def _drain_to_the_end(self) -> None:
        channel, grace = self._channel, None
        while not self._is_over():
            while channel.recv_ready():
                channel.recv(_CHUNK)
            self._drain_stderr()
            if channel.exit_status_ready():
                grace = grace or Deadline(_AFTER_EXIT_SECONDS)
                if grace.over:
                    return
            self._bell.wait(min(0.05, self._deadline.left))
        channel.status_event.wait(self._deadline.left)
        self._drain_stderr()

    def _drain_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            part = self._channel.recv_stderr(_CHUNK)
            self._stderr += part[: _STDERR_KEPT - len(self._stderr)]

    def _is_over(self) -> bool:
        """Return whether all its output has arrived. Raises LinkLost, TimeoutError if it never will."""
        channel = self._channel
        if channel.eof_received:
            return True
        if channel.closed:
            # A channel that closes without "end of output" or an exit status was cut.
            if self._expired:
                raise TimeoutError(f"not over within {self._deadline.seconds:g} s")
            if channel.exit_status < 0:
                raise LinkLost(f"{self._link.place}: the link was lost")
            return True
        return False

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Convert paramiko's errors into LinkLost or TimeoutError, and tell the watchdog that a call waits."""
        self._returned.clear()
        try:
            yield
        except PEER_ERRORS as error:
            if self._expired or self._deadline.over:
                raise TimeoutError(f"not over within {self._deadline.seconds:g} s") from error
            raise LinkLost(f"{self._link.place}: {reason_of(error)}") from error
        finally:
            self._returned.set()

    def _expire(self) -> None:
        """End a call that waits past the deadline. paramiko's calls can block for ever on a frozen peer."""
        self._expired = True
        closer = threading.Thread(target=self._close_quietly, name="remediate-close", daemon=True)
        closer.start()
        closer.join(_RELEASE_SECONDS)
        # Closing sends a message, too. If that fails, or a call still waits, only cutting the link helps.
        if closer.is_alive() or not self._returned.wait(_RELEASE_SECONDS):
            self._link.cut()

    def _close_quietly(self) -> None:
        if self._channel is not None:
            try:
                self._channel.close()
            except PEER_ERRORS:
                logging.getLogger(LOG).debug("closing a channel past its deadline failed", exc_info=True)
