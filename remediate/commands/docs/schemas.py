"""JSON Schemas of the documents that `--json` prints, and of those that are read.

`python -m remediate.commands.docs.schemas DIRECTORY` writes them.
"""

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from remediate.alerts.formats import PlainAlert
from remediate.alerts.report import AlertsReport
from remediate.commands.failure import Failure
from remediate.commands.incident_context import IncidentList, IncidentReport
from remediate.core.outcome import Report
from remediate.maintenance.report import MaintenanceReport
from remediate.maintenance.status import Status
from remediate.rehearsal.outcome import RehearsalReport
from remediate.triage.triage import TriageReport

DOCUMENTS: Final[Mapping[str, type[BaseModel]]] = {
    "report": Report,
    "triage": TriageReport,
    "rehearsal": RehearsalReport,
    "incident": IncidentReport,
    "incidents": IncidentList,
    "maintenance": MaintenanceReport,
    "maintenance-status": Status,
    "alerts": AlertsReport,
    "alert": PlainAlert,
    "error": Failure,
}
"""Every document by the name of its file. The name in its `schema` is `remediate.NAME/VERSION`."""
ACCEPTED: Final = frozenset({"alert"})
"""The documents that are read. The others are printed."""


def schema(name: str) -> str:
    """Return the schema of a document, as text."""
    mode: JsonSchemaMode = "validation" if name in ACCEPTED else "serialization"
    return json.dumps(DOCUMENTS[name].model_json_schema(by_alias=True, mode=mode), indent=2) + "\n"


def index() -> str:
    """Return the page that lists the documents, as Markdown."""
    rows = (
        f"| [`remediate.{name}/1`]({name}.json) | {(inspect.getdoc(model) or '').splitlines()[0]} |"
        for name, model in DOCUMENTS.items()
    )
    return "\n".join((_HEAD, *rows, ""))


def write(directory: Path) -> None:
    """Write every schema and the page that lists them."""
    for name in DOCUMENTS:
        (directory / f"{name}.json").write_text(schema(name))
    (directory / "README.md").write_text(index())


_HEAD: Final = """\
<!-- Made by `make schemas`; do not edit. -->
# Schemas

JSON Schemas of the documents that `--json` prints, and of those that are read. The `schema` of a document names it and
its version. Within a version, keys are only added.

| document | what it is |
|---|---|"""


if __name__ == "__main__":
    write(Path(sys.argv[1]))
