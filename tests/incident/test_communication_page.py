"""docs/communication.md agrees with the code."""

import re
import tomllib
from pathlib import Path
from typing import Final

from remediate.incident.delivery import BUDGET, STALE
from remediate.incident.messages import SUFFIX, MessageKind
from remediate.incident.outbox import LEASE
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.template_context import TemplateContext

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/communication.md").read_text()
TEMPLATES: Final = ROOT / "remediate/incident/templates"


def table(title: str) -> list[str]:
    found = re.search(rf"^\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\|\n?)+)", PAGE, re.MULTILINE)
    assert found is not None
    return [line.split("|")[1].strip(" `") for line in found[1].splitlines()]


def test_its_configuration_can_be_used() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        IncidentSettings.model_validate(tomllib.loads(block)["tool"]["remediate"]["incidents"])


def test_it_names_every_word_of_a_template() -> None:
    assert table("name") == list(TemplateContext.model_fields)


def test_it_names_every_audience_and_kind() -> None:
    assert table("audience") == [audience.value for audience in Audience]
    for kind in MessageKind:
        assert f"`{kind.value}`" in PAGE
        assert list(TEMPLATES.glob(f"{kind.value}.*{SUFFIX}"))


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"for {STALE.total_seconds() / 3600:g} hours" in PAGE
    assert f"after {BUDGET:g} seconds" in PAGE
    assert f"After {LEASE.total_seconds():g} seconds" in PAGE
