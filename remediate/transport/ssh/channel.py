"""Executes programs over an SSH transport, under one deadline.

Fabric's runner is quadratic in the output, polls, and can hang for ever on a frozen peer.
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

from remediate.transport.link import LinkLost
from remediate.transport.ssh.wire import Deadline, reason_of

_CHUNK = 65536
"""Bytes handed over at once, at most."""

_STDERR_KEPT = 8192
"""Bytes of standard error that are kept; the rest is read and dropped, so that it never blocks the program."""

_AFTER_EXIT_SECONDS = 0.5
"""How long a program's output is waited for once it has ended; a child of it may hold the stream open for ever."""

_RELEASE_SECONDS = 0.3
"""How long a call may need to notice that its deadline passed before the whole link is cut."""

LOG = "remediate.transport.ssh.wire"

# What a peer's bytes make paramiko stumble over is raised again in the thread that waits, whatever its type.
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

# Without a handler of their own both would print warnings to the terminal through logging's last resort.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False


class ChannelOwner(Protocol):
    """The link that a channel belongs to."""

    place: str

    def open_channel(self, deadline: Deadline, owner: "SshChannel") -> Any:
        """Open a channel of the transport."""

    def forget(self, channel: "SshChannel") -> None:
        """Take note that a channel is closed."""

    def cut(self) -> None:
        """Cut the whole link."""


class _Bell:
    """What both of a channel's streams ring when there is something to do; rung stays rung until it is waited for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ring, called by paramiko."""
        self._event.set()

    def clear(self) -> None:
        """Do nothing: paramiko clears when one stream is empty, which says nothing about the other."""

    def wait(self, seconds: float) -> None:
        """Wait for a ring; one that came since the last wait counts."""
        self._event.wait(seconds)
        self._event.clear()


class SshChannel:
    """One program on the host; implements `remediate.transport.link.Channel`. Made by `SshLink.start`.

    One thread may send while another receives. A program that answers while it is still being sent more than about
    2 MiB has to be received from in such a second thread, or both sides wait for each other until the deadline.
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
        """Start the program, once."""
        with self._call():
            self._channel = self._link.open_channel(self._deadline, self)
            self._channel.in_buffer.set_event(self._bell)
            self._channel.in_stderr_buffer.set_event(self._bell)
            self._channel.exec_command(command)

    def send(self, data: bytes) -> None:
        """Write to its standard input; `b""` ends the input. Raises LinkLost, or TimeoutError past the deadline.

        What a program that has ended would still be sent is dropped: its exit status tells more than an error here.
        """
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
                    self._bell.wait(min(0.01, self._deadline.left))  # paramiko does not ring when there is room again

    def _end_input(self) -> None:
        """Say "end of input" before paramiko's own thread can answer the server's "close".

        paramiko's shutdown_write() lets go of the channel's lock before it sends: when the program ends at that very
        moment, the answer to "close" goes out first, and sshd ends the whole connection over an "end of input" for a
        channel that exists no more.
        """
        with self._channel.lock:
            message = None if self._channel.closed else self._channel._send_eof()  # noqa: SLF001  # see above
            if message is not None:
                self._channel.transport._send_user_message(message)  # noqa: SLF001

    def receive(self, seconds: float | None = None) -> bytes:
        """See Channel; returns at most 64 KiB."""
        until = inf if seconds is None else monotonic() + seconds
        with self._call():
            while monotonic() < until:
                self._drain_stderr()
                ended = self._is_over()  # asked before the look: what came before the end is still there to be read
                if self._channel.recv_ready():
                    return bytes(self._channel.recv(_CHUNK))
                if ended:
                    return b""
                self._bell.wait(min(self._deadline.left, until - monotonic()))
        raise TimeoutError(f"silent for {seconds} s")

    def finish(self) -> tuple[int | None, bytes]:
        """Return its exit status and the first 8 KiB of its standard error; what it still prints is dropped.

        The status is None when it is not known: the link was lost, the deadline passed, or a signal ended it.
        """
        try:
            self.send(b"")
            with self._call():
                self._drain_to_the_end()
        except (LinkLost, TimeoutError):
            return None, bytes(self._stderr)
        status = self._channel.exit_status
        return (status if status >= 0 else None), bytes(self._stderr)

    def close(self) -> None:
        """Let go of it; safe to call twice. What runs on the host is not ended by this."""
        try:
            with self._call():
                self._channel.close()
        except (LinkLost, TimeoutError):
            pass  # then there is nothing left to close
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
        """Return whether all its output has come; raises LinkLost, TimeoutError when it never will."""
        channel = self._channel
        if channel.eof_received:
            return True
        if channel.closed:
            # A channel that closes without having said "end of output" or a status was cut.
            if self._expired:
                raise TimeoutError(f"not over within {self._deadline.seconds:g} s")
            if channel.exit_status < 0:
                raise LinkLost(f"{self._link.place}: the link was lost")
            return True
        return False

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Turn whatever paramiko raises into LinkLost or TimeoutError, and let the watchdog see who is waiting."""
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
        """End whatever waits past the deadline: paramiko's calls can block for ever on a peer that is frozen."""
        self._expired = True
        closer = threading.Thread(target=self._close_quietly, name="remediate-close", daemon=True)
        closer.start()
        closer.join(_RELEASE_SECONDS)
        # Closing is itself a message: when that cannot be sent, or somebody still waits, only cutting the link helps.
        if closer.is_alive() or not self._returned.wait(_RELEASE_SECONDS):
            self._link.cut()

    def _close_quietly(self) -> None:
        if self._channel is not None:
            try:
                self._channel.close()
            except PEER_ERRORS:
                logging.getLogger(LOG).debug("closing a channel past its deadline failed", exc_info=True)
