"""A page asked for on the host that serves it, with the real curl and ss, however it listens."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from remediate.command import Output, Run
from remediate.probes.certificate import ServedCertificate
from remediate.probes.http import Answer, Failure, Site
from remediate.vantage import Vantage


@contextmanager
def serving(
    address: str, *, proxied: bool = False, status: str = "200 OK", context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Answer every request; behind a load balancer, only one that begins with its header."""
    page = f"HTTP/1.1 {status}\r\nContent-Length: 7\r\nConnection: close\r\n\r\nWelcome".encode()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            if context is not None:
                try:
                    connection = context.wrap_socket(connection, server_side=True)
                except OSError:  # whoever does not trust it leaves
                    continue
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
    [("own", "other", None), ("other", "own", None), ("", "own", None), ("other", "other", Failure.CERTIFICATE)],
)
def test_who_signed_is_looked_for_in_the_folder_of_authorities_and_then_in_the_file(
    in_folder: str, in_file: str, failure: Failure | None, tmp_path: Path
) -> None:
    context, own = certified(tmp_path / "own")
    authorities = {"own": own, "other": certified(tmp_path / "other")[1]}
    folder = trusting(tmp_path / "certs", *([authorities[in_folder]] if in_folder else []))
    with serving("127.0.0.1", context=context) as port:
        probe = Site(url=f"https://shop.example.com:{port}/", asked_from=Vantage.HOST, contains="Welcome", seconds=5)
        command = probe.command()
        assert isinstance(command, Run)
        done = subprocess.run(
            [word.replace("/etc/ssl/certs", str(folder)) for word in command.argv],
            env={"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": str(authorities[in_file])},
            check=False,
            capture_output=True,
            text=True,
        )
    answer = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert (answer.ok, answer.failure) == (failure is None, failure)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_a_certificate_is_seen_wherever_it_is_served(address: str, tmp_path: Path) -> None:
    context, _ = certified(tmp_path)
    with socket.create_server((address, 0)) as server:

        def shake() -> None:
            with server.accept()[0] as plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)

        thread = threading.Thread(target=shake)
        thread.start()
        probe = ServedCertificate(domain="shop.example.com", asked_from=Vantage.HOST, port=server.getsockname()[1])
        command = probe.command()
        assert isinstance(command, Run)
        result = subprocess.run(command.argv, check=False, capture_output=True, text=True, timeout=30)
        thread.join(30)
    seen = probe.read(Output(stdout=result.stdout, stderr=result.stderr, exit=result.returncode))
    assert seen.certificate is not None, seen
    assert seen.covers


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
