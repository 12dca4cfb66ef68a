"""A playbook's content digest, and the record of its last rehearsal."""

import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, ValidationError

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Playbook
from remediate.project.content import content_digest
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.rehearsal.outcome import RehearsalReport

DIRECTORY: Final = "docs/rehearsals"
"""Directory of a project's records. They are committed, so that everybody knows what has been proven."""


class RehearsalRecord(FrozenModel):
    """The last whole rehearsal of a playbook."""

    playbook: str
    digest: str
    version: str
    finished: AwareDatetime
    trials: int
    passed: bool


def digest(playbook: Playbook) -> str:
    """Return the digest of the code of a playbook, its remedies and probes, and the engine."""
    return content_digest(playbook.__module__)


def write_record(report: "RehearsalReport", root: Path) -> Path:
    """Write the record of a whole rehearsal and its result; return the file's path."""
    record = RehearsalRecord(
        playbook=report.playbook,
        digest=report.digest,
        version=report.version,
        finished=(report.started + timedelta(seconds=report.seconds)).replace(microsecond=0),
        trials=len(report.trials),
        passed=report.passed,
    )
    path = root / DIRECTORY / f"{report.playbook}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record.model_dump_json(indent=2) + "\n")
    return path


def rehearsed(playbook: Playbook, project: Project) -> tuple[RehearsalRecord, bool] | None:
    """Return the last known rehearsal and whether its content is the present one; else None.

    A record of the present content is preferred to a later one of other content.
    """
    records = [record for record in _records(playbook.name, project) if record is not None]
    now = digest(playbook)
    return max(
        ((record, record.digest == now) for record in records),
        key=lambda each: (each[1], each[0].finished),
        default=None,
    )


def unrehearsed(playbook: Playbook, project: Project) -> str | None:
    """Return why no rehearsal proves this playbook in its present form; None when one does."""
    known = rehearsed(playbook, project)
    if known is None:
        return "never rehearsed"
    record, current = known
    if not current:
        return f"not rehearsed since it was changed (last on {record.finished:%Y-%m-%d})"
    return None if record.passed else "its last rehearsal failed"


def _records(name: str, project: Project) -> Iterator[RehearsalRecord | None]:
    places = [project.root / DIRECTORY] if project.root else []
    # The wheel contains the records of the stock playbooks.
    for place in (*places, Path(str(resources.files("remediate"))) / "rehearsals"):
        try:
            yield RehearsalRecord.model_validate(json.loads((place / f"{name}.json").read_text()))
        except (OSError, ValueError, ValidationError):
            yield None
