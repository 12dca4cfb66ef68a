"""SSH through jump hosts, and over networks that fail."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

from remediate.core.host import SshTarget
from remediate.errors import Unreachable, UnreachableCode
from remediate.transport.ssh.connection import connect as connect_fabric
from support.sshd import USER, Connect, Lab, free_port, keygen, refused, run, settled

# --- jump hosts


def test_through_a_jump_host(lab: Lab, connect: Connect) -> None:
    jump, server = lab.sshd(), lab.sshd()
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    before = set(threading.enumerate())
    with connect(target) as link:
        assert run(link, "echo through")[0] == b"through\n"
    assert settled(lambda: set(threading.enumerate()) <= before)
    assert "direct-tcpip" in jump.log


def test_jump_host_of_the_configuration_with_an_alias(lab: Lab, connect: Connect) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.configure(
        f"Host web\n HostName 127.0.0.1\n Port {server.port}\n ProxyJump bastion\n"
        f"Host bastion\n HostName 127.0.0.1\n Port {jump.port}\nHost *\n IdentityFile {lab.key}\n"
    )
    with connect(SshTarget(address="web")) as link:
        assert run(link, "echo $SSH_CONNECTION")[1] == 0
    assert "direct-tcpip" in jump.log


def test_jump_host_with_a_wrong_key(lab: Lab, connect: Connect) -> None:
    jump, server = lab.stranger(), lab.sshd()
    lab.know(jump, keygen(lab.folder / "other"))
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    message = refused(connect, target, UnreachableCode.HOST_KEY_CHANGED)
    assert message.startswith("jump host ")
    assert not jump.has_seen_a_login()
    assert not server.has_seen_a_login()


def test_wrong_key_behind_a_jump_host(lab: Lab, connect: Connect) -> None:
    jump, server = lab.sshd(), lab.stranger()
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    refused(connect, target, UnreachableCode.HOST_KEY_UNKNOWN)
    assert not server.has_seen_a_login()


def test_closed_port_behind_a_jump_host(lab: Lab, connect: Connect) -> None:
    jump = lab.sshd()
    target = SshTarget(
        address="127.0.0.1", port=free_port(), user=USER, key_file=lab.key, jumps=(f"{USER}@127.0.0.1:{jump.port}",)
    )
    refused(connect, target, UnreachableCode.REFUSED)


# --- the network


def test_closed_port(lab: Lab, connect: Connect) -> None:
    target = SshTarget(address="127.0.0.1", port=free_port(), user=USER, key_file=lab.key)
    refused(connect, target, UnreachableCode.REFUSED)


def test_name_that_does_not_resolve(lab: Lab, connect: Connect) -> None:
    refused(
        connect, SshTarget(address="no-such-host.test", user=USER, key_file=lab.key), UnreachableCode.NAME, seconds=20
    )


def test_an_address_that_is_yet_to_come_is_said_to_be_one_before_any_key_is_looked_for(
    tmp_path: Path, connect: Connect
) -> None:
    with pytest.raises(Unreachable, match=r"^staging\.invalid:22: .*leads nowhere.*: staging\.up$") as caught:
        connect(SshTarget(address="staging.invalid", user=USER, key_file=tmp_path / "none"))
    assert caught.value.code is UnreachableCode.NAME


def test_name_resolution_that_hangs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(3600) and [])
    try:
        with pytest.raises(Unreachable) as caught:
            connect_fabric(SshTarget(address="slow.example.com", user=USER, key_file=lab.key), seconds=0.5)
        assert caught.value.code is UnreachableCode.TIMEOUT
    finally:
        over.set()


def test_server_that_stays_silent(lab: Lab, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        target = SshTarget(address="127.0.0.1", port=silent.getsockname()[1], user=USER, key_file=lab.key)
        refused(connect, target, UnreachableCode.TIMEOUT, seconds=1)
        assert time.monotonic() - start < 12  # paramiko's own patience with a banner is 15 s


def test_connect_timeout_of_the_configuration(lab: Lab, connect: Connect) -> None:
    lab.configure("ConnectTimeout 1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = SshTarget(address="127.0.0.1", port=silent.getsockname()[1], user=USER, key_file=lab.key)
        refused(connect, target, UnreachableCode.TIMEOUT, seconds=3600)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n\xff\xff\xff\xff\x00junk", b""])
def test_server_that_speaks_something_else(
    lab: Lab, answer: bytes, capfd: pytest.CaptureFixture[str], connect: Connect
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(answer)
                connection.settimeout(0.2)
                with contextlib.suppress(OSError):
                    connection.recv(100)

        thread = threading.Thread(target=serve)
        thread.start()
        target = SshTarget(address="127.0.0.1", port=server.getsockname()[1], user=USER, key_file=lab.key)
        with pytest.raises(Unreachable) as caught:
            connect(target, seconds=5)
        thread.join()
    assert caught.value.code is UnreachableCode.NETWORK
    assert capfd.readouterr() == ("", "")
