"""A machine with systemd on which the service is installed, word for word as docs/service.md says.

It is a container of its own, and at the same time the host that the service mends.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from remediate.commands.privileges import script_of
from remediate.engine.fleet import select
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal.checkout import HOST_FLAGS, LABEL, Checkout
from remediate.rehearsal.container import ContainerEngine, find_engine
from remediate.rehearsal.content import RehearsalRecord, digest
from remediate.rehearsal.health import Ready, await_ready
from remediate.rehearsal.image import build
from remediate.rehearsal.placement import STOCK, fingerprint, rename_host
from support.doc_pages import ROOT

PAGE: Final = (ROOT / "docs/service.md").read_text()
TOKEN: Final = "a-token-of-the-test-0123456789"
NAME: Final = "shop"
DOMAIN: Final = "remediate.example.com"
FAULT: Final = "systemctl stop php8.2-fpm"
_LIVE: Final = f"/etc/letsencrypt/live/{DOMAIN}"
WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
"""Part of the names of containers: the tests of one module may run in several processes of pytest-xdist."""
CREDENTIALS: Final = "/run/credentials/remediate.service"


def block(kind: str, which: str) -> str:
    """Return the page's code block of this kind that holds a text, with its continued lines joined."""
    (found,) = (text for text in re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if which in text)
    return str(found).replace("\\\n", "")


def packages(directory: Path, version: str) -> Path:
    """Return a directory with this checkout and what its service needs, for this version of Python."""
    argv = ("sh", ROOT / "docs/container/packages.sh", version, directory)
    subprocess.run(argv, check=True, timeout=300)
    return directory


def project(ssh: Mapping[str, str], remediate: Mapping[str, str], secrets: str) -> dict[str, str]:
    """Return the files of a project with one host and one rule, whose secrets are files in a directory."""
    inventory = yaml.safe_load(rename_host(STOCK.read_text(), NAME))
    variables = inventory["staging"]["vars"]
    variables.update(ssh)
    variables["remediate"].update(remediate)
    grant = {"labels": {"alertname": "SiteDown"}, "hosts": NAME, "playbooks": "app-down"}
    source = {"format": "alertmanager", "bearer": f"file:{secrets}/alertmanager.token", "auto": [grant]}
    rule = {
        "name": "site-down",
        "match": {"alertname": "SiteDown"},
        "sources": "prometheus",
        "host": {"label": "host", "names": [NAME]},
        "action": "app-down",
        "mode": "auto",
    }
    now = datetime.now(UTC).replace(microsecond=0)
    # What is tried here is the service, on whatever code: the playbook's own rehearsal is another test.
    proven = RehearsalRecord(
        playbook="app-down", digest=digest(app_down), version="0", finished=now, trials=1, passed=True
    )
    return {
        "docs/rehearsals/app-down.json": proven.model_dump_json(),
        "pyproject.toml": f'[tool.remediate.service]\nread = "file:{secrets}/alertmanager.token"\n',
        "alerts.yml": yaml.safe_dump({"sources": {"prometheus": source}, "rules": [rule]}),
        f"inventories/{NAME}.yml": yaml.safe_dump(inventory),
    }


