"""The stage of `make demo-service`: the site's visitor, its monitoring, and the service with the way to it."""

import json
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from socket import create_connection
from threading import Event, Thread
from typing import IO, Any, Final, TypeVar
from urllib.request import Request, urlopen

from remediate.rehearsal.checkout import DOMAIN
from remediate.rehearsal.staging import StagingHost

CHECKOUT: Final = Path(__file__).resolve().parents[1]
PROGRAMS: Final = Path(sys.executable).parent
EXAMPLES: Final = CHECKOUT / "docs/examples/service"
STAGING: Final = CHECKOUT / ".staging"
WORK: Final = STAGING / "demo-service"
NAME: Final = "staging-demo"
PORT: Final = 8787
"""The port of alertmanager.yml, on the staging host's own loopback."""
TOKEN: Final = secrets.token_urlsafe(32)
MONITORING: Final = "prometheus prometheus-alertmanager prometheus-blackbox-exporter"
_LONGEST: Final = 180.0

Found = TypeVar("Found")


class DemoFailed(Exception):
    """Something was not as it has to be. The text is one line."""


def say(text: str = "") -> None:
    """Print for a person who reads along."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def until(what: str, look: Callable[[], Found | None], seconds: float = _LONGEST) -> Found:
    """Look again until there is an answer. Raises DemoFailed."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise DemoFailed(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)
    return found


# -- the site, as its visitors see it ----------------------------------------------------------------------------------


class Visitor:
    """Asks for the site's health five times a second, and notes when it stopped and began to answer."""

    def __init__(self, host: StagingHost) -> None:
        self._port = host.ports.https
        self._context = ssl.create_default_context(cafile=str(host.ca))
        self._over = Event()
        self.failed: float | None = None
        self.served: float | None = None

    def _answers(self) -> bool:
        connection = HTTPSConnection(DOMAIN, timeout=5)
        try:
            plain = create_connection(("127.0.0.1", self._port), timeout=5)
            connection.sock = self._context.wrap_socket(plain, server_hostname=DOMAIN)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _visit(self) -> None:
        while not self._over.wait(0.2):
            asked = time.time()
            if not self._answers():
                self.failed, self.served = self.failed or asked, None
            elif self.failed is not None and self.served is None:
                self.served = asked

    @contextmanager
    def visiting(self) -> Iterator["Visitor"]:
        """Ask until the end of the block."""
        thread = Thread(target=self._visit, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join(10)


# -- processes ---------------------------------------------------------------------------------------------------------


@contextmanager
def running(argv: list[str], log: IO[str], **given: Any) -> Iterator["subprocess.Popen[str]"]:
    """Start a program that ends with the block."""
    program = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, **given)
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def monitor(host: StagingHost) -> None:
    """Let the host's own Prometheus and Alertmanager watch the site, with the examples as their configuration."""
    for name, place in {"site-down.yml": "rules/agency-platform.yml", "alertmanager.yml": "alertmanager.yml"}.items():
        put(host, (EXAMPLES / name).read_text(), f"/etc/prometheus/{place}", "644", "root")
    put(host, TOKEN, "/etc/prometheus/remediate.token", "400", "prometheus")
    host.script(f"systemctl restart {MONITORING}")
    until("Prometheus sees the site", lambda: 'value":[' in asked(host, "9090/api/v1/query?query=probe_success==1"))


def put(host: StagingHost, text: str, path: str, mode: str, owner: str) -> None:
    """Write a file on the host, through the engine."""
    done = host.exec(("install", "-m", mode, "-o", owner, "/dev/stdin", path), text)
    if done.returncode != 0:
        raise DemoFailed(f"{path} cannot be written on {host.name}")


def asked(host: StagingHost, address: str) -> str:
    """Return what a program on the host answers, which listens on its loopback only; nothing without an answer."""
    return host.exec(("curl", "-gsS", "--max-time", "5", f"http://127.0.0.1:{address}")).stdout


def burning(host: StagingHost) -> list[dict[str, Any]] | None:
    """Return the site's alerts that Alertmanager holds, None without an answer."""
    answer = asked(host, "9093/api/v2/alerts?filter=alertname=SiteDown")
    return list(json.loads(answer)) if answer else None


