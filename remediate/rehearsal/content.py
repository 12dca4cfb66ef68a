"""A playbook's content digest, and the record of its last rehearsal."""

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, ValidationError

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.rehearsal.outcome import RehearsalReport

DIRECTORY: Final = "docs/rehearsals"
"""Directory of a project's records. They are committed, so that everybody knows what has been proven."""
_ENGINE: Final = (
    *(
        "engine.apply",
        "engine.conclusion",
        "engine.host_runner",
        "engine.judge",
        "engine.open_host",
        "engine.transitions",
        "engine.unchanged",
        "core.playbook",
        "core.remedy",
        "transport.acted",
        "transport.script",
        "transport.session",
    ),
    *("engine.stability", "engine.surveyor"),
)
_OWN: Final = ("remediate.probes", "remediate.remedies", "remediate.playbooks", "remediate_project_")


class RehearsalRecord(FrozenModel):
    """The last whole rehearsal of a playbook."""

    playbook: str
    digest: str
    version: str
    finished: AwareDatetime
    trials: int
    passed: bool


def digest(playbook: Playbook) -> str:
    """Return a digest of the playbook, its remedies and probes, and the engine.

    It changes whenever one of their files does.
    """
    modules = {*_closure(playbook.__module__), *(f"remediate.{name}" for name in _ENGINE)}
    total = hashlib.sha256()
    for name in sorted(modules):
        for path in _files(importlib.import_module(name)):
            content = path.read_bytes()
            total.update(f"{name} {path.name} {len(content)}\n".encode() + content)
    return total.hexdigest()


def _closure(module: str) -> set[str]:
    """Return the modules that make up a playbook, following what each takes from others."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += {source for value in vars(sys.modules[name]).values() if (source := _part(name, value)) is not None}
    return found


def _part(of: str, value: object) -> str | None:
    """Return the module of a remedy, probe, fact or one of their parts; else None."""
    if isinstance(value, ModuleType):
        # The modules that a package knows depend on what else this process has imported.
        source: object = None if value.__name__.startswith(f"{of}.") else value.__name__
    else:
        source = getattr(value, "__module__", None)
    if not isinstance(source, str) or source not in sys.modules:
        return None
    own = inspect.isclass(value) and issubclass(value, (Remedy, Probe, Fact)) and not source.startswith("remediate.")
    return source if own or source.startswith(_OWN) else None


def _files(module: ModuleType) -> Iterator[Path]:
    if module.__file__ is None:
        return
    path = Path(module.__file__)
    # The other files of a package are programs that it sends to the host.
    beside = sorted(each for each in path.parent.iterdir() if each.suffix not in {".py", ".pyc"} and each.is_file())
    yield from (path, *beside) if path.name == "__init__.py" else (path,)


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
