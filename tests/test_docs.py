"""The documentation agrees with the code: commands, links, keys, codes, generated pages."""

import ast
import importlib
import io
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, get_args

import pytest
import yaml
from invoke.parser import Parser
from pydantic import BaseModel

import remediate
from remediate.cli import namespace
from remediate.commands.docs.coverage import coverage
from remediate.commands.docs.pages import build
from remediate.commands.docs.schemas import DOCUMENTS, schema
from remediate.commands.incident_context import IncidentReport
from remediate.commands.incident_registry import incident_commands
from remediate.core.host import (
    Certificate,
    Database,
    DatabaseLimits,
    Limits,
    Links,
    Payments,
    Queue,
    Redis,
    Settings,
    SshTarget,
)
from remediate.core.monitoring import Backup, ErrorTrackingSettings, MaintenanceLimits, Monitor, Monitoring, Prometheus
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict
from remediate.core.verdict import ENGINE_CODES
from remediate.errors import USAGE_EXIT_CODE
from remediate.incident.events import Data
from remediate.incident.postmortem import sections
from remediate.incident.settings import (
    ChannelSettings,
    Contact,
    IncidentSettings,
    Rule,
    StaticPage,
    StatuspageSettings,
    incident_settings,
)
from remediate.incident.vocabulary import Situation
from remediate.playbooks.app_down import app_down
from remediate.probes.nginx_site import NginxSite
from remediate.probes.php_fpm import PhpFpmConfig, Ping, Pools, PoolsState
from remediate.probes.systemd import Unit, UnitLog
from remediate.project.project import Project
from remediate.remedies.catalogue import remedies
from remediate.report.text import TextReporter
from remediate.testing import play
from support import examples as ex
from support.incidents import DOWN, HEALTHY, PAGES, host
from support.scripted import Changes, FactSession

ROOT: Final = Path(__file__).parents[1]
PAGES_OF_IT: Final = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
EVERY_PAGE: Final = pytest.mark.parametrize("page", PAGES_OF_IT, ids=lambda page: page.relative_to(ROOT).as_posix())
README: Final = (ROOT / "README.md").read_text()

_FENCED = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_COMMAND = re.compile(
    r"(?:\b(?:invoke|remediate|fab) |^)(?P<words>(?:[a-z]+\.[a-z][a-z.-]*[a-z]|sudoers(?= --))(?: .*)?)$"
)


def code(page: Path) -> Iterator[str]:
    """Everything on a page that is typed: the lines of its blocks, and what stands between backticks."""
    text = page.read_text()
    for block in _FENCED.finditer(text):
        yield from block["text"].splitlines()
    yield from _INLINE.findall(_FENCED.sub("", text))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


# -- commands ----------------------------------------------------------------------------------------------------------


@cache
def tree() -> Parser:
    return Parser(contexts=namespace(ROOT).to_contexts())


TOP: Final = {name.partition(".")[0] for name in namespace(ROOT).task_names}


def typed(line: str) -> list[str] | None:
    """Return the words of a command of ours that a line shows, or None."""
    found = _COMMAND.search(re.split(r"  +|\s*[>#|]|…", line.removeprefix("$ "))[0].rstrip()) or _COMMAND.search(
        re.split(r" {3,}", line)[-1]
    )
    words = shlex.split(found["words"]) if found else []
    return words if words and words[0].partition(".")[0] in TOP else None


@EVERY_PAGE
def test_every_command_exists_with_its_flags(page: Path) -> None:
    for line in code(page):
        if (words := typed(line)) is None:
            continue
        if len(words) == 1:  # it is only named: what it needs need not stand there
            assert words[0] in namespace(ROOT).task_names or words[0] in remedies()
        else:
            tree().parse_argv(words)


def test_commands_are_found_on_the_pages_at_all() -> None:
    shown = {words[0] for page in PAGES_OF_IT for line in code(page) if (words := typed(line))}
    assert {"fix.app-down", "check.app-down", "do.php-fpm.restart", "runs.show", "sudoers", "staging.break"} <= shown
    assert typed("FIXED in 31.5 s (serving again after 1.1 s)       evidence: invoke runs.show 6f1b") is not None
    for wrong in ("invoke fix.app-up --host a", "remediate fix.app-down --hots a", "staging.up --speed 3"):
        words = typed(wrong)
        assert words is not None
        with pytest.raises(Exception, match="No idea what"):
            tree().parse_argv(words)


def test_every_command_of_the_demo_exists() -> None:
    steps = [shlex.split(line) for line in (ROOT / "docs/demo.sh").read_text().splitlines() if line[:7] == "expect "]
    assert len(steps) > 3
    for _, expected, *words in steps:
        assert int(expected) in {verdict.exit_code for verdict in RunVerdict}
        tree().parse_argv(words)


def test_the_incident_of_the_demo_takes_six_commands_that_exist() -> None:
    script = (ROOT / "docs/demo-incident.sh").read_text().splitlines()
    steps = [shlex.split(line) for line in script if line[:7] == "expect "]
    assert len(steps) <= 6
    for _, _, *words in steps:
        tree().parse_argv(words)


