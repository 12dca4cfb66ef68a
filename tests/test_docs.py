"""The documentation beside the code: links, paths, python, modules, and generated pages."""

import ast
import importlib
import io
import re
from datetime import UTC, datetime
from inspect import currentframe
from pathlib import Path
from traceback import walk_stack
from typing import Any

import pytest

import remediate
from remediate.cli import RemediateProgram
from remediate.commands.docs.coverage import coverage
from remediate.commands.docs.pages import build
from remediate.commands.docs.schemas import DOCUMENTS, index, schema
from remediate.core.host import (
    SshTarget,
)
from remediate.core.options import Options
from remediate.playbooks.app_down import app_down
from remediate.probes.nginx_site import NginxSite
from remediate.probes.php_fpm import PhpFpmConfig, Ping, Pools, PoolsState
from remediate.probes.systemd import Unit, UnitLog
from remediate.project.project import Project
from remediate.report.text import TextReporter
from remediate.testing import play
from support import examples as ex
from support.doc_pages import EVERY_PAGE, FENCED, INLINE, PAGES_OF_IT, README, ROOT
from support.incidents import DOWN, HEALTHY, PAGES, host
from support.nginx_runs import AGAIN
from support.nginx_runs import DOWN as DOWN_NGINX
from support.orphans import INVENTORY
from support.scripted import Changes, FactSession, Opened


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


# -- python ------------------------------------------------------------------------------------------------------------


def test_the_python_of_the_pages_names_what_there_is() -> None:
    shown = [block for page in PAGES_OF_IT for block in FENCED.finditer(page.read_text())]
    blocks = [ast.parse(block["text"]) for block in shown if block["kind"] == "python"]
    assert len(blocks) == 15
    for node in (node for block in blocks for node in ast.walk(block)):
        if isinstance(node, ast.ImportFrom) and node.module != "web_down":  # written by docs/first-remedy.md
            module = importlib.import_module(node.module or "")
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "remediate":
            assert node.attr in remediate.__all__


# -- links and paths ---------------------------------------------------------------------------------------------------


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    # What stands between backticks is shown, not followed.
    for target in re.findall(r"\]\(([^)\s]+)\)", INLINE.sub("", FENCED.sub("", page.read_text()))):
        # The runbook is the document that is implemented here, as it was given: its neighbours are elsewhere.
        if not re.match(r"https?:", target) and page.name != "runbook.md":
            file, _, anchor = target.partition("#")
            linked = page.parent / file if file else page
            assert linked.exists(), target
            assert not anchor or anchor in _anchors(linked), target


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}


@EVERY_PAGE
def test_every_path_exists(page: Path) -> None:
    ours = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    shown = [text for text in INLINE.findall(FENCED.sub("", page.read_text())) if re.fullmatch(r"[\w./-]+", text)]
    # The page has the reader write these files.
    written = re.findall(r"^`([\w./]+)`:$", page.read_text(), re.MULTILINE)
    paths = [text for text in shown if text.partition("/")[0] in ours and "/" in text and text not in written]
    assert [path for path in paths if not (ROOT / path).exists()] == []


# -- what is generated -------------------------------------------------------------------------------------------------


def test_the_schemas_are_the_ones_of_the_code() -> None:
    committed = {path.stem: path.read_text() for path in (ROOT / "docs/schemas").glob("*.json")}
    assert committed == {name: schema(name) for name in DOCUMENTS}, "run: make schemas"
    assert (ROOT / "docs/schemas/README.md").read_text() == index(), "run: make schemas"


def test_the_generated_pages_are_the_ones_of_the_code(tmp_path: Path) -> None:
    def read(file: Path) -> str:
        # Whether it has been rehearsed in its present form depends on more than the page: on when somebody did so.
        return re.sub(r"^> Rehearsal: .*$", "", file.read_text(), flags=re.MULTILINE)

    built = {file.relative_to(tmp_path): read(file) for file in build(Project(ROOT), tmp_path)}
    kept = {path.relative_to(ROOT / "docs"): read(path) for path in (ROOT / "docs").glob("[pr]*/*.md")}
    del kept[Path("rehearsals/README.md")]
    assert kept == built, "run: invoke docs.build"


