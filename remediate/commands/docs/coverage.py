"""Writes docs/runbook-coverage.md: every line of the runbook with what covers it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, get_args

from remediate.commands.docs.example import EXAMPLE
from remediate.commands.docs.rendering import rendered
from remediate.commands.registry import commands
from remediate.core.host import Links
from remediate.core.monitoring import Monitoring
from remediate.core.playbook import Playbook
from remediate.core.runbook import answered, covered, sections
from remediate.incident.events import Data
from remediate.incident.messages import PACKAGED, SUFFIX
from remediate.incident.settings import IncidentSettings
from remediate.maintenance.catalogue import DUTIES
from remediate.maintenance.settings import MaintenanceSettings
from remediate.project.project import Project
from remediate.remedies.catalogue import remedies

ANSWERS: Final = "runbook-answers.toml"
"""File next to the runbook that maps its lines to what covers them."""


def coverage(project: Project, runbook: Path) -> str:
    """Return the page as Markdown.

    Raises ConfigurationError naming a line that nothing covers, or an answer that does not exist.
    """
    playbooks = [project.load(name) for name in project.playbooks()]
    read = tuple(section for section in sections(runbook.read_text()) if section.lines)
    rows = covered(read, answered(runbook.with_name(ANSWERS)), _names(project, playbooks, runbook.parent))
    return rendered("coverage.md.j2", sections=read, rows=rows, answer=_answer)


def _answer(name: str) -> str:
    """Return an answer as Markdown: a document as a link, anything else as code."""
    return f"[{name}]({name.removeprefix('docs/')})" if name.startswith("docs/") else f"`{name}`"


def _names(project: Project, playbooks: Sequence[Playbook], documents: Path) -> Iterator[str]:
    """Yield the names of everything that may cover a line, because it exists."""
    yield from _kinds(playbooks)
    yield from (command.name for command in commands(project))
    yield from (f"setting {name}" for name in (*IncidentSettings.model_fields, *MaintenanceSettings.model_fields))
    yield from (f"item {duty.name}" for duty in DUTIES)
    yield from (f"monitoring {name}" for name in Monitoring.model_fields)
    yield from (f"link {name}" for name in Links.model_fields)
    yield from (f"event {model.model_fields['kind'].default}" for model in get_args(get_args(Data)[0]))
    yield from (f"template {file.name.removesuffix(SUFFIX)}" for file in PACKAGED.glob(f"*{SUFFIX}"))
    yield from (f"docs/{file.relative_to(documents).as_posix()}" for file in documents.rglob("*") if file.is_file())


def _kinds(playbooks: Sequence[Playbook]) -> Iterator[str]:
    yield from remedies()  # some are in no playbook, because a person decides to use them
    for playbook in playbooks:
        host_plan = playbook(EXAMPLE)
        yield from (probe.kind for probe in host_plan.probes())
        yield from (remedy.kind for remedy in host_plan.remedies)
