"""Fixtures: an HTTP server, an authority for its certificates, and hosts on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from remediate.testing import PaperHost, installed_shells
from support.http_server import Authority, Server, certificate_for
from support.paper_hosts import paper_host


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


@pytest.fixture(params=installed_shells())
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host", shell=request.param) as paper:
        yield paper
