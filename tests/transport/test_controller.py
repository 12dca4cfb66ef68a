"""One GET from the controller and as curl on a host: the same answer."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.core.command import CurlExit, HttpRequest, Output
from remediate.core.trust import SharedContext, trust
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.machine import ThisMachine
from remediate.transport.controller import HttpController, fetch
from remediate.transport.script import STDOUT_LIMIT
from support.http_server import Server, answer, curl, get, reply

# -- what a server may say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 304, 401, 404, 405, 429, 500, 502, 503, 504])
def test_a_status_is_told_as_it_is(server: Server, status: int) -> None:
    server.says(reply(status, b"" if status in (204, 304) else b"body"))
    seen = answer(get(server))
    assert (seen.status, seen.failure) == (status, None)
    assert seen.ok is (status == 200)


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.says(reply(302, b"", Location="https://example.com/login"))
    seen = answer(get(server))
    assert (seen.status, seen.redirect, seen.ok) == (302, "https://example.com/login", False)
    assert len(server.asked) == 2


@pytest.mark.parametrize("location", ["/login", "login", "?a=b", "//example.com/x"])
def test_a_relative_redirect_is_told_whole(server: Server, location: str) -> None:
    server.says(reply(301, b"", Location=location))
    assert answer(get(server, "/a/b")).redirect is not None


def test_the_right_page_is_told_by_its_content(server: Server) -> None:
    server.says(reply(200, b"<h1>Agency platform \xc3\xa9</h1>"))
    assert answer(get(server), contains="Agency platform é").ok is True
    assert answer(get(server), contains="Another page").ok is False


def test_a_page_that_is_no_text_is_still_a_page(server: Server) -> None:
    server.says(reply(200, bytes(range(256))))
    assert answer(get(server)).ok is True


def test_a_big_page_is_cut_and_still_right(server: Server) -> None:
    server.says(reply(200, b"needle " + b"x" * 3_000_000))
    output = fetch(get(server))
    assert output.cut
    assert len(output.stdout) == STDOUT_LIMIT
    assert answer(get(server), contains="needle").ok is True


def test_a_page_in_chunks(server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.says(head, b"5\r\nhello\r\n", b"6\r\n world\r\n", b"0\r\n\r\n", pause=0.01)
    assert answer(get(server), contains="hello world").ok is True


def test_a_page_without_a_length(server: Server) -> None:
    server.says(b"HTTP/1.0 200 OK\r\n\r\nhello")
    assert answer(get(server), contains="hello").ok is True


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe garbage \r\n\r\n",
        b"220 mail ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
def test_a_broken_answer_is_one(server: Server, said: bytes) -> None:
    server.says(said)
    assert answer(get(server)).failure is HttpFailure.BROKEN_ANSWER


def test_a_reset_connection_is_a_broken_answer(server: Server) -> None:
    def serve(connection: socket.socket) -> None:
        server.read(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()

    server.serve = serve
    assert answer(get(server)).failure is HttpFailure.BROKEN_ANSWER


def test_nobody_listening(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen = answer(HttpRequest(url=f"http://127.0.0.1:{port}/", seconds=5))
    assert (seen.status, seen.failure) == (None, HttpFailure.REFUSED)


def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    site = Site(url="http://nowhere.invalid/", asked_from=Vantage.CONTROLLER)
    assert site.read(fetch(HttpRequest(url=site.url))).failure is HttpFailure.NAME


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), OSError(101, "Network is unreachable")]
)
def test_a_controller_without_a_network_says_nothing_about_the_site(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def nowhere(*_: object, **__: object) -> list[object]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(Unreadable, match="this machine"):
        fetch(HttpRequest(url="http://example.com/"))


@pytest.mark.parametrize("error", [ImportError("no socksio"), ssl.SSLError("no engine")])
def test_a_controller_without_a_client_says_nothing_about_the_site(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("httpx2.Client", broken)
    with pytest.raises(Unreadable, match="this machine cannot ask over HTTP"):
        fetch(HttpRequest(url="http://example.com/"))


# -- deadlines ---------------------------------------------------------------------------------------------------------


def timed(request: HttpRequest) -> tuple[HttpAnswer, float]:
    begun = time.monotonic()
    output = fetch(request)
    return Site(url=request.url, asked_from=Vantage.CONTROLLER).read(output), time.monotonic() - begun


def test_a_server_that_never_answers(server: Server) -> None:
    server.says(b"", pause=120)
    seen, seconds = timed(get(server, seconds=0.5))
    assert seen.failure is HttpFailure.TIMEOUT
    assert seconds < 30
    assert answer(get(server, seconds=0.5)).failure is HttpFailure.TIMEOUT


def test_a_page_that_drips_is_given_up_at_the_deadline(server: Server) -> None:
    server.says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 900, pause=0.1)
    seen, seconds = timed(get(server, seconds=2))
    assert (seen.status, seen.failure) == (200, HttpFailure.TIMEOUT)
    assert seconds < 30  # all of it takes 90 s


def test_a_head_that_drips_is_given_up_at_the_deadline(server: Server) -> None:
    server.says(b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * 900, b"Content-Length: 0\r\n\r\n", pause=0.1)
    seen, seconds = timed(get(server, seconds=1))
    assert seen.failure is HttpFailure.TIMEOUT
    assert seconds < 30  # all of it takes 90 s


# -- both ways, whatever the server says -------------------------------------------------------------------------------


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    status=st.sampled_from(
        [200, 201, 202, 203, 206, 226, 300, 301, 302, 303, 307, 308, 400, 403, 410, 418, 500, 503, 599]
    ),
    piece=st.binary(max_size=30),
    times=st.sampled_from([1, 1, 9000]),
    length=st.sampled_from([0, 0, 0, 1, 7]),
    contains=st.one_of(st.none(), st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=2)),
)
def test_the_host_and_the_controller_see_the_same(
    server: Server, status: int, piece: bytes, times: int, length: int, contains: str | None
) -> None:
    body = piece * times
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) + length}\r\nConnection: close\r\n\r\n".encode()
    server.says(head + body)
    site = Site(url=get(server).url, asked_from=Vantage.CONTROLLER, contains=contains)

    def read(output: Output) -> HttpAnswer | str:
        try:
            return site.read(output).model_copy(update={"seconds": 0.0})
        except Unreadable as why:
            return str(why)

    assert read(fetch(get(server))) == read(curl(get(server)))


def test_a_page_cut_before_the_text_it_should_hold_tells_nothing(server: Server) -> None:
    server.says(reply(200, b"x" * STDOUT_LIMIT + b"Welcome"))
    for ask in (fetch, curl):
        with pytest.raises(Unreadable, match="too long to tell whether it holds 'Welcome'"):
            Site(url=get(server).url, asked_from=Vantage.CONTROLLER, contains="Welcome").read(ask(get(server)))


# -- many questions ----------------------------------------------------------------------------------------------------


def test_questions_are_asked_at_the_same_time(server: Server) -> None:
    all_there = threading.Barrier(6)

    def serve(connection: socket.socket) -> None:
        server.read(connection)
        all_there.wait(30)  # nobody is answered before everybody has asked
        connection.sendall(reply(200))

    server.serve = serve
    sites = [Site(url=f"http://127.0.0.1:{server.port}/{index}", asked_from=Vantage.CONTROLLER) for index in range(6)]
    outputs = HttpController().ask(sites)
    assert list(outputs) == sites
    assert all(isinstance(each, Output) and each.exit == CurlExit.OK for each in outputs.values())


def test_one_that_cannot_be_asked_harms_no_other(server: Server, tmp_path: Path) -> None:
    server.says(reply(200))
    good = Site(url=f"http://127.0.0.1:{server.port}/", asked_from=Vantage.CONTROLLER)
    bad = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER, ca_file=tmp_path / "absent")
    outputs = HttpController().ask((good, bad))
    assert isinstance(outputs[good], Output)
    assert isinstance(outputs[bad], Unreadable)


def test_the_authorities_of_several_requests_are_loaded_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says(reply(200))
    loaded = list[Path | None]()

    def noted(ca_file: Path | None = None) -> SharedContext:
        loaded.append(ca_file)
        return trust(ca_file)

    monkeypatch.setattr("remediate.transport.controller.trust", noted)
    url, absent = f"http://127.0.0.1:{server.port}", tmp_path / "absent"
    sites = [Site(url=f"{url}/{each}", asked_from=Vantage.CONTROLLER) for each in "abc"]
    other = Site(url=f"{url}/", asked_from=Vantage.CONTROLLER, ca_file=absent)
    HttpController().ask((*sites, other))
    assert sorted(loaded, key=str) == [absent, None]


def test_nothing_to_ask() -> None:
    assert HttpController().ask(()) == {}


def test_a_question_for_a_host_is_not_asked_from_here() -> None:
    with pytest.raises(TypeError, match="asked from the controller"):
        HttpController().ask((ThisMachine(),))
