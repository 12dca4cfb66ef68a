"""A page requested on its own host, with the real curl and ss."""

import os
import shutil
import socket
import ssl
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.certificate import NoHandshake, ServedCertificate, ServedState
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from support.listening import listening, read_proxy_header
from support.this_machine import command_of


def serving(
    address: str, *, proxied: bool = False, status: str = "200 OK", context: ssl.SSLContext | None = None
) -> AbstractContextManager[int]:
    """Answer every request; behind a load balancer, only one that begins with its header."""
    page = f"HTTP/1.1 {status}\r\nContent-Length: 7\r\nConnection: close\r\n\r\nWelcome".encode()

    def serve(connection: socket.socket) -> None:
        with connection if context is None else context.wrap_socket(connection, server_side=True) as asking:
            data = asking.recv(4096)
            while b"\r\n\r\n" not in data and (more := asking.recv(4096)):
                data += more
            if data.startswith(b"PROXY ") == proxied:
                asking.sendall(page)

    return listening(address, serve)


def asked(port: int) -> HttpAnswer:
    probe = Site(url=f"http://shop.example.com:{port}/", asked_from=Vantage.HOST, contains="Welcome", seconds=5)
    command = command_of(probe)
    result = subprocess.run(command.argv, check=False, capture_output=True, text=True)
    return probe.read(Output(stdout=result.stdout, stderr=result.stderr, exit=result.returncode))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "::"])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_healthy_site_is_healthy_by_whatever_it_listens(address: str, *, proxied: bool) -> None:
    with serving(address, proxied=proxied) as port:
        assert asked(port).ok is True


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate that nobody else has signed, for a server, and return the file of it."""
    folder.mkdir(exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "40", "-keyout", key)
    names = ("-subj", "/CN=shop.example.com", "-addext", "subjectAltName=DNS:shop.example.com", "-out", certificate)
    subprocess.run((*made, *names), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def trusting(folder: Path, *certificates: Path) -> Path:
    """Make a folder of authorities as openssl looks for them: by the digest of their name."""
    folder.mkdir()
    for number, each in enumerate(certificates):
        digest = subprocess.run(
            ("openssl", "x509", "-noout", "-hash", "-in", str(each)), check=True, capture_output=True, text=True
        )
        (folder / f"{digest.stdout.strip()}.{number}").symlink_to(each)
    return folder


@pytest.mark.parametrize(
    ("in_folder", "in_file", "failure"),
    [("own", "other", None), ("other", "own", None), ("", "own", None), ("other", "other", HttpFailure.CERTIFICATE)],
)
def test_who_signed_is_looked_for_in_the_folder_of_authorities_and_then_in_the_file(
    in_folder: str, in_file: str, failure: HttpFailure | None, tmp_path: Path
) -> None:
    context, own = certified(tmp_path / "own")
    authorities = {"own": own, "other": certified(tmp_path / "other")[1]}
    folder = trusting(tmp_path / "certs", *([authorities[in_folder]] if in_folder else []))
    with serving("127.0.0.1", context=context) as port:
        probe = Site(url=f"https://shop.example.com:{port}/", asked_from=Vantage.HOST, contains="Welcome", seconds=5)
        command = command_of(probe)
        done = subprocess.run(
            [word.replace("/etc/ssl/certs", str(folder)) for word in command.argv],
            env={"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": str(authorities[in_file])},
            check=False,
            capture_output=True,
            text=True,
        )
    answer = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert (answer.ok, answer.failure) == (failure is None, failure)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Have a certificate for the site."""
    return certified(tmp_path_factory.mktemp("tls"))[0]


def shaking(address: str, context: ssl.SSLContext, *, proxied: bool) -> AbstractContextManager[int]:
    """Serve the certificate; behind a load balancer, only to one that begins with its header."""

    def shake(connection: socket.socket) -> None:
        if proxied:
            read_proxy_header(connection)
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if tls.recv(4096) else b"")

    return listening(address, shake)


def served(port: int, path: str | None = None) -> ServedState:
    probe = ServedCertificate(domain="shop.example.com", asked_from=Vantage.HOST, port=port)
    command = command_of(probe)
    environment = {**os.environ, **({"PATH": path} if path else {})}
    result = subprocess.run(command.argv, check=False, capture_output=True, text=True, timeout=60, env=environment)
    return probe.read(Output(stdout=result.stdout, stderr=result.stderr, exit=result.returncode))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_certificate_is_seen_wherever_it_is_served(address: str, context: ssl.SSLContext, *, proxied: bool) -> None:
    with shaking(address, context, proxied=proxied) as port:
        seen = served(port)
    assert seen.certificate is not None, seen
    assert (seen.covers, seen.certificate.names, seen.verify) == (True, ("shop.example.com",), 18)


def test_a_site_behind_a_load_balancer_that_cannot_be_asked_is_unknown_and_not_broken(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    """A host without perl."""
    for name in ("sh", "openssl", "curl", "timeout", "ss", "awk", "date", "cut"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    with (
        shaking("127.0.0.1", context, proxied=True) as port,
        pytest.raises(Unreadable, match="wants the header of a load balancer"),
    ):
        served(port, str(tmp_path))
    with shaking("127.0.0.1", context, proxied=False) as port:
        assert served(port, str(tmp_path)).certificate is not None


def test_one_that_drops_every_handshake_is_broken() -> None:
    with listening("127.0.0.1", lambda _: None) as port:
        assert served(port).failure is NoHandshake.TLS
    assert served(port).failure is NoHandshake.REFUSED


def test_what_is_wrong_stays_wrong() -> None:
    with serving("127.0.0.2", status="502 Bad Gateway") as port:
        assert (asked(port).status, asked(port).ok) == (502, False)
    with serving("127.0.0.1", proxied=True, status="503 Unavailable") as port:
        assert asked(port).status == 503
    assert asked(port).failure is HttpFailure.REFUSED


def test_a_connection_that_is_dropped_is_told_as_it_was() -> None:
    with listening("127.0.0.1", lambda _: None) as port:
        assert asked(port).failure is HttpFailure.BROKEN_ANSWER