def delivery(status: str = "firing") -> str:
    """Return what Alertmanager sends."""
    labels = {"alertname": "SiteDown", "host": NAME}
    alert = {"status": status, "labels": labels, "annotations": {}, "startsAt": "2026-11-30T02:00:00Z"}
    alert |= {"endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "0123456789abcdef"}
    group = {"version": "4", "groupKey": "{}", "status": status, "receiver": "remediate", "groupLabels": labels}
    rest = {"commonLabels": labels, "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0}
    return json.dumps({**group, **rest, "alerts": [alert]})


def verdicts(runs: str) -> set[str]:
    """Return how the runs that the service lists have ended."""
    listed = json.loads(runs)["runs"] if runs else []
    return {run["result"]["verdict"] for run in listed if run["state"] == "ended"}


class ServiceMachine:
    """The machine, used as its administrator would."""

    def __init__(self, engine: ContainerEngine, container: str, ready: Ready) -> None:
        self.engine = engine
        self.container = container
        self.ready = ready

    def sh(self, script: str, timeout: float = 120) -> str:
        """Run a script as root; each of its commands has to succeed."""
        done = self.engine.exec(self.container, ("/bin/bash", "-euo", "pipefail", "-s"), script, timeout)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def put(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file of root's."""
        done = self.engine.exec(self.container, ("install", "-D", "-m", mode, "/dev/stdin", path), text)
        assert done.returncode == 0, done.stderr

    def unit(self, name: str) -> str:
        """Return a property of the service's unit."""
        return self.sh(f"systemctl show -P {name} remediate")

    @property
    def pid(self) -> str:
        """The service's process; 0 when there is none."""
        return self.unit("MainPID")

    def until(self, what: Callable[[], bool], seconds: float = 60) -> None:
        """Look again until it is so."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.sh(
                "systemctl status --no-pager remediate || true; journalctl -u remediate"
            )
            time.sleep(0.5)

    def until_back(self, before: str, seconds: float = 60) -> None:
        """Wait for another process of the service that says it is ready."""
        self.until(lambda: self.pid not in {before, "0"} and self.unit("ActiveState") == "active", seconds)

    def asked(self, path: str, *flags: str, body: str = "") -> int:
        """Return the proxy's status for a request over TLS."""
        argv = ("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", f"{_LIVE}/fullchain.pem")
        reach = ("--resolve", f"{DOMAIN}:443:127.0.0.1", *flags, f"https://{DOMAIN}{path}")
        return int(self.engine.exec(self.container, (*argv, *reach), body).stdout)

    def posted(self, body: str, token: str = TOKEN) -> int:
        """Return the proxy's status for an alert."""
        return self.asked(
            "/alerts/prometheus", "-H", f"Authorization: Bearer {token}", "--data-binary", "@-", body=body
        )

    def verdicts(self) -> set[str]:
        """Return how the service's runs have ended so far; nothing while it does not answer."""
        argv = ("curl", "-s", "-H", f"Authorization: Bearer {TOKEN}", "http://127.0.0.1:8787/runs")
        return verdicts(self.engine.exec(self.container, argv).stdout)

    def serves(self) -> bool:
        """Return whether the mended site answers."""
        return self.sh("curl -sk -o /dev/null -w '%{http_code}' https://staging.example.com/health") == "200"

    def install(self, place: Path) -> None:
        """Install the service as the page says."""
        version = self.sh("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'")
        site = f"/opt/remediate/lib/python{version}/site-packages"
        self.sh("python3 -m venv --without-pip /opt/remediate")  # pip is not in the image: the packages are copied.
        self.engine.call("cp", f"{packages(place / 'packages', version)}/.", f"{self.container}:{site}", timeout=300)
        launch = "#!/opt/remediate/bin/python3\nfrom remediate.cli import main\nmain()\n"
        self.put("/opt/remediate/bin/remediate", launch, "755")
        self.sh(f"python3 -m compileall -q {site} > /dev/null || true")
        (useradd,) = re.findall(r"`(useradd [^`]+)`", PAGE)
        self.sh(useradd)
        self._project(place)
        unit = block("ini", "ExecStart=")
        self.put(unit.splitlines()[0].removeprefix("# "), unit)
        self._proxy()
        self.sh("systemctl daemon-reload; systemctl enable --quiet --now remediate; systemctl reload nginx")

    def _project(self, place: Path) -> None:
        self.put("/etc/remediate/alertmanager.token", TOKEN, "600")
        self.sh("ssh-keygen -q -t ed25519 -N '' -f /etc/remediate/ssh_key")
        self.sh("install -m 600 -o forge -g forge /etc/remediate/ssh_key.pub /home/forge/.ssh/authorized_keys")
        key_file = {"ansible_ssh_private_key_file": f"{CREDENTIALS}/ssh_key"}
        ssh = {"ansible_host": "127.0.0.1", "ansible_user": "forge", **key_file}
        known = {"host_key": fingerprint(self.ready.host_key), "site_ca": "/etc/remediate/project/ca.pem"}
        files = project(ssh, known, CREDENTIALS)
        for name, text in files.items():
            self.put(f"/etc/remediate/project/{name}", text)
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        self.put("/etc/remediate/project/ca.pem", self.ready.authorities)
        (host,) = select(NAME, place / f"inventories/{NAME}.yml")
        self.sh(script_of(host, Project(ROOT)))

    def _proxy(self) -> None:
        """Make a certificate that the page's server block names, and the block the site of nginx."""
        self.sh(
            f"mkdir -p {_LIVE}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            f" -subj /CN={DOMAIN} -addext subjectAltName=DNS:{DOMAIN} -keyout {_LIVE}/privkey.pem"
            f" -out {_LIVE}/fullchain.pem 2>/dev/null"
        )
        self.put("/etc/nginx/sites-enabled/remediate", block("nginx", "server_name"))


@contextmanager
def service_machine(place: Path) -> Iterator[ServiceMachine]:
    """Boot the machine and install the service; remove it at the end."""
    checkout, engine = Checkout(ROOT / ".staging"), find_engine()
    image = build(engine, checkout, lambda _: None)
    container = checkout.container(f"staging-service-{WORKER}")
    engine.rm(container)
    try:
        # As on a server, systemd may mount: ProtectSystem and the like do nothing without it.
        flags = (*HOST_FLAGS, "--cap-add", "SYS_ADMIN")
        engine.boot(container, image, hostname="remediate", labels={LABEL: "host", **checkout.labels}, flags=flags)
        machine = ServiceMachine(engine, container, await_ready(engine, container, 60))
        # systemd shares its mounts with its services on a server, and leaves that to the engine in a container.
        # LoadCredential then gives an empty directory.
        machine.sh("mount --make-rshared /")
        machine.install(place)
        yield machine
    finally:
        engine.rm(container)
