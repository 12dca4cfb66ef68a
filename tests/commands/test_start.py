"""The imports of a command: the operator waits for them at three in the morning. Names, no times: those vary."""

import inspect
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from remediate import remedies as package
from remediate.core.remedy import Remedy
from remediate.remedies import catalogue
from support.command_box import environment

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
INVENTORY = """
web:
  hosts:
    web1: {ansible_host: 127.0.0.1, ansible_port: 1, remediate: {site_url: "http://127.0.0.1:1/", php: php8.3}}
"""
SSH = frozenset({"fabric", "paramiko"})
HEAVY = SSH | {"pydantic", "pydantic_core", "sqlalchemy", "httpx2", "jinja2", "cryptography", "apprise"}
"""Each costs a tenth of a second or more."""


LOOK = """
import atexit, pathlib, runpy, sys
_, modules, *sys.argv = sys.argv
atexit.register(lambda: pathlib.Path(modules).write_text(" ".join(sys.modules)))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def imported(words: Sequence[str], tmp_path: Path) -> frozenset[str]:
    """Run a command; return the names of all modules that it imported."""
    return started(words, tmp_path)[0]


def started(words: Sequence[str], tmp_path: Path) -> tuple[frozenset[str], str]:
    """Run a command; return the names of all modules that it imported, and its standard error."""
    inventory, modules = tmp_path / "prod.yml", tmp_path / "modules"
    inventory.write_text(INVENTORY)
    program, *rest = (str(inventory) if word == "INVENTORY" else word for word in words)
    said = subprocess.run(
        [sys.executable, "-c", LOOK, modules, BIN / program, *rest],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in said.stderr
    return frozenset(modules.read_text().split()), said.stderr


def packages(modules: frozenset[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in modules)


@pytest.mark.parametrize(
    "words",
    [
        ("remediate", "--version"),
        ("remediate", "--list"),
        ("invoke", "--list"),
        ("invoke", "--help", "fix.app-down"),
        ("remediate", "fix.app-down", "--help"),
        ("remediate", "do.env.set", "--help"),
        ("remediate", "fix.app-down", "--nonsense"),
        ("remediate", "fix.nonsense"),
        ("remediate", "fix.app-down"),
        ("remediate", "fix.app-down", "--host", "nowhere", "--inventory", "INVENTORY"),
        ("remediate", "--complete", "--", "remediate fix.app-down --host st"),
    ],
    ids=" ".join,
)
def test_what_needs_no_host_imports_nothing_that_is_heavy(words: Sequence[str], tmp_path: Path) -> None:
    modules = imported(words, tmp_path)
    assert "remediate.cli" in modules
    assert packages(modules) & HEAVY == frozenset()


def test_a_version_needs_no_list_of_commands(tmp_path: Path) -> None:
    assert "remediate.playbooks" not in imported(("remediate", "--version"), tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fix.app-down", "do.nginx.restart"), "one at a time: fix.app-down and do.nginx.restart"),
        (("do.ngin.restart",), "did you mean do.nginx.restart?"),
        (("do.nginx.restart", "--hots", "web1"), "--host"),
    ],
)
def test_single_remedies_are_known_where_a_line_may_mean_one(words: Sequence[str], said: str, tmp_path: Path) -> None:
    assert said in started(("remediate", *words), tmp_path)[1]


def test_a_list_of_runs_needs_a_database_only(tmp_path: Path) -> None:
    modules = packages(imported(("remediate", "runs.list"), tmp_path))
    assert "sqlalchemy" in modules
    assert modules & (SSH | {"httpx2", "jinja2", "apprise"}) == frozenset()


@pytest.mark.parametrize(
    ("command", "own"),
    [("fix.app-down", ("remediate.playbooks.app_down",)), ("do.nginx.restart", ())],
)
def test_a_run_imports_only_what_it_uses(command: str, own: Sequence[str], tmp_path: Path) -> None:
    modules, _ = started(("remediate", command, "--host", "web1", "--inventory", "INVENTORY"), tmp_path)
    assert "sqlalchemy" in packages(modules)
    assert "sqlalchemy.dialects.postgresql" not in modules  # The journal is a file of SQLite.
    # The user's own ssh connects, also where it fails.
    assert packages(modules) & (SSH | {"httpx2", "jinja2", "apprise"}) == frozenset()
    # No question is asked of a host that does not answer, and none of another playbook is there to be asked.
    assert {name for name in modules if name.startswith("remediate.playbooks.")} == set(own)
    # Nothing is to be changed, so there is no plan to approve.
    assert not {name for name in modules if name.startswith("remediate.approvals")}
    assert not {"remediate.remedies.payments", "remediate.remedies.fallback", "remediate.rehearsal"} & modules


def test_a_connection_begins_before_the_models_are_imported(tmp_path: Path) -> None:
    inventory = tmp_path / "prod.yml"
    inventory.write_text(INVENTORY)
    text = """
import sys
from types import SimpleNamespace
from remediate.commands.given import beginning
from remediate.project.project import Project
from remediate.transport.dialing import Connections

def begun(_, addresses):
    import remediate.transport.openssh.connecting
    if addresses:
        raise SystemExit(f"{addresses} {sorted({'pydantic', 'fabric', 'sqlalchemy'} & set(sys.modules))}")

Connections.begin = begun
with beginning({"host": "web1", "inventory": sys.argv[1]}, Project(None), SimpleNamespace(warn=print)):
    pass
"""
    argv = (sys.executable, "-c", text, str(inventory))
    said = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert said.stderr.startswith("[('web1', SshTarget(address='127.0.0.1', port=1,"), said.stderr
    assert said.stderr.endswith(" []\n")


def test_a_remedy_is_listed_as_it_is() -> None:
    remedies = catalogue.remedies()
    modules = [import_module(f"{catalogue.__package__}.{found.name}") for found in iter_modules(package.__path__)]
    classes = {each for module in modules for each in vars(module).values() if inspect.isclass(each)}
    assert set(remedies.values()) == {
        each for each in classes if issubclass(each, Remedy) and not inspect.isabstract(each)
    }
    for kind, listed in catalogue.listed().items():
        remedy = remedies[kind]
        assert remedy.model_fields["kind"].default == kind
        assert (listed.doc, listed.is_human) == (inspect.getdoc(remedy), remedy.is_human)
        assert list(listed.simple.items()) == list(remedy.simple_fields().items())
        assert listed.secret == remedy.secret_fields()
