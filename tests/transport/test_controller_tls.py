"""TLS from the controller and on a host: trusted pages and certificates seen."""

import errno
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from remediate.core.command import HttpRequest, Output, TlsRequest
from remediate.core.facts import Facts
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.certificate import NoHandshake, ServedCertificate, ServedState
from remediate.probes.http import HttpFailure, Site
from remediate.transport.controller import HttpController, fetch, handshake
from support.http_server import Authority, Server, answer, answers, header, https, reply, with_tls

# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_a_trusted_certificate_for_the_name(server: Server, authority: Authority, tmp_path: Path) -> None:
    with_tls(server, tmp_path, "example.com", authority)
    server.says(reply(200))
    assert answer(https(server, "example.com", authority.file)).ok is True
    assert server.names == ["example.com"] * 2
    assert [header(asked, "Host") for asked in server.asked] == [["example.com"]] * 2


@pytest.mark.parametrize(
    ("name", "signed", "known", "days"),
    [
        pytest.param("example.com", True, False, 60, id="an unknown authority"),
        pytest.param("example.com", False, True, 60, id="self-signed"),
        pytest.param("other.example.com", True, True, 60, id="for another name"),
        pytest.param("example.com", True, True, -1, id="expired"),
    ],
)
def test_a_certificate_that_is_not_trusted(
    server: Server, authority: Authority, tmp_path: Path, name: str, signed: bool, known: bool, days: int
) -> None:
    with_tls(server, tmp_path, name, authority if signed else None, days=days)
    server.says(reply(200))
    seen = answer(https(server, "example.com", authority.file if known else None))
    assert (seen.failure, any(server.asked)) == (HttpFailure.CERTIFICATE, False)


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


# -- a handshake, from here and as openssl on a host would begin it ----------------------------------------------------


def s_client(request: TlsRequest, ca: Path | None = None) -> Output:
    """Run what a host would run; `ca` is one of the system's authorities."""
    run = request.s_client()
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_DIR": "/nowhere", "SSL_CERT_FILE": str(ca or "/nowhere")}
    done = subprocess.run(
        run.argv, capture_output=True, check=False, timeout=run.seconds + 10, env=environment, encoding="utf-8"
    )
    return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)


def shaken(server: Server, ca: Path | None, *, seconds: float = 5) -> ServedState:
    """Ask both ways, and read both as the probe does; when it was asked may differ by a second or two."""
    request = TlsRequest(name="example.com", resolve=f"127.0.0.1:{server.port}", ca_file=ca, seconds=seconds)
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.CONTROLLER)
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
    found = shaken(server, authority.file if trusted else None)
    assert (found.verify, found.covers, found.ok, found.trusted) == (verify, name == "example.com", ok, True)
    assert found.certificate is not None
    assert found.certificate.names == (name, "127.0.0.9")
    assert found.certificate.expired(found.asked) is (days < 0)
    assert set(server.names) == {"example.com"}


@pytest.mark.parametrize("days", [60, -3])
def test_a_chain_that_leads_nowhere(server: Server, authority: Authority, tmp_path: Path, days: int) -> None:
    with_tls(server, tmp_path, "example.com", authority, days=days)
    found = shaken(server, None)
    assert (found.ok, found.trusted, found.covers) == (False, False, True)
    assert found.describe().endswith(f"not trusted (verify code {found.verify})")


@pytest.mark.parametrize("speaks", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_who_does_not_speak_tls(server: Server, speaks: bytes) -> None:
    server.serve = lambda connection: connection.sendall(speaks)
    assert shaken(server, None).failure is NoHandshake.TLS


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    request = TlsRequest(name="example.com", resolve=f"127.0.0.1:{port}")
    probe = ServedCertificate(domain="example.com", asked_from=Vantage.CONTROLLER)
    assert {probe.read(each).failure for each in (handshake(request), s_client(request))} == {NoHandshake.REFUSED}


def test_a_handshake_that_drips_ends_at_its_deadline(server: Server) -> None:
    def drip(connection: socket.socket) -> None:
        # The beginning of a record that would be long: each byte comes before any one read gives up.
        for byte in b"\x16\x03\x03\x40\x00" + bytes(3600):
            connection.sendall(bytes([byte]))
            if server.stopping.wait(0.3):
                return

    server.serve = drip
    assert shaken(server, None, seconds=1).failure is NoHandshake.TIMEOUT


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
