"""serve as a process: what it refuses to start with, what it holds against, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx2
import pytest

from support.command_box import REMEDIATE
from support.durable import ToyFleet
from support.toy_alerts import BEARER, SECRETS, firing, group, with_policy

MIB: Final = 1024 * 1024
LISTENING: Final = r"listening on 127\.0\.0\.1 port ([0-9]+)"


@pytest.fixture
def toys(tmp_path: Path) -> ToyFleet:
    return with_policy(ToyFleet(tmp_path / "fleet", 3).build())


def environment(toys: ToyFleet, **more: str) -> dict[str, str]:
    state = str(toys.directory / "state")
    return {"PATH": os.environ["PATH"], "HOME": str(toys.directory), "REMEDIATE_STATE_DIR": state, **SECRETS, **more}


def typed(toys: ToyFleet, *words: str, command: str = "serve", **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [REMEDIATE, command, *words],
        cwd=toys.root,
        env=environment(toys, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class Serving:
    def __init__(self, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    @property
    def kib(self) -> int:
        """Its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+([0-9]+)", status)[0])


@contextmanager
def begun(toys: ToyFleet, *words: str, says: str, **more: str) -> Iterator[Serving]:
    log = toys.directory / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [REMEDIATE, *words],
            cwd=toys.root,
            env=environment(toys, **more),
            stdout=file,
            stderr=file,
            text=True,
        )
    try:
        until = time.monotonic() + 90
        while not (found := re.findall(says, log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield Serving(process, f"http://127.0.0.1:{found[0]}", log)
    finally:
        process.kill()
        process.wait()


def test_without_a_secret_it_does_not_start(toys: ToyFleet) -> None:
    code, told = typed(toys, "--port", "0", TOY_SECRET="")
    assert (code, "nothing was read" in told, len(told.splitlines())) == (2, True, 1), told


def test_memory_is_flat_under_what_strangers_send_and_it_ends_when_told(toys: ToyFleet) -> None:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(address := str(toys.directory / "notify"))
    listening = begun(toys, "serve", "--port", "0", says=LISTENING, NOTIFY_SOCKET=address)
    with told, listening as service, httpx2.Client(base_url=service.url) as client:
        told.settimeout(60)
        assert told.recv(100) == b"READY=1"
        for _ in range(100):
            client.post("/alerts/alertmanager", content=group(firing("nowhere")), headers=BEARER)
        before = service.kib
        for number in range(400):
            assert client.post("/alerts/json", content=b"x" * MIB).status_code == 401
            if number % 20 == 0:
                with suppress(httpx2.TransportError):  # It stopped to read, and the rest could not be sent.
                    assert client.post("/alerts/json", content=b"x" * 10 * MIB).status_code == 413
        assert client.get("/healthz").json() == {"status": "ok"}
        assert service.kib - before < 40_000
        assert service.kib < 250_000
        code, second = typed(toys, "--port", "0")
        assert (code, "already runs" in second) == (2, True), second
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert told.recv(100) == b"STOPPING=1"
        assert "Traceback" not in service.log.read_text()
        assert SECRETS["TOY_SECRET"] not in service.log.read_text()


def test_a_worker_without_its_server_says_so(toys: ToyFleet) -> None:
    url = "postgresql://ana:hunter2@127.0.0.1:1/remediate"
    code, told = typed(toys, command="worker", REMEDIATE_JOURNAL=url)
    assert (code, len(told.splitlines())) == (5, 1), told
    assert "was the state directory copied" not in told
    assert "hunter2" not in told


def test_without_its_packages_it_says_how_to_get_them(toys: ToyFleet) -> None:
    hiding = "import sys; sys.modules['dbos'] = None; sys.argv = ['remediate', 'serve']\n"
    hiding += "from remediate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hiding],
        cwd=toys.root,
        env=environment(toys),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "remediate: serve needs the service's packages: pip install 'remediate[service]'"
    ]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_worker_needs_a_shared_database_and_ends_when_told(toys: ToyFleet, url: str) -> None:
    code, told = typed(toys, command="worker")
    assert (code, "needs the journal on PostgreSQL" in told, len(told.splitlines())) == (2, True, 1), told
    with begun(toys, "worker", says="working as ([0-9a-f]{8})-", REMEDIATE_JOURNAL=url) as worker:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0
        assert "Traceback" not in worker.log.read_text()
