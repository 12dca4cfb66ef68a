"""The installed program, outside any checkout: by pip, by pipx and by uvx."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest
import yaml

from remediate import __version__
from remediate.core.outcome import Report
from support.packaged import Installed, Package
from support.sshd import USER, Lab, fingerprint, free_port, keygen

pytestmark = pytest.mark.package

INCIDENTS = ("app-down", "cache-down", "certificate-expiry", "database-down", "high-load", "payments-failing")
POLICY = """
sources:
  monitoring: {format: plain, bearer: env:ALERTS_SECRET}
rules: []
"""


@pytest.fixture(scope="session")
def pip(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return package.by_pip(tmp_path_factory.mktemp("pip") / "venv", more=("pytest", "mypy"))


@pytest.fixture(scope="session")
def pipx(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    if find_spec("ensurepip") is None:
        pytest.skip("pipx makes environments with ensurepip: apt-get install python3-venv")
    return package.by_pipx(tmp_path_factory.mktemp("pipx"))


@pytest.fixture(params=["pip", "pipx", "uvx"])
def installed(request: pytest.FixtureRequest, package: Package) -> Installed:
    if request.param == "uvx":
        return package.by_uvx()
    found: Installed = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """The way to this machine over SSH, by a server of our own."""
    folder = tmp_path_factory.mktemp("host")
    lab = Lab(folder, keygen(folder / "client"))
    server = lab.stranger()
    yield {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(lab.key),
        "remediate": {"host_key": fingerprint(server.host_keys[0])},
    }
    server.stop()


def inventory(path: Path, host: dict[str, object], **settings: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    known = host["remediate"]
    assert isinstance(known, dict)
    path.write_text(yaml.safe_dump({"all": {"hosts": {"web1": {**host, "remediate": {**known, **settings}}}}}))
    return path


def test_it_says_its_version_and_where_it_is(installed: Installed, tmp_path: Path) -> None:
    said = installed(tmp_path, "--version")
    found = re.fullmatch(r"remediate (\S+) from (/.+/site-packages/remediate) \(Python 3\.\d+\.\d+\S*\)\n", said.out)
    assert found is not None, said
    assert found[1] == __version__


def test_every_incident_is_listed_without_a_project(installed: Installed, tmp_path: Path) -> None:
    listed = installed(tmp_path, "--list").out
    for name in INCIDENTS:
        assert f"  fix.{name} " in listed
        assert f"  rehearse.{name} " in listed
    assert "Usage: remediate" in installed(tmp_path, "--help").out
    assert "--hold" in installed(tmp_path, "fix.app-down", "--help").out


def test_it_looks_at_a_host(installed: Installed, project: Path, host: dict[str, object]) -> None:
    bare = inventory(project.parent / "bare.yml", host)
    made = project / "inventories/web1.yml"
    made.parent.mkdir()
    said = installed(project, "init", "--host", "web1", "--inventory", bare, "--out", made)
    assert said.code == 0, said
    assert "production: true" in made.read_text()

    made.unlink()
    inventory(project / "inventories/prod.yml", host, site_url="http://127.0.0.1:1/", php="php8.3")
    said = installed(project, "check.app-down", "--host", "web1", "--json")
    report = Report.model_validate_json(said.out)
    assert (report.exit_code, report.touched.value) == (said.code, "no")
    assert said.code in (3, 10), said  # Nothing answers at that address, whatever this machine has.
    assert report.hosts[0].before


def test_its_service_is_an_extra_and_says_so(installed: Installed, project: Path) -> None:
    for command in ("serve", "worker"):
        said = installed(project, command)
        said.usage("pip install 'remediate[service]'")


def test_what_is_begun_passes_at_once(pip: Installed, project: Path) -> None:
    assert pip(project, "new.remedy", "--name", "web.start").code == 0
    assert pip(project, "new.playbook", "--name", "shop-down").code == 0
    tested = pip(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", program="python")
    assert tested.code == 0, tested
    listed = pip(project, "--list").out
    assert "fix.web-start" in listed
    assert "fix.shop-down" in listed
    assert pip(project, "docs.build").code == 0
    assert (project / "docs/playbooks/app-down.md").is_file()
    assert (project / "docs/reference/refusals.md").is_file()


def test_its_types_are_there_for_others(pip: Installed, project: Path) -> None:
    ours = "from remediate import Report, run\nfrom remediate.playbooks.app_down import app_down\n\n"
    (project / "right.py").write_text(f"{ours}report: Report = run(app_down, 'web1')\n")
    (project / "wrong.py").write_text(f"{ours}report: int = run(app_down, 'web1')\n")
    said = pip(project, "--strict", "right.py", "wrong.py", program="mypy")
    assert said.out.startswith('wrong.py:4: error: Incompatible types in assignment (expression has type "Report"')
    assert "Found 1 error in 1 file (checked 2 source files)" in said.out


def test_its_documents_and_completion_are_there(package: Package, pip: Installed, project: Path) -> None:
    pip(project, "docs.runbook").usage("pip install 'remediate[docs]'")
    with_docs = package.by_uvx("docs")
    assert with_docs(project, "docs.runbook").code == 0
    printed = (project / "docs/printed-runbook.html").read_text()
    assert all(f"fix.{name}" in printed for name in INCIDENTS)
    for shell in ("bash", "zsh", "fish"):
        assert "remediate" in pip(project, "--print-completion-script", shell).out
    assert "fix.app-down" in pip(project, "--complete", "--", "remediate fix.app").out.split()


def test_its_service_starts_with_the_extra(package: Package, project: Path) -> None:
    service, port = package.by_uvx("service"), free_port()
    (project / "alerts.yml").write_text(POLICY)
    inventory(project / "inventories/prod.yml", {"ansible_host": "127.0.0.1", "remediate": {}})
    running = subprocess.Popen(
        [*service.words, "serve", "--port", str(port)],
        cwd=project,
        env=service.environment(project) | {"ALERTS_SECRET": "secret-of-this-test"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert answers(f"http://127.0.0.1:{port}/healthz", running), running.communicate()[0]
    finally:
        running.terminate()
        said = running.communicate(timeout=60)[0]
    assert "Traceback" not in said


def answers(url: str, running: "subprocess.Popen[str]") -> bool:
    """Ask until it answers 200, it has ended, or much time has passed."""
    end = time.monotonic() + 90
    while running.poll() is None:
        with suppress(httpx2.TransportError):
            return httpx2.get(url, timeout=5).status_code == 200
        if time.monotonic() > end:
            running.kill()
        time.sleep(0.2)
    return False
