"""Fixtures: a server of a test's own, and a link to one that all share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.transport.ssh.connection import connect
from remediate.transport.ssh.ssh_link import SshLink
from support.sshd import Lab, keygen, use_config


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that no test changes, for what needs nothing special."""
    folder = tmp_path_factory.mktemp("shared")
    lab = Lab(folder, keygen(folder / "client"))
    server = lab.sshd("ed25519", "rsa", settings="MaxSessions 40\n")
    lab.know(server)
    yield lab
    server.stop()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path, keygen(tmp_path / "client"))
    use_config(tmp_path, monkeypatch)
    yield made
    for server in made.servers:
        server.stop()


@pytest.fixture
def link(shared: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshLink]:
    use_config(tmp_path, monkeypatch)
    shutil.copy(shared.known_hosts, tmp_path / "known_hosts")
    with connect(shared.target(shared.servers[0])) as opened:
        yield opened