class Act:
    """One act: a project with its own journal, so that no limit of an act before holds it back."""

    def __init__(self, host: StagingHost, name: str, mode: str) -> None:
        self.host = host
        self.root = WORK / name
        shutil.copytree(EXAMPLES, self.root)
        policy = (EXAMPLES / "alerts.yml").read_text()
        (self.root / "alerts.yml").write_text(policy.replace("mode: auto", f"mode: {mode}"))
        (self.root / "inventories").symlink_to(CHECKOUT / "inventories")
        (self.root / "docs").mkdir()
        (self.root / "docs/rehearsals").symlink_to(CHECKOUT / "docs/rehearsals")
        self.log = self.root / "serve.log"
        self._url = ""
        own = {"DEMO_TOKEN": TOKEN, "DEMO_READ": TOKEN, "REMEDIATE_STATE_DIR": str(self.root / "state")}
        self._environment = {k: v for k, v in os.environ.items() if k != "REMEDIATE_JOURNAL"} | own

    def quietly(self, *words: str) -> str:
        """Run a command of remediate, and return what it prints. Raises DemoFailed."""
        argv = [str(PROGRAMS / "remediate"), *words]
        done = subprocess.run(
            argv, cwd=self.root, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise DemoFailed(
                f"remediate {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}"
            )
        return done.stdout

    def typed(self, *words: str) -> None:
        """Run what a person types, and show it."""
        say(f"\n$ remediate {' '.join(words)}")
        say(self.quietly(*words).rstrip())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the service, and forward the host's port to it, until the end of the block."""
        with ExitStack() as leaving:
            log = leaving.enter_context(self.log.open("w"))
            argv = [str(PROGRAMS / "remediate"), "serve", "--port", "0"]
            service = leaving.enter_context(running(argv, log, cwd=self.root, env=self._environment))
            port = until("the service listens", lambda: self._port(service))
            self._url = f"http://127.0.0.1:{port}"
            leaving.enter_context(running(forwarding(self.host, self.root, port), log))
            until("the service is reached from the host", lambda: '"ok"' in asked(self.host, f"{PORT}/healthz"))
            yield

    def _port(self, service: "subprocess.Popen[str]") -> str | None:
        lines = self.log.read_text().splitlines()
        if service.poll() is not None:
            raise DemoFailed(f"the service ended: {lines[-1] if lines else 'without a word'}")
        return next((line.rpartition(" ")[2] for line in lines if "listening on 127.0.0.1 port" in line), None)

    def read(self, path: str) -> dict[str, Any]:
        """Ask the service."""
        request = Request(f"{self._url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310  # its own
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer))

    def report(self, *, plan: bool) -> dict[str, Any] | None:
        """Return the report of the ended run that only looked, or of the one that acted; None until there is one."""
        ended = [run for run in self.read("/runs")["runs"] if run["state"] in {"ended", "failed"}]
        found = next((run["id"] for run in ended if run["request"]["plan"] is plan), None)
        return None if found is None else self.read(f"/runs/{found}")["report"]

    def written_up(self) -> list[dict[str, Any]] | None:
        """Return the timeline of the act's incident once its post-mortem is drafted."""
        timeline = json.loads(self.quietly("incident.timeline", "--json"))["incident"]["timeline"]
        return timeline if any(event["data"]["kind"] == "postmortem" for event in timeline) else None


def forwarding(host: StagingHost, root: Path, port: str) -> list[str]:
    """Return the command that forwards the host's own port to the service, as long as it runs."""
    key = host.exec(("cat", "/etc/ssh/ssh_host_ed25519_key.pub")).stdout
    known = root / "known_hosts"
    known.write_text(f"[127.0.0.1]:{host.ports.ssh} {key}")
    options = ["BatchMode=yes", "ExitOnForwardFailure=yes", "IdentitiesOnly=yes", "IdentityAgent=none"]
    options += ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", f"Port={host.ports.ssh}"]
    flags = [part for option in options for part in ("-o", option)]
    way = f"127.0.0.1:{PORT}:127.0.0.1:{port}"
    return ["ssh", "-F", "none", *flags, "-i", str(host.key), "-N", "-R", way, "forge@127.0.0.1"]
