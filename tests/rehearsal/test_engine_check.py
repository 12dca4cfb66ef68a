"""The proof of an engine, and the installation, with stub programs."""

import dataclasses
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.rehearsal import engine_check, install
from remediate.rehearsal.container import ContainerEngine
from remediate.rehearsal.engine_check import check_engine
from remediate.rehearsal.machine import Cgroups, Machine, StagingError

MACHINE = Machine(
    engine="podman",
    rootless=False,
    cgroups=Cgroups.V2,
    v2_tree=None,
    raises_limits=True,
    open_files=1_048_576,
    processes=127_000,
    has_runc=False,
)
NO_IPTABLES = "Error: netavark: unable to execute iptables: No such file or directory (os error 2)"


class StubEngine:
    """A podman that knows one container; `run` decides what becomes of it."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.state = folder / "state.json"
        self.run = folder / "run"
        self.run.write_text(f"cp {self.state} {folder}/container.json")
        program = folder / "podman"
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{self.calls}\ncase $1 in\n'
            f"import) [ $(wc -c) = 10240 ] ;;\nrun) . {self.run} ;;\nrm) rm -f {folder}/container.json ;;\n"
            f"container) cat {folder}/container.json ;;\nlogs) echo 'python: not found' ;;\nesac\n"
        )
        program.chmod(0o755)
        self.engine = ContainerEngine(str(program), MACHINE)
        self.publishes(1)

    def publishes(self, port: int, running: bool = True) -> None:
        ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
        state = {"State": {"Running": running}, "Config": {"Labels": {}}, "NetworkSettings": {"Ports": ports}}
        self.state.write_text(json.dumps([state]))

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def stub(tmp_path: Path) -> StubEngine:
    return StubEngine(tmp_path)


@pytest.fixture
def listener() -> Iterator[int]:
    """Say what a container of ours says, on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as client:
                client.sendall(b"ready")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


def test_an_engine_whose_published_port_answers_passes_and_nothing_is_left(stub: StubEngine, listener: int) -> None:
    stub.publishes(listener)
    check_engine(stub.engine, "0123abcd")
    started = next(call for call in stub.called if call.startswith("run "))
    assert "-p 127.0.0.1::8000" in started
    assert "--label io.remediate.checkout=0123abcd" in started
    assert stub.called[-2:] == [
        "container inspect remediate-0123abcd-engine-check",
        "rmi localhost/remediate-engine-check:0123abcd",
    ]


def test_an_engine_that_cannot_publish_says_why(stub: StubEngine) -> None:
    stub.run.write_text(f"echo '{NO_IPTABLES}' >&2; exit 126")
    with pytest.raises(StagingError, match=r"^podman run: Error: netavark: unable to execute iptables"):
        check_engine(stub.engine, "0123abcd")
    assert stub.called[-1].startswith("rmi ")


