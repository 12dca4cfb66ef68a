"""The wire below SSH: name resolution, TCP and key exchange, under one deadline."""

import socket
import threading
from typing import Any

from paramiko.ssh_exception import SSHException

from remediate.masking.masker import strip_control
from remediate.transport.deadline import Deadline

_UNACKNOWLEDGED_MS = 20_000
"""Milliseconds without acknowledgement after which the kernel gives up a connection (TCP_USER_TIMEOUT)."""


def reason_of(error: BaseException) -> str:
    """Return an error of the peer as one line of at most 300 harmless characters."""
    text = " ".join(strip_control(str(error)).split())
    return text[:300] or type(error).__name__


def _resolved(name: str, port: int, deadline: Deadline) -> list[Any]:
    """Resolve `name` within the deadline. getaddrinfo has no time limit, so a late call is abandoned."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="remediate-resolve", daemon=True)
    thread.start()
    thread.join(deadline.left)
    if not answer:
        raise TimeoutError("name resolution did not answer")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return list(answer[0])


def open_tcp(name: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of `name` that answers. Each gets its share of the time."""
    addresses = _resolved(name, port, deadline)
    failure: OSError = ConnectionRefusedError()
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            tune(connection)
            connection.settimeout(deadline.left / (len(addresses) - position))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def tune(connection: socket.socket) -> None:
    """Send small packets at once, and notice a peer that disappeared silently.

    The first makes one command take 3 ms instead of 48.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS), ("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5)):
        if hasattr(socket, option):  # Only Linux has all of these options.
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def close_transport(transport: Any) -> None:
    """Close a transport and wait for its threads. Its own close does not wait, and leaves a timer."""
    transport.close()
    transport.packetizer.complete_handshake()
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(1)


def exchange_keys(transport: Any, deadline: Deadline) -> None:
    """Do the key exchange without authentication. Raises paramiko's errors, TimeoutError."""
    done = threading.Event()
    transport.start_client(event=done)
    if not done.wait(deadline.left):
        raise TimeoutError("no handshake")
    if not transport.is_active():
        raise transport.get_exception() or SSHException("closed during the handshake")
