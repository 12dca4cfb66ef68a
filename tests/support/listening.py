"""A server on this machine that hands its connections to a test, one after the other."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def listening(address: str, serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen at a free port. `serve` gets each connection, which is closed afterwards; a lost one is no error."""

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                serve(connection)

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
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
