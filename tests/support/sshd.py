"""An sshd of our own on 127.0.0.1, and what its tests ask of it."""

import contextlib
import getpass
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from remediate.core.host import SshTarget
from remediate.errors import Unreachable, UnreachableCode
from remediate.transport.link import Channel, Link
from remediate.transport.openssh import client
from support.stubs import stub

USER = getpass.getuser()
FAR = 3600.0
"""Seconds that no test lives to see: what would wait for so long without a deadline of its own fails by the test's."""


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


UNPACKED = Path(__file__).parents[2] / ".tools" / "sshd"
"""The directory in which tests/get-programs.sh puts an sshd."""


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
        keys = "".join(f'HostKey "{key}"\n' for key in self.host_keys)
        config.write_text(
            f'ListenAddress 127.0.0.1:{self.port}\n{keys}AuthorizedKeysFile "{authorized}"\n'
            "PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"LogLevel DEBUG1\nMaxStartups 100\nPrintMotd no\n"
            # A shell that takes itself for a nested one: bash then leaves out the .bashrc of whoever runs these tests.
            f"SetEnv SHLVL=5\n{self.settings}"
        )
        argv = [program, "-D", "-f", str(config), "-E", str(self.folder / "log")]
        environment = {**os.environ}
        if program.startswith(str(UNPACKED)):
            environment["LD_LIBRARY_PATH"] = ":".join(str(folder) for folder in UNPACKED.glob("usr/lib/*-linux-*"))
            # Since OpenSSH 9.8 (Debian 13) sshd starts others of its programs, by their installed paths.
            for part, setting in (("sshd-session", "SshdSessionPath"), ("sshd-auth", "SshdAuthPath")):
                if (own := UNPACKED / "usr/lib/openssh" / part).exists():
                    argv += ("-o", f"{setting}={own}")
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
    """A server, a client key and the client's ssh configuration."""

    folder: Path
    key: Path
    servers: list[Sshd] = field(default_factory=list)

    def sshd(self, *kinds: str, settings: str = "") -> Sshd:
        """Start a server whose first host key is known."""
        server = self.stranger(*kinds, settings=settings)
        self.know(server)
        return server

    def stranger(self, *kinds: str, settings: str = "") -> Sshd:
        """Start a server that no known_hosts lists."""
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


class OpenLink(Link, Protocol):
    """A link that a `with` closes."""

    place: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Connect(Protocol):
    """The function that opens a link, of Fabric's connection or OpenSSH's."""

    def __call__(self, target: SshTarget, *, seconds: float = 10) -> OpenLink: ...


def use_config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ssh read the configuration in `folder` only.

    A stand-in on PATH does so for `ssh -G`; where it connects, it is told by the configuration that it is given.
    """
    (folder / "config").write_text("")
    (folder / "known_hosts").touch()
    ssh = shutil.which("ssh")
    assert ssh is not None
    (folder / "bin").mkdir(exist_ok=True)
    alone = ("-F", f"{folder}/config", "-o", f'UserKnownHostsFile="{folder}/known_hosts"')
    stub(
        folder / "bin" / "ssh",
        f'[ "$1" = -G ] || exec {shlex.quote(ssh)} "$@"\n'
        f'exec {shlex.join((ssh, *alone))} -o GlobalKnownHostsFile=/dev/null "$@"',
    )
    known = f'UserKnownHostsFile "{folder}/known_hosts"\nGlobalKnownHostsFile /dev/null\n'
    monkeypatch.setattr(client, "FILES", (f"{folder}/config",))
    monkeypatch.setattr(client, "LAST", client.LAST + known)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


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


def refused(connect: Connect, target: SshTarget, code: UnreachableCode, **kwargs: Any) -> str:
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
