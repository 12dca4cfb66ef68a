"""Fixtures: an HTTP server, an authority for its certificates, hosts on paper, and servers for both SSH clients."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from remediate.testing import PaperHost, installed_shells
from remediate.transport.openssh import connecting
from remediate.transport.ssh import connection
from remediate.transport.ssh.ssh_link import SshLink
from support.http_server import Authority, Server, certificate_for
from support.paper_hosts import paper_host
from support.sshd import Connect, Lab, OpenLink, keygen, use_config


@pytest.fixture
def server() -> Iterator[Server]:
    each = Server()
    yield each
    each.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_for("Test Authority", key, None)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(file, key, certificate)


@pytest.fixture
def sh_host(tmp_path: Path) -> Iterator[PaperHost]:
    with paper_host(tmp_path / "host", "sh") as paper:
        yield paper


@pytest.fixture(params=[name for name in installed_shells() if name != "mksh"])
def any_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with paper_host(tmp_path / "host", request.param) as paper:
        yield paper


@pytest.fixture(params=[name for name in installed_shells() if name != "mksh"])
def acting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host", shell=request.param) as paper:
        yield paper


@pytest.fixture(params=installed_shells())
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host", shell=request.param) as paper:
        yield paper


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that no test changes, for what needs nothing special."""
    folder = tmp_path_factory.mktemp("shared")
    lab = Lab(folder, keygen(folder / "client"))
    server = lab.sshd("ed25519", "rsa", settings="MaxSessions 40\n")
    yield lab
    server.stop()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a test's own for control sockets; its name is short, as their paths have to be."""
    folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lab(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path, keygen(tmp_path / "client"))
    use_config(tmp_path, monkeypatch)
    yield made
    for server in made.servers:
        server.stop()


@pytest.fixture(params=["fabric", "openssh"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Both ways to open a link: what holds of one holds of the other."""
    made: dict[str, Connect] = {"fabric": connection.connect, "openssh": connecting.connect}
    return made[request.param]


@pytest.fixture
def link(
    shared: Lab, tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> Iterator[OpenLink]:
    use_config(tmp_path, monkeypatch)
    shutil.copy(shared.known_hosts, tmp_path / "known_hosts")
    with connect(shared.target(shared.servers[0])) as opened:
        yield opened


@pytest.fixture
def fabric_link(shared: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshLink]:
    use_config(tmp_path, monkeypatch)
    shutil.copy(shared.known_hosts, tmp_path / "known_hosts")
    with connection.connect(shared.target(shared.servers[0])) as opened:
        yield opened
