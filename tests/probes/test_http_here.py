"""A page asked for on the host that serves it, with the real curl and ss, however it listens."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remediate.command import Output, Run
from remediate.probes.http import Answer, Failure, Site
from remediate.vantage import Vantage


@contextmanager
def serving(address: str, *, proxied: bool = False, status: str = "200 OK") -> Iterator[int]:
    """Answer every request; behind a load balancer, only one that begins with its header."""
    page = f"HTTP/1.1 {status}\r\nContent-Length: 7\r\nConnection: close\r\n\r\nWelcome".encode()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                data = connection.recv(4096)
                while b"\r\n\r\n" not in data and (more := connection.recv(4096)):
                    data += more
                if data.startswith(b"PROXY ") == proxied:
                    connection.sendall(page)

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def asked(port: int) -> Answer:
    probe = Site(url=f"http://shop.example.com:{port}/", asked_from=Vantage.HOST, contains="Welcome", seconds=5)
    command = probe.command()
    assert isinstance(command, Run)
    result = subprocess.run(command.argv, check=False, capture_output=True, text=True)
    return probe.read(Output(stdout=result.stdout, stderr=result.stderr, exit=result.returncode))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "::"])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_healthy_site_is_healthy_by_whatever_it_listens(address: str, *, proxied: bool) -> None:
    with serving(address, proxied=proxied) as port:
        assert asked(port).ok is True


def test_what_is_wrong_stays_wrong() -> None:
    with serving("127.0.0.2", status="502 Bad Gateway") as port:
        assert (asked(port).status, asked(port).ok) == (502, False)
    with serving("127.0.0.1", proxied=True, status="503 Unavailable") as port:
        assert asked(port).status == 503
    assert asked(port).failure is Failure.REFUSED


def test_a_connection_that_is_dropped_is_told_as_it_was() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drop() -> None:
            while not stop.is_set():
                server.settimeout(0.1)
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=drop)
        thread.start()
        answer = asked(server.getsockname()[1])
        stop.set()
        thread.join()
    assert answer.failure is Failure.BROKEN_ANSWER
