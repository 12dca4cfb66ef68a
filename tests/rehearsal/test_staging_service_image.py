"""The container image of the service: built from its file, and run as docs/service.md says."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from docs.service_image import build_service_image
from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import ContainerEngine, find_engine
from remediate.rehearsal.machine import plain_flags
from support.doc_pages import ROOT
from support.service_machine import TOKEN, WORKER, block, delivery, project, verdicts

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = [pytest.mark.container, pytest.mark.xdist_group("service")]
_CHECKOUT = Checkout(ROOT / ".staging")
_NAME = _CHECKOUT.container(f"service-{WORKER}")
_SECRETS = "/run/secrets/remediate"


@pytest.fixture(scope="module")
def engine() -> ContainerEngine:
    return find_engine()


@pytest.fixture(scope="module")
def image(engine: ContainerEngine) -> str:
    return build_service_image(engine, _CHECKOUT, lambda _: None)


class Contained:
    """The service's container, started by the page's own command with a project of the test."""

    def __init__(self, engine: ContainerEngine, image: str, place: Path, way: tuple[str, ...]) -> None:
        self.engine = engine
        argv = shlex.split(block("sh", "podman run -d"))[2:-1]
        published = argv.index("-p")
        given = [*argv[:published], *argv[published + 2 :]]
        given[given.index("remediate")] = _NAME
        own = {"remediate-state:": f"{_NAME}:", "/etc/remediate/project:/": f"{place}/project:/"}
        own["/etc/remediate/secrets:/"] = f"{place}/secrets:/"
        for theirs, ours in own.items():
            given = [part.replace(theirs, ours) for part in given]
        labels = [part for key, value in _CHECKOUT.labels.items() for part in ("--label", f"{key}={value}")]
        # SELinux would not let a container read the mounted files.
        more = [*plain_flags(engine.machine), *labels, "--security-opt", "label=disable"]
        engine.call("run", "-d", *given[1:], *more, *way, image)

    def python(self, text: str, body: str = "") -> str:
        """Run a line of Python inside."""
        return self.engine.exec(_NAME, ("python3", "-c", text), body).stdout.strip()

    def healthy(self) -> bool:
        """Return what the image's own health check says."""
        if self.engine.machine.engine == "podman":
            check = self.engine.call("image", "inspect", "--format", "{{json .HealthCheck.Test}}", self._image())
            return self.engine.exec(_NAME, tuple(json.loads(check)[1:])).returncode == 0
        return "healthy" in self.engine.call("inspect", "--format", "{{.State.Health.Status}}", _NAME).split()

    def _image(self) -> str:
        return self.engine.call("inspect", "--format", "{{.Image}}", _NAME).strip()

    def until(self, what: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.engine.call("logs", _NAME) + self.engine.logs(_NAME)
            time.sleep(0.5)

    def verdicts(self) -> set[str]:
        """Return how the service's runs have ended so far."""
        request = f"r.Request('http://127.0.0.1:8787/runs', headers={{'Authorization': 'Bearer {TOKEN}'}})"
        return verdicts(self.python(f"import urllib.request as r; print(r.urlopen({request}).read().decode())"))


@pytest.fixture
def contained(engine: ContainerEngine, image: str, tmp_path: Path) -> Iterator[Callable[..., Contained]]:
    def start(files: dict[str, str], *way: str) -> Contained:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        # Another user reads them, whom only root could make their owner.
        for path in (tmp_path, *tmp_path.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for folder in tmp_path.parents[:2]:
            folder.chmod(0o755)
        return Contained(engine, image, tmp_path, way)

    yield start
    engine.rm(_NAME)
    engine.call("volume", "rm", "-f", _NAME)


def files(ssh: dict[str, str], remediate: dict[str, str], key: str) -> dict[str, str]:
    own = {f"project/{name}": text for name, text in project(ssh, remediate, _SECRETS).items()}
    return {**own, "secrets/alertmanager.token": TOKEN, "secrets/ssh_key": key}


def answer(method: str, url: str, **headers: str) -> int:
    """Return the status; 0 while nobody answers."""
    try:
        return int(httpx2.request(method, url, headers=headers, timeout=10).status_code)
    except httpx2.TransportError:
        return 0


def test_it_answers_on_the_published_port_and_may_write_nothing_but_its_state(
    contained: Callable[..., Contained], engine: ContainerEngine
) -> None:
    service = contained(files({}, {}, ""), "-p", "127.0.0.1::8787")
    found = engine.container(_NAME)
    assert found is not None
    url = f"http://127.0.0.1:{found.ports[8787]}"
    service.until(lambda: answer("GET", f"{url}/healthz") == 200)
    service.until(service.healthy)
    assert answer("POST", f"{url}/alerts/prometheus", Authorization="Bearer no") == 401
    assert answer("POST", f"{url}/alerts/prometheus", Authorization=f"Bearer {TOKEN}") == 400
    assert service.python("import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert "Read-only" in engine.exec(_NAME, ("touch", "/opt/remediate/x")).stderr
    assert "Read-only" in engine.exec(_NAME, ("touch", "/etc/remediate/project/x")).stderr
    assert "CapEff:\t0000000000000000" in engine.exec(_NAME, ("cat", "/proc/1/status")).stdout
    engine.stop(_NAME)
    assert "stopped" in engine.call("logs", _NAME) + engine.logs(_NAME)


def test_killed_while_it_fixes_it_ends_what_it_began(
    contained: Callable[..., Contained], engine: ContainerEngine, staged: "Staged"
) -> None:
    ssh = {"ansible_host": "127.0.0.1", "ansible_user": "forge", "ansible_ssh_private_key_file": f"{_SECRETS}/ssh_key"}
    own = {"host_key": staged.host.host_key, "site_ca": "/etc/remediate/project/ca.pem"}
    own["site_resolve"] = "127.0.0.1:443"
    given = {**files(ssh, own, staged.host.key.read_text()), "project/ca.pem": staged.host.ca.read_text()}
    # In the network of the host that it mends, so that no address has to be guessed.
    service = contained(given, "--network", f"container:{staged.host.container}")
    service.until(service.healthy)
    staged.spoil("php-fpm-stopped")
    request = "import sys, urllib.request as r; print(r.urlopen(r.Request('http://127.0.0.1:8787/alerts/prometheus',"
    request += f" sys.stdin.buffer.read(), {{'Authorization': 'Bearer {TOKEN}'}})).status)"
    assert service.python(request, delivery()) == "202"
    service.until(lambda: staged.outside() == 200)
    engine.call("kill", "-s", "KILL", _NAME)
    service.until(lambda: not (found := engine.container(_NAME)) or not found.running)
    engine.call("start", _NAME)
    service.until(service.healthy)
    service.until(lambda: bool(service.verdicts()), 180)
    assert service.verdicts() == {"fixed"}
    staged.serves()
