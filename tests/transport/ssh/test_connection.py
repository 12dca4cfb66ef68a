"""The SSH link against a real sshd on 127.0.0.1, started for each session."""

import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fabric.connection import Connection

import remediate.transport.ssh
from remediate.core.host import SshTarget
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.transport.link import Channel, Link, LinkLost
from remediate.transport.ssh.channel import SshChannel
from remediate.transport.ssh.config import HostSpec, SshOptions, parse_jump, parse_options, resolve, route
from remediate.transport.ssh.connection import SshLink, connect, connection_link

USER = getpass.getuser()
FAR = 30.0
"""Seconds that no deadline here comes near on a busy machine; without one it takes a minute, or for ever."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)], check=True)
    return path


def public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def fingerprint(path: Path) -> str:
    shown = subprocess.run(["ssh-keygen", "-lf", str(path)], check=True, capture_output=True, text=True).stdout
    return shown.split()[1]


UNPACKED = Path(__file__).parents[3] / ".tools" / "sshd"
"""Where tests/get-programs.sh puts an sshd that is not installed."""


@dataclass
class Sshd:
    """A server of our own: its port, its keys, and what it logged."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    settings: str = ""
    host_keys: tuple[Path, ...] = ()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self, client_key: Path) -> None:
        places = (shutil.which("sshd"), "/usr/sbin/sshd", str(UNPACKED / "usr/sbin/sshd"))
        program = next((place for place in places if place and Path(place).exists()), None)
        if program is None:
            pytest.fail("these tests need sshd: run sh tests/get-programs.sh (it starts no service)")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it as root
        authorized = self.folder / "authorized_keys"
        authorized.write_text(public(client_key) + "\n")
        config = self.folder / "sshd_config"
        keys = "".join(f"HostKey {key}\n" for key in self.host_keys)
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n{keys}AuthorizedKeysFile {authorized}\n"
            "PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"LogLevel DEBUG1\nMaxStartups 100\nPrintMotd no\n"
            # A shell that takes itself for a nested one: bash then leaves out the .bashrc of whoever runs these tests.
            f"SetEnv SHLVL=5\n{self.settings}"
        )
        argv = [program, "-D", "-f", str(config), "-E", str(self.folder / "log")]
        libraries = ":".join(str(folder) for folder in UNPACKED.glob("usr/lib/*-linux-*"))
        environment = {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=environment)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        pytest.fail(f"sshd did not start: {self.log if (self.folder / 'log').exists() else ''}")

    def children(self) -> list[int]:
        """Return the processes that serve connections, and whatever they started."""
        assert self.process is not None
        found: list[int] = []
        todo = [self.process.pid]
        while todo:
            try:
                below = Path(f"/proc/{todo[0]}/task/{todo[0]}/children").read_text().split()
            except OSError:
                below = []
            todo = [*todo[1:], *map(int, below)]
            found += map(int, below)
        return found

    def signal_children(self, number: signal.Signals) -> None:
        for child in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    def stop(self) -> None:
        if self.process is not None:
            self.signal_children(signal.SIGCONT)
            self.signal_children(signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def has_seen_a_login(self) -> bool:
        # "none" is asked for the list of methods; any attempt to authenticate is logged by its user.
        return (
            re.search(r"userauth-request|Failed |Accepted |Connection (closed|reset) by authenticating", self.log)
            is not None
        )


@dataclass
class Lab:
    """What every test here starts from: a server, a client key and the client's ssh configuration."""

    folder: Path
    key: Path
    servers: list[Sshd] = field(default_factory=list)

    def sshd(self, *kinds: str, settings: str = "") -> Sshd:
        folder = self.folder / f"sshd{len(self.servers)}"
        folder.mkdir()
        keys = tuple(keygen(folder / f"host_{kind}", kind) for kind in kinds or ("ed25519",))
        server = Sshd(folder, settings=settings, host_keys=keys)
        self.servers.append(server)
        server.start(self.key)
        return server

    def configure(self, text: str) -> None:
        (self.folder / "config").write_text(text)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def know(self, server: Sshd, key: Path | None = None, marker: str = "") -> None:
        with self.known_hosts.open("a") as file:
            file.write(f"{marker}[127.0.0.1]:{server.port} {public(key or server.host_keys[0])}\n")

    def target(self, server: Sshd, **changes: Any) -> SshTarget:
        values: dict[str, Any] = {"address": "127.0.0.1", "port": server.port, "user": USER, "key_file": self.key}
        return SshTarget(**(values | changes))


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


def use_config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ssh -G` read the configuration in `folder` only, through a stand-in for ssh on PATH."""
    (folder / "config").write_text("")
    (folder / "known_hosts").touch()
    ssh = shutil.which("ssh")
    assert ssh is not None
    (folder / "bin").mkdir(exist_ok=True)
    wrapper = folder / "bin" / "ssh"
    wrapper.write_text(
        f"#!/bin/sh\nexec {ssh} -F {folder}/config -o UserKnownHostsFile={folder}/known_hosts"
        ' -o GlobalKnownHostsFile=/dev/null "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def link(shared: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshLink]:
    use_config(tmp_path, monkeypatch)
    shutil.copy(shared.known_hosts, tmp_path / "known_hosts")
    with connect(shared.target(shared.servers[0])) as opened:
        yield opened


def output(channel: Channel) -> bytes:
    parts = []
    while part := channel.receive():
        assert len(part) <= 65536
        parts.append(part)
    return b"".join(parts)


def run(link: Link, command: str, data: bytes = b"", seconds: float = 20) -> tuple[bytes, int | None, bytes]:
    channel = link.start(command, seconds=seconds)
    try:
        channel.send(data)
        channel.send(b"")
        shown = output(channel)
        return shown, *channel.finish()
    finally:
        channel.close()


def refused(target: SshTarget, code: UnreachableCode, **kwargs: Any) -> str:
    before = set(threading.enumerate())
    with pytest.raises(Unreachable) as caught:
        connect(target, **kwargs)
    assert caught.value.code is code, caught.value.message
    assert "\n" not in caught.value.message
    assert settled(lambda: set(threading.enumerate()) <= before), threading.enumerate()
    return caught.value.message


def settled(question: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


# --- host keys


def test_known_key_connects(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    with connect(lab.target(server)) as link:
        assert isinstance(link, Link)
        assert run(link, "echo hello; echo oops >&2; exit 3") == (b"hello\n", 3, b"oops\n")
        wire = link._transport.sock
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0
    assert settled(lambda: not link._transport.is_alive())


def test_hashed_known_hosts(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(lab.known_hosts)], check=True, capture_output=True)
    assert lab.known_hosts.read_text().startswith("|1|")
    connect(lab.target(server)).close()


def test_unknown_key(lab: Lab) -> None:
    server = lab.sshd()
    message = refused(lab.target(server), UnreachableCode.HOST_KEY_UNKNOWN)
    for part in (
        f"127.0.0.1:{server.port}",
        fingerprint(server.host_keys[0]),
        str(lab.known_hosts),
        "nothing was sent",
    ):
        assert part in message
    assert not server.has_seen_a_login()


def test_changed_key(lab: Lab) -> None:
    server = lab.sshd()
    other = keygen(lab.folder / "other")
    lab.know(server, other)
    message = refused(lab.target(server), UnreachableCode.HOST_KEY_CHANGED)
    assert fingerprint(server.host_keys[0]) in message
    assert fingerprint(other) in message
    assert not server.has_seen_a_login()


def test_a_login_is_seen_when_there_is_one(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    connect(lab.target(server)).close()
    assert settled(server.has_seen_a_login)


def test_revoked_key_is_refused_although_known_and_pinned(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    lab.know(server, marker="@revoked ")
    pin = fingerprint(server.host_keys[0])
    for host_key in (None, pin):
        message = refused(lab.target(server, host_key=host_key), UnreachableCode.HOST_KEY_REVOKED)
        assert "revoked" in message
    assert not server.has_seen_a_login()


def test_revoked_host_keys_file(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    lab.configure(f"RevokedHostKeys {lab.folder}/revoked\n")
    (lab.folder / "revoked").write_text(public(server.host_keys[0]) + "\n")
    refused(lab.target(server), UnreachableCode.HOST_KEY_REVOKED)


def test_pin_beats_known_hosts(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server, keygen(lab.folder / "other"))
    connect(lab.target(server, host_key=fingerprint(server.host_keys[0]))).close()


def test_pin_mismatch(lab: Lab) -> None:
    server = lab.sshd("ed25519", "rsa", "ecdsa")
    lab.know(server)
    pin = fingerprint(keygen(lab.folder / "other"))
    message = refused(lab.target(server, host_key=pin), UnreachableCode.HOST_KEY_CHANGED)
    assert pin in message
    assert fingerprint(server.host_keys[0]) in message
    assert not server.has_seen_a_login()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_pin_of_any_kind_of_key(lab: Lab, kind: str) -> None:
    server = lab.sshd("ed25519", "rsa", "ecdsa")
    pin = next(fingerprint(key) for key in server.host_keys if key.name == f"host_{kind}")
    connect(lab.target(server, host_key=pin)).close()


def test_known_kind_of_key_is_asked_for(lab: Lab) -> None:
    server = lab.sshd("ed25519", "rsa")
    lab.know(server, server.host_keys[1])
    connect(lab.target(server)).close()


def test_key_of_another_kind_than_known_is_a_change(lab: Lab) -> None:
    server = lab.sshd("ed25519")
    lab.know(server, keygen(lab.folder / "old", "rsa"))
    refused(lab.target(server), UnreachableCode.HOST_KEY_CHANGED)


def test_host_key_alias(lab: Lab) -> None:
    server = lab.sshd()
    lab.configure("Host 127.0.0.1\n HostKeyAlias web-one\n")
    lab.known_hosts.write_text(f"web-one {public(server.host_keys[0])}\n")
    connect(lab.target(server)).close()


# --- jump hosts


def test_through_a_jump_host(lab: Lab) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.know(jump)
    lab.know(server)
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    before = set(threading.enumerate())
    with connect(target) as link:
        assert run(link, "echo through")[0] == b"through\n"
    assert settled(lambda: set(threading.enumerate()) <= before)
    assert "direct-tcpip" in jump.log


def test_jump_host_of_the_configuration_with_an_alias(lab: Lab) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.know(jump)
    lab.know(server)
    lab.configure(
        f"Host web\n HostName 127.0.0.1\n Port {server.port}\n ProxyJump bastion\n"
        f"Host bastion\n HostName 127.0.0.1\n Port {jump.port}\nHost *\n IdentityFile {lab.key}\n ProxyJump bastion\n"
    )
    with connect(SshTarget(address="web")) as link:
        assert run(link, "echo $SSH_CONNECTION")[1] == 0
    assert "direct-tcpip" in jump.log


def test_jump_host_with_a_wrong_key(lab: Lab) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.know(jump, keygen(lab.folder / "other"))
    lab.know(server)
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    message = refused(target, UnreachableCode.HOST_KEY_CHANGED)
    assert message.startswith("jump host ")
    assert not jump.has_seen_a_login()
    assert not server.has_seen_a_login()


def test_wrong_key_behind_a_jump_host(lab: Lab) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.know(jump)
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    refused(target, UnreachableCode.HOST_KEY_UNKNOWN)
    assert not server.has_seen_a_login()


def test_closed_port_behind_a_jump_host(lab: Lab) -> None:
    jump = lab.sshd()
    lab.know(jump)
    target = SshTarget(
        address="127.0.0.1", port=free_port(), user=USER, key_file=lab.key, jumps=(f"{USER}@127.0.0.1:{jump.port}",)
    )
    refused(target, UnreachableCode.REFUSED)


# --- authentication


def test_wrong_client_key(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    stranger = keygen(lab.folder / "stranger")
    message = refused(lab.target(server, key_file=stranger), UnreachableCode.AUTHENTICATION)
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
def test_key_file_that_cannot_be_used(lab: Lab, case: str) -> None:
    server = lab.sshd()
    lab.know(server)
    path = lab.folder / case
    if case == "passphrase":
        keygen(path, passphrase="secret")
    elif case == "nonsense":
        path.write_text("nonsense\n")
    elif case == "directory":
        path.mkdir()
    assert str(path) in refused(lab.target(server, key_file=path), UnreachableCode.KEY_FILE)


def test_key_with_a_passphrase_through_the_agent(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd()
    lab.know(server)
    path = lab.folder / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        assert settled(path.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        subprocess.run(["ssh-add", "-q", str(lab.key)], check=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(lab.key)], check=True, capture_output=True
        )
        connect(lab.target(server)).close()
        connect(lab.target(server, key_file=None)).close()
        lab.configure("IdentityAgent none\n")
        refused(lab.target(server), UnreachableCode.KEY_FILE)
    finally:
        agent.terminate()
        agent.wait()


# --- the network


def test_closed_port(lab: Lab) -> None:
    target = SshTarget(address="127.0.0.1", port=free_port(), user=USER, key_file=lab.key)
    refused(target, UnreachableCode.REFUSED)


def test_name_that_does_not_resolve(lab: Lab) -> None:
    refused(SshTarget(address="no-such-host.test", user=USER, key_file=lab.key), UnreachableCode.NAME, seconds=20)


def test_an_address_that_is_yet_to_come_is_said_to_be_one_before_any_key_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"^staging\.invalid:22: .*leads nowhere.*: staging\.up$") as caught:
        connect(SshTarget(address="staging.invalid", user=USER, key_file=tmp_path / "none"))
    assert caught.value.code is UnreachableCode.NAME


def test_name_resolution_that_hangs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(120) and [])
    try:
        start = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            connect(SshTarget(address="slow.example.com", user=USER, key_file=lab.key), seconds=0.5)
        assert caught.value.code is UnreachableCode.TIMEOUT
        assert time.monotonic() - start < FAR
    finally:
        over.set()


def test_server_that_stays_silent(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        target = SshTarget(address="127.0.0.1", port=silent.getsockname()[1], user=USER, key_file=lab.key)
        refused(target, UnreachableCode.TIMEOUT, seconds=1)
        assert time.monotonic() - start < 12  # paramiko's own patience with a banner is 15 s


def test_connect_timeout_of_the_configuration(lab: Lab) -> None:
    lab.configure("ConnectTimeout 1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        target = SshTarget(address="127.0.0.1", port=silent.getsockname()[1], user=USER, key_file=lab.key)
        refused(target, UnreachableCode.TIMEOUT, seconds=90)
        assert time.monotonic() - start < 12


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n\xff\xff\xff\xff\x00junk", b""])
def test_server_that_speaks_something_else(lab: Lab, answer: bytes, capfd: pytest.CaptureFixture[str]) -> None:
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


# --- programs


def test_large_output_in_bounded_memory(link: SshLink) -> None:
    channel = link.start("head -c 20000000 /dev/zero", seconds=30)
    tracemalloc.start()
    try:
        size, start = 0, time.monotonic()
        while part := channel.receive():
            size += len(part)
        took, peak = time.monotonic() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 20_000_000
    assert peak < 16_000_000
    assert took < FAR
    assert channel.finish() == (0, b"")
    channel.close()


def test_slow_reader_does_not_fill_memory(link: SshLink) -> None:
    channel = link.start("yes", seconds=30)
    channel.receive()
    time.sleep(0.5)
    assert len(channel._channel.in_buffer) < 4_000_000
    channel.close()


def test_stderr_flood_does_not_block(link: SshLink) -> None:
    shown, status, errors = run(link, "head -c 10000000 /dev/zero | tr '\\0' x >&2; echo done")
    assert (shown, status) == (b"done\n", 0)
    assert errors == b"x" * 8192


def test_stderr_flood_before_input_is_read(link: SshLink) -> None:
    data = b"y" * 4_000_000
    shown, status, _ = run(link, "head -c 5000000 /dev/zero >&2; wc -c", data)
    assert (int(shown), status) == (len(data), 0)


def test_input_and_its_end(link: SshLink) -> None:
    assert run(link, "cat", b"") == (b"", 0, b"")
    channel = link.start("read a; echo got $a; read b; echo got $b; cat >/dev/null; echo end", seconds=10)
    channel.send(b"one\n")
    assert channel.receive() == b"got one\n"
    channel.send(b"two\n")
    assert channel.receive() == b"got two\n"
    channel.send(b"")
    assert channel.receive() == b"end\n"
    assert channel.finish() == (0, b"")
    channel.close()


def test_program_that_closed_its_input(link: SshLink) -> None:
    assert run(link, "exec <&-; sleep 0.2; echo fine", b"z" * 5_000_000) == (b"fine\n", 0, b"")


def test_program_that_ends_without_reading(link: SshLink) -> None:
    channel = link.start("exit 4", seconds=10)
    assert channel.receive() == b""
    channel.send(b"z" * 3_000_000)
    assert channel.finish() == (4, b"")
    channel.close()


def test_finish_without_receiving(link: SshLink) -> None:
    channel = link.start("head -c 9000000 /dev/zero; echo bad >&2; exit 9", seconds=20)
    assert channel.finish() == (9, b"bad\n")
    channel.close()
    channel.close()


def test_child_that_keeps_the_streams_open_does_not_hold_up_finish(link: SshLink) -> None:
    channel = link.start("sleep 60 & exit 6", seconds=60)
    start = time.monotonic()
    assert channel.finish()[0] == 6
    assert time.monotonic() - start < FAR
    channel.close()


def test_signal_is_an_unknown_status(link: SshLink) -> None:
    assert run(link, "kill -9 $$")[1] is None


def test_deadline(link: SshLink) -> None:
    start = time.monotonic()
    channel = link.start("sleep 60", seconds=0.5)
    with pytest.raises(TimeoutError, match=r"0\.5 s"):
        channel.receive()
    assert time.monotonic() - start < FAR
    assert channel.finish() == (None, b"")
    channel.close()
    assert run(link, "echo still here")[0] == b"still here\n"


def test_no_terminal_and_no_agent(link: SshLink) -> None:
    assert run(link, "tty; echo [$SSH_AUTH_SOCK]")[0] == b"not a tty\n[]\n"


def test_many_channels_at_once(link: SshLink) -> None:
    with ThreadPoolExecutor(20) as pool:
        shown = list(pool.map(lambda n: run(link, f"sleep 0.2; echo {n}")[0], range(20)))
    assert shown == [f"{n}\n".encode() for n in range(20)]
    assert settled(lambda: not [thread for thread in threading.enumerate() if thread.name == "remediate-deadline"])


def test_more_channels_than_the_server_allows(lab: Lab) -> None:
    server = lab.sshd(settings="MaxSessions 3\n")
    lab.know(server)
    with connect(lab.target(server)) as link, ThreadPoolExecutor(12) as pool:
        shown = list(pool.map(lambda n: run(link, f"echo {n}")[0], range(12)))
    assert shown == [f"{n}\n".encode() for n in range(12)]


def test_server_that_allows_no_session(lab: Lab) -> None:
    server = lab.sshd(settings="MaxSessions 0\n")
    lab.know(server)
    with connect(lab.target(server)) as link, pytest.raises(LinkLost):
        link.start("true", seconds=5)


def test_login_shell_that_speaks_first(lab: Lab) -> None:
    server = lab.sshd(settings='ForceCommand echo welcome; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"\n')
    lab.know(server)
    with connect(lab.target(server)) as link:
        assert run(link, "echo payload; cat", b"in") == (b"welcome\npayload\nin", 0, b"noise\n")


def test_server_that_dies(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    with connect(lab.target(server)) as link:
        channel = link.start("echo first; exec sleep 60", seconds=20)
        assert channel.receive() == b"first\n"
        server.signal_children(signal.SIGKILL)
        with pytest.raises(LinkLost):
            channel.receive()
        assert channel.finish()[0] is None
        with pytest.raises(LinkLost):
            link.start("true", seconds=5)
        channel.close()


def test_frozen_peer(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    with connect(lab.target(server)) as link:
        running = link.start("cat", seconds=1)
        server.signal_children(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            link.start("true", seconds=0.5)
        assert time.monotonic() - start < FAR
        with pytest.raises(TimeoutError):
            running.receive()
        running.close()
    assert time.monotonic() - start < FAR


def test_frozen_peer_that_takes_no_more_bytes(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
    with connect(lab.target(server)) as link:
        channel = link.start("cat >/dev/null", seconds=1.5)
        link._transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server.signal_children(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.send(b"x" * 50_000_000)
        assert time.monotonic() - start < FAR
        channel.close()
    assert settled(lambda: not link._transport.is_alive())


def test_link_that_is_closed_with_programs_running(link: SshLink) -> None:
    channel = link.start("sleep 60", seconds=30)
    link.close()
    link.close()
    with pytest.raises((LinkLost, TimeoutError)):
        channel.receive()
    with pytest.raises(LinkLost):
        link.start("true", seconds=5)


# --- connections of others


@pytest.fixture
def foreign(lab: Lab) -> Iterator[tuple[Lab, Sshd, Any]]:
    server = lab.sshd()
    connection: Any = Connection(  # type: ignore[no-untyped-call]
        "127.0.0.1", port=server.port, user=USER, connect_kwargs={"key_filename": str(lab.key), "allow_agent": False}
    )
    yield lab, server, connection
    connection.close()


def test_open_connection_is_checked_first(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, connection = foreign
    connection.open()
    with pytest.raises(Unreachable) as caught:
        connection_link(connection)
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN
    assert "Starting session" not in server.log
    with connection_link(connection, host_key=fingerprint(server.host_keys[0])) as link:
        assert run(link, "echo mine")[0] == b"mine\n"
    assert connection.is_connected
    lab.know(server)
    connection_link(connection).close()


def test_connection_that_is_not_open_is_not_opened_unverified(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, connection = foreign
    with pytest.raises(Unreachable) as caught:
        connection_link(connection)
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN
    assert not server.has_seen_a_login()
    lab.know(server)
    with connection_link(connection) as link:
        assert run(link, "echo own")[0] == b"own\n"
    assert not connection.is_connected


def test_jump_host_of_an_open_connection_is_checked_too(foreign: tuple[Lab, Sshd, Any]) -> None:
    lab, server, gateway = foreign
    behind = lab.sshd()
    lab.know(behind)
    connection: Any = Connection(  # type: ignore[no-untyped-call]
        "127.0.0.1", port=behind.port, user=USER, gateway=gateway, connect_kwargs={"key_filename": str(lab.key)}
    )
    connection.open()
    try:
        with pytest.raises(Unreachable, match="jump host"):
            connection_link(connection)
        lab.know(server)
        with connection_link(connection) as link:
            assert run(link, "echo both")[0] == b"both\n"
    finally:
        connection.close()


def test_our_connection_works_as_a_fabric_connection(link: SshLink) -> None:
    shown = link._connection.run("echo fabric", hide=True, in_stream=False)
    assert shown.stdout == "fabric\n"


# --- configuration, without a server


def options(**changes: Any) -> SshOptions:
    values: dict[str, Any] = {"hostname": "h", "port": 22, "user": "u"}
    return SshOptions(**(values | changes))


def test_parse_options() -> None:
    text = (
        "host web\nuser deploy\nhostname 10.0.0.7\nport 2200\nidentitiesonly yes\nidentityfile ~/x-%r-%h\n"
        "identityfile /keys/a b\n"
        "proxyjump ana@j1:22,j2\nuserknownhostsfile /a/known /b c/known ~/.ssh/kh\n"
        "globalknownhostsfile /dev/null\nhostkeyalias Web\nconnecttimeout 7\n"
        "identityagent none\nrevokedhostkeys /r/%h\n"
    )
    found = parse_options(text, HostSpec("web"))
    assert found == SshOptions(
        hostname="10.0.0.7",
        port=2200,
        user="deploy",
        identity_files=(Path("~/x-deploy-10.0.0.7").expanduser(), Path("/keys/a b")),
        identities_only=True,
        identity_agent="none",
        proxy_jump=("ana@j1:22", "j2"),
        known_hosts=(Path("/a/known"), Path("/b c/known"), Path("~/.ssh/kh").expanduser(), Path("/dev/null")),
        revoked_host_keys=Path("/r/10.0.0.7"),
        host_key_alias="Web",
        connect_timeout=7,
    )


def test_parse_options_of_nothing() -> None:
    found = parse_options("connecttimeout none\nproxyjump none\n", HostSpec("web", "ana", 23))
    assert (found.hostname, found.port, found.user, found.connect_timeout) == ("web", 23, "ana", None)
    assert found.proxy_jump == ()
    assert Path("/etc/ssh/ssh_known_hosts") in found.known_hosts


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("j", HostSpec("j")),
        ("a@j:22", HostSpec("j", "a", 22)),
        ("a@b@j", HostSpec("j", "a@b")),
        ("[::1]:23", HostSpec("::1", None, 23)),
        ("ssh://a@j:1", HostSpec("j", "a", 1)),
        ("fe80::1", HostSpec("fe80::1")),
    ],
)
def test_parse_jump(text: str, spec: HostSpec) -> None:
    assert parse_jump(text) == spec


HOSTILE = [
    "-oProxyCommand=touch x",
    "",
    " ",
    "a b",
    "a;b",
    "$(id)",
    "a\nb",
    "`id`",
    "a|b",
    "a/b",
    "a'b",
    "j:0",
    "j:99999",
    "-x:22",
]


@pytest.mark.parametrize("text", [*HOSTILE, "-l@host", "u u@host", "j:port"])
def test_hostile_jumps(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_jump(text)


@pytest.mark.parametrize("address", [text for text in HOSTILE if not text.startswith("j:")])
def test_hostile_addresses_start_nothing(address: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a program was started"))
    with pytest.raises(ConfigurationError):
        connect(SshTarget(address=address))


def test_proxy_command_is_refused(lab: Lab) -> None:
    lab.configure(f"Host web\n ProxyCommand touch {lab.folder}/pwned\n")
    with pytest.raises(ConfigurationError, match="ProxyCommand"):
        connect(SshTarget(address="web"))
    assert not (lab.folder / "pwned").exists()


def test_broken_configuration_is_one_line(lab: Lab) -> None:
    lab.configure("Nonsense yes\n")
    with pytest.raises(ConfigurationError, match="Bad configuration option") as caught:
        connect(SshTarget(address="web"))
    assert "\n" not in str(caught.value)


def test_route_order_and_whose_jumps_count() -> None:
    ways = {
        "web": options(hostname="web", proxy_jump=("ignored",)),
        "inner": options(hostname="inner", proxy_jump=("ignored",)),
        "outer": options(hostname="outer", proxy_jump=("first", "inner")),
        "first": options(hostname="first", proxy_jump=("outer",)),
    }
    hops = route(
        SshTarget(address="web", jumps=("outer", "inner"), host_key="SHA256:x"), lambda asked: ways[asked.name]
    )
    assert [hop.options.hostname for hop in hops] == ["first", "outer", "inner", "web"]
    assert [hop.pin for hop in hops] == [None, None, None, "SHA256:x"]
    assert [hop.is_jump for hop in hops] == [True, True, True, False]


def test_without_an_ssh_client(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd()
    home = lab.folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host web\n HostName 127.0.0.1\n Port {server.port}\n IdentityFile {lab.key}\n"
    )
    lab.know(server)
    (home / ".ssh" / "known_hosts").write_text(lab.known_hosts.read_text())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("remediate.transport.ssh.config.shutil.which", lambda _: None)
    connect(SshTarget(address="web", user=USER)).close()


def test_no_source_of_the_package_accepts_any_key() -> None:
    for path in Path(remediate.transport.ssh.__file__).parent.rglob("*.py"):
        assert "AutoAddPolicy" not in path.read_text(), path


def test_channel_protocol(link: SshLink) -> None:
    channel = link.start("true", seconds=5)
    assert isinstance(channel, Channel)
    assert isinstance(channel, SshChannel)
    assert channel.finish() == (0, b"")
    channel.close()


def test_a_certificate_beside_a_good_key_that_has_expired(lab: Lab) -> None:
    server = lab.sshd()
    lab.know(server)
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


FILLED = (
    *("${PLACE}/id", "~/.ssh/id", "%d/.ssh/id_%r_%u_%i", "/keys/%h/%n/%p/%k/%l/%L/%%", "/k/${PLACE}/%h", "%d${PLACE}"),
    "/keys/${TILDE}/id",
)


def test_identity_files_are_filled_in_as_the_real_ssh_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("TILDE", "~x%h")
    files = "".join(f" IdentityFile {each}\n" for each in FILLED)
    config = tmp_path / "config"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config.write_text(f"Host web\n HostName 127.0.0.1\n Port {port}\n User eva\n{files}")
        ssh = [
            str(shutil.which("ssh")),
            "-v",
            "-F",
            str(config),
            "-o",
            "ConnectTimeout=1",
            "-o",
            "BatchMode=yes",
            "web",
        ]
        said = subprocess.run(ssh, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    real = re.findall(r"identity file (.*) type -?[0-9]+", said)
    found = resolve(HostSpec("web"), 5, config).identity_files
    assert list(found) == [Path(path) for path in real if not path.endswith("-cert")]
    assert len(found) == len(FILLED)


def test_a_variable_of_a_configuration_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLACE", raising=False)
    with pytest.raises(ConfigurationError, match=r"of web names \$\{PLACE\}, which is not set"):
        parse_options("identityfile ${PLACE}/id\n", HostSpec("web"))
    assert parse_options("identityagent ${PLACE}\n", HostSpec("web")).identity_agent == "${PLACE}"


def test_a_login_of_a_directory() -> None:
    assert HostSpec("web", "CORP\\ana").user == "CORP\\ana"
    assert parse_jump("ana@corp.example.com@bastion:2222") == HostSpec("bastion", "ana@corp.example.com", 2222)
    with pytest.raises(ConfigurationError):
        HostSpec("web", "ana\\")


def test_silence_for_a_while_leaves_the_channel_usable(link: SshLink) -> None:
    channel = link.start("read line; echo $line; read line || echo over", seconds=20)
    with pytest.raises(TimeoutError):
        channel.receive(0.2)
    channel.send(b"x\n")
    assert channel.receive(5) == b"x\n"
    channel.send(b"")
    assert channel.receive(5) == b"over\n"
