"""The `ssh` process of a connection: early, abandoned, killed, frozen."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from remediate.core.host import Host, SshTarget
from remediate.errors import ConfigurationError
from remediate.project.project import Project, SshClient
from remediate.transport.dialing import Connections
from remediate.transport.link import LinkLost
from remediate.transport.openssh import client, connecting
from remediate.transport.openssh.connecting import Connecting, connect
from support.sshd import USER, Lab, run, settled


@pytest.fixture
def folder(runtime: Path) -> Path:
    found = client.private_folder()
    assert found.parent == runtime
    return found


def sockets(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_socket()]


def test_it_logs_in_before_anybody_asks(lab: Lab) -> None:
    server = lab.sshd()
    host = Host(name="web1", ssh=lab.target(server))
    with Connections((host,), SshClient.OPENSSH) as connections:
        assert settled(lambda: "Accepted publickey" in server.log)
        connections(host).close()


def test_a_connection_that_nobody_asked_for_is_closed(lab: Lab, folder: Path) -> None:
    server = lab.sshd()
    host = Host(name="web1", ssh=lab.target(server))
    with Connections((host,), SshClient.OPENSSH):
        assert settled(lambda: sockets(folder) != [])
    assert settled(lambda: sockets(folder) == [])
    assert settled(lambda: not server.children())


def test_a_connection_that_is_asked_for_too_late_is_opened_anew(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = lab.sshd()
    with monkeypatch.context() as brief:  # The second time, a busy machine may need more than a second to enter.
        brief.setattr(client, "PERSIST", 1)
        brief.setattr(connecting, "_UNASKED_SECONDS", 0.5)
        begun = Connecting(lab.target(server))
    assert settled(lambda: "Accepted publickey" in server.log)
    assert settled(lambda: not server.children() and begun._unasked.over)
    with begun.link() as link:
        assert run(link, "echo in")[0] == b"in\n"


def test_no_pipe_is_a_lost_link_and_leaves_nothing_open(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        before = len(list(Path("/proc/self/fd").iterdir()))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pipe", lambda: os.open("/nowhere", os.O_RDONLY))
            with pytest.raises(LinkLost):
                link.start("true", seconds=5)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        assert run(link, "echo in")[0] == b"in\n"


def test_a_login_that_is_given_up_leaves_no_process(lab: Lab, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = SshTarget(address="127.0.0.1", port=silent.getsockname()[1], user=USER, key_file=lab.key)
        begun = Connecting(target)
        begun.close()
    assert begun._process.returncode == -signal.SIGKILL
    assert sockets(folder) == []


def test_a_killed_controller_leaves_no_connection(lab: Lab, folder: Path) -> None:
    server = lab.sshd()
    (lab.folder / "own").write_text(f"UserKnownHostsFile {lab.known_hosts}\n")
    target = lab.target(server, config_file=lab.folder / "own")
    text = (
        "import os, signal, sys\nfrom pydantic import TypeAdapter\nfrom remediate.core.host import SshTarget\n"
        "from remediate.transport.openssh import client, connecting\n"
        "client.PERSIST = 4\nlink = connecting.connect(TypeAdapter(SshTarget).validate_json(sys.argv[1]))\n"
        "channel = link.start('echo in; cat >/dev/null', seconds=60)\nassert channel.receive() == b'in\\n'\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, TypeAdapter(SshTarget).dump_json(target)], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert settled(lambda: sockets(folder) == [])
    assert settled(lambda: not server.children())


def test_a_connection_outlives_a_long_silence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd()
    monkeypatch.setattr(client, "PERSIST", 4)
    with connect(lab.target(server)) as link:
        time.sleep(5.5)  # A person may take minutes to consent.
        assert run(link, "echo still here")[0] == b"still here\n"


def test_a_frozen_peer_that_takes_no_more_bytes(lab: Lab, folder: Path) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        channel = link.start("cat >/dev/null", seconds=1.5)
        server.signal_children(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            channel.send(b"x" * 50_000_000)
    assert settled(lambda: not Path(f"/proc/{link._process}").exists())
    assert sockets(folder) == []


def test_an_ssh_that_dies_is_a_lost_link(lab: Lab) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        channel = link.start("echo in; exec sleep 60", seconds=30)
        assert channel.receive() == b"in\n"
        os.kill(link._process, signal.SIGKILL)
        with pytest.raises(LinkLost):
            channel.receive()
        assert channel.finish()[0] is None
        with pytest.raises(LinkLost):
            link.start("true", seconds=5)


def test_a_program_that_ends_with_255_is_no_lost_link(lab: Lab) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        assert run(link, "exit 255") == (b"", 255, b"")


def test_no_fabric_is_imported(lab: Lab) -> None:
    text = (
        "import sys\nfrom remediate.core.host import SshTarget\n"
        "from remediate.transport.dialing import Dialling\n"
        "from remediate.errors import Unreachable\n"
        "try: Dialling(SshTarget(address='127.0.0.1', port=1)).session()\n"
        "except Unreachable as error: print(error.code.value, sorted({'fabric', 'paramiko'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "connection-refused []\n"


def test_the_setting_of_a_project(tmp_path: Path) -> None:
    def chosen(text: str) -> SshClient:
        (tmp_path / "pyproject.toml").write_text(f"[tool.remediate]\n{text}\n")
        return Project(tmp_path).ssh_client()

    assert Project(None).ssh_client() is chosen("") is SshClient.AUTO
    assert chosen('ssh = "openssh"') is SshClient.OPENSSH
    assert chosen('ssh = "fabric"') is SshClient.FABRIC
    for wrong in ('ssh = "putty"', "ssh = 1", "ssh = []", "ssh = {}"):
        with pytest.raises(ConfigurationError, match="ssh takes auto, openssh, fabric"):
            chosen(wrong)