def test_the_example_of_an_incident_is_one_that_this_code_reads() -> None:
    kept = ROOT / "docs/examples/incident"
    incident_settings(kept)
    incident = IncidentReport.model_validate_json((kept / "incident.json").read_text()).incident
    assert [run.verdict for run in incident.runs] == ["fixed", "healthy"]
    assert {"declared", "acknowledged", "run", "update", "announced", "escalated", "message", "resolved"} <= {
        event.kind for event in incident.timeline
    }
    typed_there = re.findall(r"^\$ remediate (\S+)", (kept / "transcript.txt").read_text(), re.MULTILINE)
    assert len(typed_there) <= 6
    titles = re.findall(r"^#+ .*", (kept / "post-mortem.md").read_text(), re.MULTILINE)
    made = sections(incident, incident_settings(kept), incident.declared_at, "ana")
    assert titles == [section.heading for section in made]


def test_the_settings_of_incidents_are_the_fields_of_their_models() -> None:
    page = (ROOT / "docs/incidents.md").read_text()
    table = rows(page, "setting")
    assert [first.strip("`") for first, *_ in table] == list(IncidentSettings.model_fields)
    stated = {first.strip("`"): {*re.findall(r"`([a-z_]+)`", meaning)} for first, _, meaning in table}
    assert stated["escalation"] >= {*Rule.model_fields, *(each.value for each in Situation)}
    assert stated["contacts"] >= {*Contact.model_fields}
    assert stated["channels"] >= {*ChannelSettings.model_fields}
    assert stated["status_page"] >= {*StaticPage.model_fields, *StatuspageSettings.model_fields}
    examples = [block["text"] for block in _FENCED.finditer(page) if block["kind"] == "toml"]
    for example in examples:
        table = tomllib.loads(example)["tool"]["remediate"]
        IncidentSettings.model_validate(table.get("incidents", {}))
    assert len(examples) == 4


def test_the_events_and_commands_of_incidents_are_all_told() -> None:
    page = (ROOT / "docs/incidents.md").read_text()
    kinds = {str(model.model_fields["kind"].default) for model in get_args(get_args(Data)[0])}
    events = page[page.index("What happens is an event") :]
    assert [kind for kind in kinds - {"run"} if f"`{kind}`" not in events] == []
    named = [first.strip("`") for first, *_ in rows(page, "command")]
    assert sorted(named) == sorted(command.name for command in incident_commands(Project(ROOT)))


@EVERY_PAGE
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = [words.split() for line in code(page) for words in re.findall(r"^make ([a-z -]+?)(?:  |$)", line)]
    assert [target for words in asked for target in words if target not in targets] == []


