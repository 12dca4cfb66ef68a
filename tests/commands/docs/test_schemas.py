"""Schemas of the documents: accepted values, and their form."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from remediate.commands.docs.schemas import DOCUMENTS, schema
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome
from remediate.core.playbook import HostPlan
from remediate.errors import Unreadable
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.testing import play
from support import examples as ex
from support.scripted import Changes, FactSession
from support.toys import RestartFpm, report_of

UNIT, CONFIG = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")
HOST_PLAN = HostPlan(symptoms=(), diagnosis=(), remedies=(RestartFpm(settle=0),))
DOWN: Changes = {UNIT: ex.FAILED, CONFIG: ex.SOUND}
SCHEMA = json.loads(schema("report"))


def document(*outcomes: HostOutcome) -> dict[str, object]:
    return dict(json.loads(report_of(*outcomes).model_dump_json(by_alias=True)))


FIXED = document(play(HOST_PLAN, FactSession(DOWN, {UNIT: ex.started_again(ex.FAILED)})))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_is_a_schema_and_its_documents_say_which(name: str) -> None:
    found = json.loads(schema(name))
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["properties"]["schema"]["default"] == f"remediate.{name}/1"


@pytest.mark.parametrize(
    ("first", "acts", "options"),
    [
        (DOWN, [{UNIT: ex.started_again(ex.FAILED)}], Options(hold=0)),
        (DOWN, [], Options(hold=0)),
        (DOWN, [], Options(plan=True)),
        ({**DOWN, UNIT: ex.RUNNING}, [], Options()),
        ({**DOWN, CONFIG: ex.BROKEN_CONFIG}, [], Options()),
        ({**DOWN, UNIT: Unreadable("?")}, [], Options()),
    ],
    ids=["fixed", "not fixed", "plan", "healthy", "refused", "unreadable"],
)
def test_every_report_is_valid(first: Changes, acts: list[Changes], options: Options) -> None:
    jsonschema.validate(document(play(HOST_PLAN, FactSession(first, *acts), options=options)), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"verdict": "fine"}, {"touched": None}, {"exit_code": "0"}, {"started": 5}, {"hosts": [{}]}],
    ids=str,
)
def test_anything_else_is_not(change: dict[str, object]) -> None:
    jsonschema.validate(FIXED, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**FIXED, **change}, SCHEMA)


def test_what_scripts_read_cannot_be_missing() -> None:
    for key in ("version", "run", "mode", "playbook", "started", "verdict", "exit_code", "touched"):
        assert key in SCHEMA["required"], key


def test_they_are_written_to_a_directory(tmp_path: Path) -> None:
    subprocess.run((sys.executable, "-m", "remediate.commands.docs.schemas", str(tmp_path)), check=True, timeout=60)
    assert {path.stem: path.read_text() for path in tmp_path.glob("*.json")} == {
        name: schema(name) for name in DOCUMENTS
    }
    page = (tmp_path / "README.md").read_text()
    assert [name for name in DOCUMENTS if f"({name}.json)" not in page] == []
