"""Tables of the documentation: keys, settings, limits and codes of the code."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

import pytest
import yaml
from pydantic import BaseModel

from remediate.commands.incident_registry import incident_commands
from remediate.core.host import Certificate, Limits, Links, Payments, Queue, Settings
from remediate.core.monitoring import Backup, ErrorTrackingSettings, MaintenanceLimits, Monitor, Monitoring, Prometheus
from remediate.core.outcome import RunVerdict
from remediate.core.services import Database, DatabaseLimits, Redis
from remediate.core.verdict import ENGINE_CODES, LIMITS
from remediate.errors import USAGE_EXIT_CODE
from remediate.incident.events import Data
from remediate.incident.settings import (
    ChannelSettings,
    Contact,
    IncidentSettings,
    Rule,
    StaticPage,
    StatuspageSettings,
)
from remediate.incident.vocabulary import Situation
from remediate.project.project import Project
from remediate.project.run_limits import RunLimits
from remediate.remedies.catalogue import remedies
from support.doc_pages import EVERY_PAGE, FENCED, README, ROOT, rows

# -- incidents ---------------------------------------------------------------------------------------------------------


def test_the_settings_of_incidents_are_the_fields_of_their_models() -> None:
    page = (ROOT / "docs/incidents.md").read_text()
    table = rows(page, "setting")
    assert [first.strip("`") for first, *_ in table] == list(IncidentSettings.model_fields)
    stated = {first.strip("`"): {*re.findall(r"`([a-z_]+)`", meaning)} for first, _, meaning in table}
    assert stated["escalation"] >= {*Rule.model_fields, *(each.value for each in Situation)}
    assert stated["contacts"] >= {*Contact.model_fields}
    assert stated["channels"] >= {*ChannelSettings.model_fields}
    assert stated["status_page"] >= {*StaticPage.model_fields, *StatuspageSettings.model_fields}
    examples = [block["text"] for block in FENCED.finditer(page) if block["kind"] == "toml"]
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


# -- tables ------------------------------------------------------------------------------------------------------------


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
    examples = [block["text"] for block in FENCED.finditer(page) if "  monitoring:\n" in block["text"]]
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


def test_the_limits_of_runs_are_the_fields_of_their_settings() -> None:
    page = (ROOT / "docs/limits.md").read_text()
    stated = {first.strip("`"): default for first, default, _ in rows(page, "setting")}
    assert list(stated) == list(RunLimits.model_fields)
    defaults = {name: stated[name] for name in stated if name.endswith("_minutes")}
    assert defaults == {name: f"{getattr(RunLimits(), name):g}" for name in defaults}
    assert [first.strip("`") for first, *_ in rows(page, "code")] == [code.name for code in LIMITS]
    (example,) = (block["text"] for block in FENCED.finditer(page) if block["kind"] == "toml")
    RunLimits.model_validate(tomllib.loads(example)["tool"]["remediate"]["limits"])


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