def test_the_python_of_the_pages_names_what_there_is() -> None:
    shown = [block for page in PAGES_OF_IT for block in _FENCED.finditer(page.read_text())]
    blocks = [ast.parse(block["text"]) for block in shown if block["kind"] == "python"]
    assert len(blocks) == 4
    for node in (node for block in blocks for node in ast.walk(block)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "remediate":
            assert node.attr in remediate.__all__


# -- links and paths ---------------------------------------------------------------------------------------------------


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    # What stands between backticks is shown, not followed.
    for target in re.findall(r"\]\(([^)\s]+)\)", _INLINE.sub("", _FENCED.sub("", page.read_text()))):
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
    shown = [text for text in _INLINE.findall(_FENCED.sub("", page.read_text())) if re.fullmatch(r"[\w./-]+", text)]
    paths = [text for text in shown if text.partition("/")[0] in ours and "/" in text]
    assert [path for path in paths if not (ROOT / path).exists()] == []


# -- what is generated -------------------------------------------------------------------------------------------------


def test_the_schemas_are_the_ones_of_the_code() -> None:
    committed = {path.stem: path.read_text() for path in (ROOT / "docs/schemas").glob("*.json")}
    assert committed == {name: schema(name) for name in DOCUMENTS}, "run: make schemas"


def test_the_pages_of_the_playbooks_are_the_ones_of_the_code(tmp_path: Path) -> None:
    def read(file: Path) -> str:
        # Whether it has been rehearsed in its present form depends on more than the page: on when somebody did so.
        return re.sub(r"^> Rehearsal: .*$", "", file.read_text(), flags=re.MULTILINE)

    built = {file.name: read(file) for file in build(Project(ROOT), tmp_path)}
    assert {file.name: read(file) for file in (ROOT / "docs/playbooks").iterdir()} == built, "run: invoke docs.build"


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


# -- tables ------------------------------------------------------------------------------------------------------------


def rows(text: str, title: str) -> list[list[str]]:
    """Return the cells of the table whose first column is called that."""
    table = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\|\n((?:\|.*\|\n?)+)", text, re.MULTILINE)
    assert table is not None, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


NESTED: Final[Mapping[str, type[BaseModel]]] = {
    "certificate": Certificate,
    "database": Database,
    "queue": Queue,
    "redis": Redis,
    "links": Links,
    "limits": Limits,
    "maintenance": MaintenanceLimits,
    "backup": Backup,
    "payments": Payments,
    "monitoring": Monitoring,
}


def test_the_keys_of_an_inventory_are_the_fields_of_the_settings() -> None:
    table = rows((ROOT / "docs/inventory.md").read_text(), "key")
    keys = [key for first, *_ in table for key in re.findall(r"`([a-z_]+)`", first)]
    assert keys == list(Settings.model_fields)
    for first, default, meaning in table:
        for key in re.findall(r"`([a-z_]+)`", first):
            stated = yaml.safe_load(default.strip("`")) if default.startswith("`") else None
            assert Settings.model_validate({} if stated is None else {key: stated}) == Settings(), (key, default)
            assert (stated is None) is (getattr(Settings(), key) is None), (key, default)
            inner = re.match(r"`\{(.*?)\}`", meaning)
            assert (inner[1].split(", ") if inner else None) == (
                list(NESTED[key].model_fields) if key in NESTED else None
            ), key


def test_the_keys_of_monitoring_are_the_fields_of_its_settings() -> None:
    kinds: dict[str, type[BaseModel]] = {"prometheus": Prometheus, "error_tracking": ErrorTrackingSettings}
    stated = []
    for first, meaning in rows((ROOT / "docs/inventory.md").read_text(), "monitoring"):
        inner = re.match(r"`\{(.*?)\}`", meaning)
        for key in re.findall(r"`([a-z_]+)`", first):
            assert inner is not None
            assert inner[1].split(", ") == list(kinds.get(key, Monitor).model_fields), key
            stated.append(key)
    assert sorted(stated) == sorted(Monitoring.model_fields)


def test_the_examples_of_monitoring_are_accepted() -> None:
    page = (ROOT / "docs/inventory.md").read_text()
    examples = [block["text"] for block in _FENCED.finditer(page) if "  monitoring:\n" in block["text"]]
    assert len(examples) == 2
    for example in examples:
        settings = Settings.model_validate(yaml.safe_load(example)["remediate"])
        assert settings.monitoring != Monitoring()


def test_the_limits_of_a_database_are_the_fields_of_its_settings() -> None:
    table = rows((ROOT / "docs/inventory.md").read_text(), "limit")
    assert {name.strip("`"): int(default.strip("`")) for name, default, _ in table} == DatabaseLimits().model_dump()


@pytest.mark.parametrize(("key", "section"), [("certificate", Certificate), ("limits", Limits)])
def test_the_keys_of_a_section_are_the_fields_of_its_settings(key: str, section: type[BaseModel]) -> None:
    table = rows((ROOT / "docs/inventory.md").read_text(), f"key of `{key}`")
    assert [name.strip("`") for name, *_ in table] == list(section.model_fields)
    for name, default, _ in table:
        field = section.model_fields[name.strip("`")]
        if default.startswith("`"):
            assert yaml.safe_load(default.strip("`")) == field.default
        else:
            assert field.is_required() is (default == "")


def test_the_keys_of_maintenance_are_the_fields_of_its_settings() -> None:
    page = (ROOT / "docs/inventory.md").read_text()
    stated = {name.strip("`"): yaml.safe_load(default.strip("`")) for name, default, _ in rows(page, "maintenance")}
    assert list(stated) == list(MaintenanceLimits.model_fields)
    assert MaintenanceLimits.model_validate(stated) == MaintenanceLimits()
    assert page.count("\n### Maintenance\n") == 1


def test_the_exit_codes_are_those_of_the_code() -> None:
    stated = {int(code): set(re.findall(r"`(\w+)`", verdicts)) for code, verdicts, _ in rows(README, "code")}
    expected: dict[int, set[str]] = {USAGE_EXIT_CODE: set()}
    for verdict in RunVerdict:
        expected.setdefault(verdict.exit_code, set()).add(verdict.value)
    assert stated == expected


@EVERY_PAGE
def test_every_refusal_that_is_named_exists(page: Path) -> None:
    known = {code.name for codes in (ENGINE_CODES, *(each.refusals for each in remedies().values())) for code in codes}
    before = r"(?:refus(?:al|als|ed|es)(?: is| as| with)?|--override)"
    named = re.findall(rf"{before} `?([a-z]+(?:-[a-z]+)+)\b", page.read_text())
    alike = re.findall(r"`([a-z]+-(?:broken|missing|taken|unwritable|unchecked|masked))\b", page.read_text())
    assert {*named, *alike} <= known


def test_the_modules_are_those_that_the_architecture_names() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    (block,) = (each["text"] for each in _FENCED.finditer(page) if each["text"].startswith("remediate/ "))
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


# -- the example at the top --------------------------------------------------------------------------------------------


def test_the_example_of_the_readme_is_what_a_person_would_see() -> None:
    (shown,) = (each["text"] for each in _FENCED.finditer(README) if each["text"].startswith("$ invoke fix.app-down"))
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
        text = re.sub(r"\d samples good over \d+ s", "7 samples good over 30 s", text)
        return re.sub(r"\d+\.\d s", "0.0 s", text)

    assert steady(shown) == steady(f"$ invoke fix.app-down --host prod\n{out.getvalue()}")
