"""Logins over SSH: the host's key verified, and ours offered."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

import remediate.transport.ssh
from remediate.errors import UnreachableCode
from remediate.transport.link import Link, LinkLost
from remediate.transport.ssh.ssh_link import SshLink
from support.sshd import USER, Connect, Lab, fingerprint, keygen, output, public, refused, run, settled

# --- host keys


def test_known_key_connects(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    with connect(lab.target(server)) as link:
        assert isinstance(link, Link)
        assert run(link, "echo hello; echo oops >&2; exit 3") == (b"hello\n", 3, b"oops\n")
    with pytest.raises(LinkLost):
        link.start("true", seconds=5)


def test_the_wire_of_fabric_is_tuned_and_leaves_no_thread(fabric_link: SshLink) -> None:
    wire = fabric_link._transport.sock
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0
    fabric_link.close()
    assert settled(lambda: not fabric_link._transport.is_alive())


def test_hashed_known_hosts(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(lab.known_hosts)], check=True, capture_output=True)
    assert lab.known_hosts.read_text().startswith("|1|")
    connect(lab.target(server)).close()


def test_unknown_key(lab: Lab, connect: Connect) -> None:
    server = lab.stranger()
    message = refused(connect, lab.target(server), UnreachableCode.HOST_KEY_UNKNOWN)
    for part in (
        f"127.0.0.1:{server.port}",
        fingerprint(server.host_keys[0]),
        str(lab.known_hosts),
        "nothing was sent",
    ):
        assert part in message
    assert not server.has_seen_a_login()


def test_changed_key(lab: Lab, connect: Connect) -> None:
    server = lab.stranger()
    other = keygen(lab.folder / "other")
    lab.know(server, other)
    message = refused(connect, lab.target(server), UnreachableCode.HOST_KEY_CHANGED)
    assert fingerprint(server.host_keys[0]) in message
    assert fingerprint(other) in message
    assert not server.has_seen_a_login()


def test_a_login_is_seen_when_there_is_one(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    connect(lab.target(server)).close()
    assert settled(server.has_seen_a_login)


def test_revoked_key_is_refused_although_known_and_pinned(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    lab.know(server, marker="@revoked ")
    pin = fingerprint(server.host_keys[0])
    for host_key in (None, pin):
        message = refused(connect, lab.target(server, host_key=host_key), UnreachableCode.HOST_KEY_REVOKED)
        assert "revoked" in message
    assert not server.has_seen_a_login()


def test_revoked_host_keys_file(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    lab.configure(f"RevokedHostKeys {lab.folder}/revoked\n")
    (lab.folder / "revoked").write_text(public(server.host_keys[0]) + "\n")
    refused(connect, lab.target(server), UnreachableCode.HOST_KEY_REVOKED)


def test_pin_beats_known_hosts(lab: Lab, connect: Connect) -> None:
    server = lab.stranger()
    lab.know(server, keygen(lab.folder / "other"))
    connect(lab.target(server, host_key=fingerprint(server.host_keys[0]))).close()


def test_pin_mismatch(lab: Lab, connect: Connect) -> None:
    server = lab.sshd("ed25519", "rsa", "ecdsa")
    pin = fingerprint(keygen(lab.folder / "other"))
    message = refused(connect, lab.target(server, host_key=pin), UnreachableCode.HOST_KEY_CHANGED)
    assert pin in message
    assert fingerprint(server.host_keys[0]) in message
    assert not server.has_seen_a_login()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_pin_of_any_kind_of_key(lab: Lab, kind: str, connect: Connect) -> None:
    server = lab.stranger("ed25519", "rsa", "ecdsa")
    pin = next(fingerprint(key) for key in server.host_keys if key.name == f"host_{kind}")
    connect(lab.target(server, host_key=pin)).close()


def test_known_kind_of_key_is_asked_for(lab: Lab, connect: Connect) -> None:
    server = lab.stranger("ed25519", "rsa")
    lab.know(server, server.host_keys[1])
    connect(lab.target(server)).close()


def test_key_of_another_kind_than_known_is_a_change(lab: Lab, connect: Connect) -> None:
    server = lab.stranger("ed25519")
    lab.know(server, keygen(lab.folder / "old", "rsa"))
    refused(connect, lab.target(server), UnreachableCode.HOST_KEY_CHANGED)


def test_host_key_alias(lab: Lab, connect: Connect) -> None:
    server = lab.stranger()
    lab.configure("Host 127.0.0.1\n HostKeyAlias web-one\n")
    lab.known_hosts.write_text(f"web-one {public(server.host_keys[0])}\n")
    connect(lab.target(server)).close()


# --- authentication


def test_wrong_client_key(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    stranger = keygen(lab.folder / "stranger")
    message = refused(connect, lab.target(server, key_file=stranger), UnreachableCode.AUTHENTICATION)
    assert str(stranger) in message
    assert (
        len(
            re.findall(
                r"Failed publickey|userauth-request for user \S+ service ssh-connection method publickey", server.log
            )
        )
        <= 2
    )


@pytest.mark.parametrize("case", ["missing", "passphrase", "nonsense", "directory"])
def test_key_file_that_cannot_be_used(lab: Lab, case: str, connect: Connect) -> None:
    server = lab.sshd()
    path = lab.folder / case
    if case == "passphrase":
        keygen(path, passphrase="secret")
    elif case == "nonsense":
        path.write_text("nonsense\n")
    elif case == "directory":
        path.mkdir()
    assert str(path) in refused(connect, lab.target(server, key_file=path), UnreachableCode.KEY_FILE)


def test_key_with_a_passphrase_through_the_agent(lab: Lab, monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    server = lab.sshd()
    path = lab.folder / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        assert settled(path.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        assert settled(lambda: subprocess.run(["ssh-add", "-q", str(lab.key)], check=False).returncode == 0)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(lab.key)], check=True, capture_output=True
        )
        connect(lab.target(server)).close()
        connect(lab.target(server, key_file=None)).close()
        lab.configure("IdentityAgent none\n")
        refused(connect, lab.target(server), UnreachableCode.KEY_FILE)
    finally:
        agent.terminate()
        agent.wait()


def test_no_source_of_the_package_accepts_any_key() -> None:
    for path in Path(remediate.transport.ssh.__file__).parent.rglob("*.py"):
        assert "AutoAddPolicy" not in path.read_text(), path


def test_a_certificate_beside_a_good_key_that_has_expired(lab: Lab, connect: Connect) -> None:
    server = lab.sshd()
    keygen(lab.key.with_name("authority"))
    subprocess.run(
        [
            *("ssh-keygen", "-q", "-s", str(lab.key.with_name("authority")), "-I", "ana", "-n", USER),
            *("-V", "20200101:20200102", f"{lab.key}.pub"),
        ],
        check=True,
    )
    assert lab.key.with_name(f"{lab.key.name}-cert.pub").exists()
    with connect(lab.target(server)) as link:
        channel = link.start("echo in", seconds=5)
        assert output(channel) == b"in\n"
