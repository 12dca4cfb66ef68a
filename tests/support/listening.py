"""A server on this machine that hands its connections to a test, one after the other."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def listening(address: str, serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen at a port that nothing else uses. `serve` gets each connection, which is closed afterwards.

    A lost connection is no error.
    """

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                serve(connection)

    with _alone_at_its_port(address) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_proxy_header(connection: socket.socket) -> None:
    """Read the header of a load balancer, as nginx does behind one. Raises OSError without it."""
    if connection.recv(6, socket.MSG_PEEK) != b"PROXY ":
        raise ConnectionAbortedError
    while connection.recv(1) != b"\n":
        pass


@contextmanager
def _alone_at_its_port(address: str) -> Iterator[socket.socket]:
    """Yield a server whose port is free at all other addresses, and kept so.

    Another test may be given the same number there, and what asks every listener of a port would ask that one, too.
    """
    if ":" in address:
        others = ["0.0.0.0"]  # noqa: S104  # Nobody listens there: the number is only held.
    else:
        others = ["::", *({"127.0.0.1", "127.0.0.2"} - {address} if address.startswith("127.") else ())]
    while True:
        with ExitStack() as kept:
            server = kept.enter_context(socket.create_server((address, 0), family=_family(address)))
            if all(_kept_free(other, server.getsockname()[1], kept) for other in others):
                yield server
                return


def _kept_free(address: str, port: int, kept: ExitStack) -> bool:
    holder = kept.enter_context(socket.socket(_family(address)))
    if ":" in address:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        holder.bind((address, port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # A machine may have no IPv6.
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