def test_a_published_port_that_nobody_answers_is_no_proof(stub: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_check, "_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    stub.publishes(port)
    with pytest.raises(StagingError, match="a published port did not answer"):
        check_engine(stub.engine, "0123abcd")


def test_a_container_that_ends_at_once_is_no_proof(stub: StubEngine) -> None:
    stub.publishes(1, running=False)
    with pytest.raises(StagingError, match="a container ended at once: python: not found"):
        check_engine(stub.engine, "0123abcd")


# -- what is installed then --------------------------------------------------------------------------------------------


@pytest.fixture
def apt(tmp_path: Path, stub: StubEngine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand for a machine whose podman lacks iptables until apt-get installs it; return where that writes its calls."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    log = tmp_path / "apt"
    stub_apt = bin_folder / "apt-get"
    stub_apt.write_text(f'#!/bin/sh\necho "$*" >>{log}\n')
    stub_apt.chmod(0o755)
    for name in ("env", "mmdebstrap"):
        (bin_folder / name).symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", f"{bin_folder}:/bin")

    def find(wanted: str | None = None) -> ContainerEngine:
        if wanted == "docker":
            raise ConfigurationError("docker is not installed")
        return stub.engine

    monkeypatch.delenv("REMEDIATE_ENGINE", raising=False)
    monkeypatch.setattr(install, "find_engine", find)
    monkeypatch.setattr("shutil.which", lambda name: str(path) if (path := bin_folder / name).exists() else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def check(*_: object) -> None:
        if not log.exists() or "iptables" not in log.read_text():
            raise StagingError(f"podman run: {NO_IPTABLES}")

    monkeypatch.setattr(install, "check_engine", check)
    return log


def test_podman_that_only_answers_info_gets_what_it_lacks(apt: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert install.main() == 0
    _, installed = apt.read_text().splitlines()
    assert {"podman", "netavark", "iptables", "nftables", "ca-certificates"} <= set(installed.split())
    said = capfd.readouterr().err
    assert NO_IPTABLES in said
    assert said.endswith("ready: podman runs a container, and its published port answers\n")


def test_who_is_not_root_reads_in_one_line_what_is_missing(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install.main() == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"podman run: {NO_IPTABLES}; ")
    assert "run: sudo apt-get install -y --no-install-recommends podman " in line
    assert not apt.exists()


def test_what_no_package_mends_is_said(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def check(*_: object) -> None:
        raise StagingError("podman run: Error: the kernel has no bridges")

    monkeypatch.setattr(install, "check_engine", check)
    assert install.main() == 2
    assert (
        "the kernel has no bridges; no package of podman is missing; to use one"
        in capfd.readouterr().err.splitlines()[-1]
    )


def test_who_is_not_root_is_not_told_to_install_what_is_there(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    installed = apt.parent / "bin" / "dpkg-query"
    installed.write_text('#!/bin/sh\nshift 3; for each; do echo "$each $STATE"; done\n')
    installed.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("STATE", "installed")
    assert install.main() == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line == f"podman run: {NO_IPTABLES}; no package of podman is missing{install._choice()}"
    monkeypatch.setenv("STATE", "config-files")  # removed, and its settings are kept
    assert install.main() == 2
    assert "run: sudo apt-get install -y --no-install-recommends podman " in capfd.readouterr().err


def test_docker_that_works_is_named_where_podman_does_not(
    apt: Path, stub: StubEngine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    docker = ContainerEngine("docker", dataclasses.replace(MACHINE, engine="docker"))

    def check(engine: ContainerEngine, _: str) -> None:
        if engine is stub.engine:
            raise StagingError("podman run: a published port did not answer")

    monkeypatch.setattr(install, "find_engine", lambda wanted=None: docker if wanted == "docker" else stub.engine)
    monkeypatch.setattr(install, "check_engine", check)
    assert install.main() == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("; docker works here: export REMEDIATE_ENGINE=docker, then run this again")
    assert not apt.exists()


def test_who_chose_docker_is_not_told_to_install_podman(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def find(_: str | None = None) -> ContainerEngine:
        raise ConfigurationError("no container engine: docker does not work: permission denied")

    monkeypatch.setenv("REMEDIATE_ENGINE", "docker")
    monkeypatch.setattr(install, "find_engine", find)
    assert install.main() == 2
    assert "apt-get" not in capfd.readouterr().err
    assert not apt.exists()


def test_without_a_base_system_mmdebstrap_is_installed(
    apt: Path, stub: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "check_engine", lambda *_: None)
    monkeypatch.setattr(install, "registry_answers", lambda: True)
    monkeypatch.setattr(install, "pull", lambda *_: False)  # it answers, and gives nothing
    monkeypatch.setattr(ContainerEngine, "has_image", lambda *_: False)
    (apt.parent / "bin" / "mmdebstrap").unlink()
    assert install.main() == 0
    assert apt.read_text().splitlines()[-1].endswith("install --no-install-recommends mmdebstrap")


def test_a_client_of_ssh_is_installed_for_who_needs_one(
    apt: Path, stub: StubEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "check_engine", lambda *_: None)
    monkeypatch.setattr(install, "registry_answers", lambda: True)
    assert install.main(["ssh"]) == 0
    assert apt.read_text().splitlines()[-1].endswith("install --no-install-recommends openssh-client")


def test_a_package_is_not_asked_for_where_there_is_no_apt(apt: Path) -> None:
    (apt.parent / "bin" / "apt-get").unlink()
    with pytest.raises(ConfigurationError, match=r"no apt-get: install it by its own means"):
        install._apt(("podman",), "no container engine")
