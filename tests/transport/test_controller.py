"""One GET from the controller and as curl on a host: the same answer."""

import contextlib
import datetime as dt
import errno
import ipaddress
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediate.core.command import CurlExit, HttpRequest, Output, TlsRequest
from remediate.core.facts import Facts
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.certificate import NoHandshake, ServedCertificate, ServedState
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.machine import ThisMachine
from remediate.transport.controller import HttpController, fetch, handshake
from remediate.transport.script import STDOUT_LIMIT

Serve = Callable[[socket.socket], None]


class Server:
    """Answers each connection with what the test says, as raw bytes; keeps what it was asked."""

    def __init__(self) -> None:
        self.serve: Serve = lambda _: None
        self.asked: list[bytes] = []
        self.names: list[str | None] = []
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._children: list[threading.Thread] = []
        self._thread.start()
        self.context: ssl.SSLContext | None = None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            child = threading.Thread(target=self._one, args=(connection,), daemon=True)
            self._children.append(child)
            child.start()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self.context is not None:
                connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
            self.serve(connection)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)

    def read(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data and (piece := connection.recv(4096)):
            data += piece
        self.asked.append(data)

    def says(self, *pieces: bytes, pause: float = 0) -> None:
        def serve(connection: socket.socket) -> None:
            self.read(connection)
            for piece in pieces:
                connection.sendall(piece)
                if pause and self.stopping.wait(pause):
                    return

        self.serve = serve

    def close(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._thread, *self._children):
            thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    each = Server()
    yield each
    each.close()


def reply(status: int, body: bytes = b"<html>fine</html>", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def curl(request: HttpRequest) -> Output:
    """Run what a host would run, its output cut as the script would."""
    run = request.curl()
    done = subprocess.run(run.argv, capture_output=True, check=False, timeout=run.seconds + 10)
    cut = len(done.stdout) > STDOUT_LIMIT
    return Output(
        stdout=done.stdout[:STDOUT_LIMIT].decode(errors="backslashreplace"),
        stderr=done.stderr.decode(errors="backslashreplace"),
        exit=CurlExit.WRITE if cut else done.returncode,
        cut=cut,
    )


def answers(request: HttpRequest, contains: str | None = None) -> list[HttpAnswer]:
    """Ask both ways, and read both as the probe does; how long it took is not compared."""
    site = Site(url=request.url, asked_from=Vantage.CONTROLLER, contains=contains)
    return [site.read(ask(request)).model_copy(update={"seconds": 0.0}) for ask in (fetch, curl)]


def answer(request: HttpRequest, contains: str | None = None) -> HttpAnswer:
    here, there = answers(request, contains)
    assert here == there
    return here


def get(server: Server, path: str = "/", *, seconds: float = 5, resolve: str | None = None) -> HttpRequest:
    return HttpRequest(url=f"http://127.0.0.1:{server.port}{path}", seconds=seconds, resolve=resolve)


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


# -- a name and the address behind it ----------------------------------------------------------------------------------


def header(asked: bytes, name: str) -> list[str]:
    lines = asked.decode().split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}: ")]


def test_a_pinned_request_says_the_name_of_the_site(server: Server) -> None:
    server.says(reply(200))
    answer(HttpRequest(url="http://example.com/health?a=b", resolve=f"127.0.0.1:{server.port}", seconds=5))
    for asked in server.asked:
        assert header(asked, "Host") == ["example.com"]
        assert asked.startswith(b"GET /health?a=b HTTP/1.1\r\n")


def test_a_pinned_request_says_the_port_of_the_site(server: Server) -> None:
    server.says(reply(200))
    answer(HttpRequest(url="http://example.com:8080/", resolve=f"127.0.0.1:{server.port}", seconds=5))
    assert [header(asked, "Host") for asked in server.asked] == [["example.com:8080"]] * 2


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://x"])
def test_no_request_takes_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("no_proxy", "")
    server.says(reply(200))
    assert answer(get(server)).ok
    assert answer(HttpRequest(url="http://example.com/", resolve=f"127.0.0.1:{server.port}", seconds=5)).ok


def test_a_token_is_read_when_it_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    request = get(server).model_copy(update={"token": "env:MONITORING_TOKEN"})
    server.says(reply(200))
    for token in ("first-4711", "second-4711"):
        monkeypatch.setenv("MONITORING_TOKEN", token)
        output = fetch(request)
        assert f"Authorization: Bearer {token}\r\n".encode() in server.asked[-1]
        assert "4711" not in f"{output!r}{request!r}{request.model_dump_json()}"


@pytest.mark.parametrize("token", ["a b", "a\nX-Other: 1", "gr\u00fcn", "a=b"])
def test_a_token_that_can_be_none_is_not_sent(server: Server, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("MONITORING_TOKEN", token)
    with pytest.raises(Unreadable, match="no bearer token") as caught:
        fetch(get(server).model_copy(update={"token": "env:MONITORING_TOKEN"}))
    assert token not in str(caught.value)
    assert server.asked == []


def test_a_token_that_cannot_be_read_says_nothing_about_the_page(server: Server) -> None:
    with pytest.raises(Unreadable, match="there is no such variable"):
        fetch(get(server).model_copy(update={"token": "env:NO_SUCH_TOKEN_HERE"}))
    assert server.asked == []


def test_a_token_never_becomes_an_argument(server: Server) -> None:
    with pytest.raises(ValueError, match="by the controller only"):
        get(server).model_copy(update={"token": "env:MONITORING_TOKEN"}).curl()


def test_nothing_is_compressed(server: Server) -> None:
    server.says(reply(200))
    answer(get(server))
    for asked in server.asked:
        assert header(asked, "Accept-Encoding") in (["identity"], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/", ("example.com", 443)),
        ("http://example.com", ("example.com", 80)),
        ("http://example.com:8080/x:9/", ("example.com", 8080)),
        ("https://example.com?x=1:2", ("example.com", 443)),
        ("http://[::1]:8080/", ("::1", 8080)),
        ("http://[::1]/", ("::1", 80)),
        ("https://user:secret@example.com/", ("example.com", 443)),
    ],
)
def test_which_host_and_port_a_url_speaks_of(url: str, expected: tuple[str, int]) -> None:
    assert HttpRequest(url=url).host_port == expected


# -- TLS ---------------------------------------------------------------------------------------------------------------


class Authority(NamedTuple):
    file: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: Authority | None, *, days: int = 30
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = key if issuer is None else issuer.key
    if issuer is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("Test Authority", key, None)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(file, key, certificate)


def with_tls(server: Server, directory: Path, name: str, issuer: Authority | None, *, days: int = 30) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = directory / f"{name}-{days}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + _certificate(name, key, issuer, days=days).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, asked, __: server.names.append(asked)
    server.context = context


def https(server: Server, name: str, ca: Path | None) -> HttpRequest:
    return HttpRequest(url=f"https://{name}/", resolve=f"127.0.0.1:{server.port}", ca_file=ca, seconds=5)


def test_a_trusted_certificate_for_the_name(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", authority)
    server.says(reply(200))
    assert answer(https(server, "example.com", authority.file)).ok is True
    assert server.names == ["example.com"] * 2
    assert [header(asked, "Host") for asked in server.asked] == [["example.com"]] * 2


def test_an_unknown_authority(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", authority)
    server.says(reply(200))
    assert answer(https(server, "example.com", None)).failure is HttpFailure.CERTIFICATE
    assert server.asked == []


def test_a_self_signed_certificate(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", None)
    server.says(reply(200))
    assert answer(https(server, "example.com", authority.file)).failure is HttpFailure.CERTIFICATE


def test_a_certificate_for_another_name(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "other.example.com", authority)
    server.says(reply(200))
    assert answer(https(server, "example.com", authority.file)).failure is HttpFailure.CERTIFICATE


def test_an_expired_certificate(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", authority, days=-1)
    server.says(reply(200))
    assert answer(https(server, "example.com", authority.file)).failure is HttpFailure.CERTIFICATE


def test_a_server_without_tls(server: Server, authority: Authority) -> None:
    server.serve = lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert answer(https(server, "example.com", authority.file)).failure is HttpFailure.TLS


def test_a_server_that_hangs_up_in_the_handshake(server: Server, authority: Authority) -> None:
    server.serve = lambda connection: connection.close()
    seen = answers(https(server, "example.com", authority.file))
    assert {each.failure for each in seen} <= {HttpFailure.TLS, HttpFailure.BROKEN_ANSWER, HttpFailure.REFUSED}
    assert all(each.ok is False for each in seen)


@pytest.mark.parametrize("content", [None, b"", b"no certificate here"])
def test_a_trust_file_that_cannot_be_read_says_nothing_about_the_site(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Unreadable, match="trusted authorities"):
        fetch(HttpRequest(url="https://example.com/", resolve="127.0.0.1:9", ca_file=file, seconds=1))


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


def test_nothing_to_ask() -> None:
    assert HttpController().ask(()) == {}


def test_a_question_for_a_host_is_not_asked_from_here() -> None:
    with pytest.raises(TypeError, match="asked from the controller"):
        HttpController().ask((ThisMachine(),))


# -- a handshake, from here and as openssl on a host would begin it ----------------------------------------------------


def s_client(request: TlsRequest, ca: Path | None = None) -> Output:
    """Run what a host would run; `ca` is one of the system's authorities."""
    run = request.s_client()
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_DIR": "/nowhere", "SSL_CERT_FILE": str(ca or "/nowhere")}
    done = subprocess.run(
        run.argv, capture_output=True, check=False, timeout=run.seconds + 10, env=environment, encoding="utf-8"
    )
    return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)


def shaken(server: Server, name: str, ca: Path | None, *, seconds: float = 5) -> ServedState:
    """Ask both ways, and read both as the probe does; when it was asked may differ by a second or two."""
    request = TlsRequest(name=name, resolve=f"127.0.0.1:{server.port}", ca_file=ca, seconds=seconds)
    probe = ServedCertificate(domain=name, asked_from=Vantage.CONTROLLER)
    own = request.model_copy(update={"ca_file": None})
    here, there = probe.read(handshake(request)), probe.read(s_client(own, ca))
    assert probe.read(s_client(request)).model_copy(update={"asked": here.asked}) == here, "by a file of its own"
    assert abs((here.asked - there.asked).total_seconds()) < 2 * seconds + 5
    assert abs(here.asked.timestamp() - time.time()) < 2 * seconds + 10
    assert here == there.model_copy(update={"asked": here.asked})
    return here


@pytest.mark.parametrize(
    ("name", "days", "trusted", "verify", "ok"),
    [
        ("example.com", 60, True, 0, True),
        ("example.com", 10, True, 0, False),
        ("example.com", -3, True, 10, False),
        ("other.example.com", 60, True, 62, False),
    ],
)
def test_a_certificate_is_seen_as_it_is(
    server: Server, authority: Authority, tmp_path: Path, name: str, days: int, trusted: bool, verify: int, ok: bool
) -> None:
    with_tls(server, tmp_path, name, authority, days=days)
    found = shaken(server, "example.com", authority.file if trusted else None)
    assert (found.verify, found.covers, found.ok, found.trusted) == (verify, name == "example.com", ok, True)
    assert found.certificate is not None
    assert found.certificate.names == (name, "127.0.0.9")
    assert found.certificate.expired(found.asked) is (days < 0)
    assert set(server.names) == {"example.com"}


@pytest.mark.parametrize("days", [60, -3])
def test_a_chain_that_leads_nowhere(server: Server, authority: Authority, tmp_path: Path, days: int) -> None:
    with_tls(server, tmp_path, "example.com", authority, days=days)
    found = shaken(server, "example.com", None)
    assert (found.ok, found.trusted, found.covers) == (False, False, True)
    assert found.describe().endswith(f"not trusted (verify code {found.verify})")


@pytest.mark.parametrize("speaks", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_who_does_not_speak_tls(server: Server, speaks: bytes) -> None:
    server.serve = lambda connection: connection.sendall(speaks)
    assert shaken(server, "example.com", None).failure is NoHandshake.TLS


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    request = TlsRequest(name="example.com", resolve=f"127.0.0.1:{port}")
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.CONTROLLER)
    assert {probe.read(each).failure for each in (handshake(request), s_client(request))} == {NoHandshake.REFUSED}


def test_a_handshake_that_drips_ends_at_its_deadline(server: Server) -> None:
    def drip(connection: socket.socket) -> None:
        # The beginning of a record that would be long: each byte comes before any one read gives up.
        for byte in b"\x16\x03\x03\x40\x00" + bytes(100):
            connection.sendall(bytes([byte]))
            if server.stopping.wait(0.3):
                return

    server.serve = drip
    begun = time.monotonic()
    assert shaken(server, "example.com", None, seconds=1).failure is NoHandshake.TIMEOUT
    assert time.monotonic() - begun < 20  # all the bytes take 31 s


def test_a_name_that_does_not_exist_is_the_site_and_a_network_that_does_not_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def later(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def nowhere(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    probe = ServedCertificate(domain="example.com", asked_from=Vantage.CONTROLLER)
    monkeypatch.setattr(socket, "create_connection", unknown)
    assert probe.read(handshake(TlsRequest(name="example.com"))).failure is NoHandshake.NAME
    for failing, said in ((later, "cannot resolve example.com"), (nowhere, "no network")):
        monkeypatch.setattr(socket, "create_connection", failing)
        with pytest.raises(Unreadable, match=said):
            handshake(TlsRequest(name="example.com"))


def test_authorities_that_cannot_be_read_say_nothing_about_the_site(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read as trusted authorities"):
        handshake(TlsRequest(name="example.com", ca_file=tmp_path / "none.pem"))
    (garbage := tmp_path / "garbage.pem").write_text("no certificate")
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.CONTROLLER)
    for file in (tmp_path / "none.pem", garbage):
        request = TlsRequest(name="example.com", resolve=f"127.0.0.1:{server.port}", ca_file=file)
        with pytest.raises(Unreadable, match="no certificate that can be read"):
            probe.read(s_client(request))


def test_a_controller_asks_both_kinds(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", authority, days=60)
    server.says(reply(200))
    place = f"127.0.0.1:{server.port}"
    common = {"asked_from": Vantage.CONTROLLER, "resolve": place, "ca_file": authority.file}
    certificate = ServedCertificate.model_validate({"domain": "example.com", **common})
    site = Site.model_validate({"url": "https://example.com/", **common})
    facts = Facts.read((certificate, site), HttpController().ask((certificate, site)))
    assert (facts[certificate].ok, facts[site].ok) == (True, True)
