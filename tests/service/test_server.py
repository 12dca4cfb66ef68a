"""Connections from strangers: those that say nothing, or not enough, do not keep others out."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import Event, Timer

import httpx2
import pytest
from fastapi import FastAPI

from remediate.service import server as module
from remediate.service.server import HERE
from support.listened import listened

BROKEN = [
    b"",
    b"POST /alerts/x HTTP/1.1\r\nHost: x\r\nX-Half:",
    b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    b"GET /soon HTTP/1.1\r\nHost: x\r\n\r\nGET /soon HTTP",
]


@contextmanager
def served(go: Event) -> Iterator[int]:
    app = FastAPI()

    @app.get("/soon")
    def soon() -> str:
        return "soon"

    @app.get("/late")
    def late() -> str:
        assert go.wait(60)
        return "late"

    with listened(app) as port:
        try:
            yield port
        finally:
            go.set()


def ended(connection: socket.socket) -> bool:
    """Send a byte every now and then, until the other end is gone."""
    connection.settimeout(0.05)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            connection.send(b"x")
            if connection.recv(65536) == b"":
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
    return False


@pytest.mark.parametrize("sent", BROKEN)
def test_who_sends_no_request_in_time_is_left(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.3)
    with served(Event()) as port, closing(socket.create_connection((HERE, port))) as connection:
        connection.sendall(sent)
        assert ended(connection)


def test_who_waits_for_an_answer_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.1)
    go = Event()
    with served(go) as port, ExitStack() as leaving:
        Timer(0.5, go.set).start()
        client = leaving.enter_context(httpx2.Client(base_url=f"http://{HERE}:{port}", timeout=60))
        assert client.get("/late").json() == "late"
        assert client.get("/soon").json() == "soon"


def test_more_connections_than_are_served_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECTIONS", 3)
    with served(Event()) as port, ExitStack() as leaving:
        kept = [leaving.enter_context(closing(socket.create_connection((HERE, port)))) for _ in range(3)]
        one_more = leaving.enter_context(closing(socket.create_connection((HERE, port))))
        assert ended(one_more)
        for connection in kept:
            connection.settimeout(0.05)
            with pytest.raises(TimeoutError):
                connection.recv(1)
