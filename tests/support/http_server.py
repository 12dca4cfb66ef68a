"""An HTTP server of raw bytes, certificates for it, and both ways to ask."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from remediate.core.command import CurlExit, HttpRequest, Output
from remediate.core.vantage import Vantage
from remediate.probes.http import HttpAnswer, Site
from remediate.transport.controller import fetch
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


def get(server: Server, path: str = "/", *, seconds: float = 5) -> HttpRequest:
    return HttpRequest(url=f"http://127.0.0.1:{server.port}{path}", seconds=seconds)


def header(asked: bytes, name: str) -> list[str]:
    lines = asked.decode().split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}: ")]


class Authority(NamedTuple):
    file: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def certificate_for(
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


def with_tls(server: Server, directory: Path, name: str, issuer: Authority | None, *, days: int = 30) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = directory / f"{name}-{days}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate_for(name, key, issuer, days=days).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, asked, __: server.names.append(asked)
    server.context = context


def https(server: Server, name: str, ca: Path | None) -> HttpRequest:
    return HttpRequest(url=f"https://{name}/", resolve=f"127.0.0.1:{server.port}", ca_file=ca, seconds=5)