def test_what_answers_the_runbook_is_told_by_the_code() -> None:
    page = coverage(Project(ROOT), ROOT / "docs/runbook.md")
    assert (ROOT / "docs/runbook-coverage.md").read_text() == page, "run: invoke docs.build"
    titles = re.findall(r"^## (?P<title>.*)$", page, re.MULTILINE)
    assert [title.partition(" ")[0] for title in titles] == [
        *("1.1", "2.1", "2.2", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6"),
        *("5.1", "5.2", "6.1", "6.2", "7.1", "7.2", "8.1", "8.2", "Links", "Change"),
    ]


def test_a_runbook_of_ones_own_has_its_own_answers(tmp_path: Path) -> None:
    (tmp_path / "runbook.md").write_text("## Ours\n\n- Call Ana\n")
    (tmp_path / "runbook-answers.toml").write_text('[["Ours"]]\nlines = ["Call Ana"]\nby = ["triage"]\n')
    assert "| `Call Ana` | `triage` |" in coverage(Project(None), tmp_path / "runbook.md")


# -- modules -----------------------------------------------------------------------------------------------------------


def test_the_modules_are_those_that_the_architecture_names() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    (block,) = (each["text"] for each in FENCED.finditer(page) if each["text"].startswith("remediate/ "))
    package, drawn = "", dict[str, list[str]]()
    for line in block.splitlines():
        found = re.fullmatch(r" {0,2}(?P<package>[a-z]+)/ +(?P<names>.*)", line)
        package, names = (found["package"], found["names"]) if found else (package, line)
        drawn[package] = [*drawn.get(package, ()), *names.split()]
    root = ROOT / "remediate"
    assert sorted(drawn.pop("remediate")) == sorted(path.stem for path in root.glob("[!_]*.py"))
    assert sorted(drawn) == sorted(path.parent.name for path in root.glob("*/__init__.py"))
    for name in drawn.keys() - {"playbooks", "remedies", "probes"}:
        there = [path.stem for path in (root / name).glob("[!_]*.py")]
        assert sorted(drawn[name]) == sorted(
            [*there, *(f"{each.parent.name}/" for each in (root / name).glob("*/__init__.py"))]
        )


class Walked(FactSession):
    """A host that notes which of our modules called for its act, outermost first."""

    walk: tuple[str, ...] = ()

    def begin(self, probes: Any, act: Any = None, **named: Any) -> Any:
        if act is not None:
            names = [str(frame.f_globals["__name__"]) for frame, _ in walk_stack(currentframe())]
            ours = dict.fromkeys(name for name in reversed(names) if name.startswith("remediate."))
            self.walk = tuple(f"{name.removeprefix('remediate.').replace('.', '/')}.py" for name in ours)
        return super().begin(probes, act, **named)


def test_the_way_of_a_host_to_its_restart_is_the_one_of_the_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    told = re.findall(r"^\| [0-9]+ \| `([a-z_/]+\.py)`", page, re.MULTILINE)
    host = Walked(DOWN_NGINX, AGAIN)
    (tmp_path / "prod.yml").write_text(INVENTORY)
    monkeypatch.setattr("remediate.transport.dialing.Dialling", lambda *_: Opened(host))
    line = f"remediate do.nginx.restart --host web1 --yes --hold 0 --inventory {tmp_path / 'prod.yml'}"
    RemediateProgram().run(line.split(), exit=False)
    assert host.ran, "the unit was restarted"
    assert [*host.walk, "transport/session.py"] == told


# -- the example at the top --------------------------------------------------------------------------------------------


def test_the_example_of_the_readme_is_what_a_person_would_see() -> None:
    (shown,) = (each["text"] for each in FENCED.finditer(README) if each["text"].startswith("$ invoke fix.app-down"))
    example = host(app_path=None, worker_program=None, php="php8.3").model_copy(
        update={"name": "prod", "ssh": SshTarget(address="web1.example.com")}
    )
    unit, pools = Unit(name="php8.3-fpm"), Pools(php="php8.3", user="forge")
    (gone,) = ex.pools(Ping.REFUSED, children=0, listens=False).pools
    failed = ex.FAILED.model_copy(update={"changed_at": datetime(2026, 11, 23, 2, 51, 10, tzinfo=UTC)})
    (asked,) = ex.SITE_SERVED.targets
    asked = asked.model_copy(update={"address": "/run/php/php8.3-fpm.sock"})
    down: Changes = {
        **HEALTHY,
        **DOWN,
        unit: failed,
        PhpFpmConfig(php="php8.3"): ex.SOUND,
        pools: PoolsState(pools=(gone.model_copy(update={"listen": "/run/php/php8.3-fpm.sock"}),)),
        UnitLog(name="php8.3-fpm"): ex.NO_LINES,
        NginxSite(domain="example.com"): ex.SITE_SERVED.model_copy(update={"targets": (asked,)}),
    }
    out = io.StringIO()
    reporter = TextReporter(out, io.StringIO(), program="invoke")
    reporter.began("6f1b", app_down, (example,), "ana@laptop")
    session = FactSession(down, {unit: ex.started_again(failed), pools: ex.POOLS, **dict.fromkeys(PAGES, ex.page())})
    play(app_down, session, host=example, options=Options(hold=0, yes=True), reporter=reporter)

    def steady(text: str) -> str:
        text = re.sub(r"(operator \S+   )\d\d:\d\d:\d\dZ", r"\g<1>02:58:01Z", text)
        text = re.sub(r"\d samples good over(\s+)\d+ s", r"7 samples good over\g<1>30 s", text)
        return re.sub(r"\d+\.\d s", "0.0 s", text)

    assert steady(shown) == steady(f"$ invoke fix.app-down --host prod\n{out.getvalue()}")
