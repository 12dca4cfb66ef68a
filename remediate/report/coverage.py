"""docs/runbook-coverage.md: every line of the runbook beside what answers it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from remediate.commands.tree import commands
from remediate.playbook import Playbook
from remediate.project import Project
from remediate.remedies.catalogue import remedies
from remediate.report.example import EXAMPLE
from remediate.runbook import covered, sections

CHAPTERS: Final = ("4",)
"""The chapters of the runbook that are implemented."""


def coverage(project: Project, runbook: Path) -> str:
    """Return the page. Raises ConfigurationError naming a line that nothing answers, or an answer that is none."""
    playbooks = [project.load(name) for name in project.playbooks()]
    text = runbook.read_text()
    chapters = tuple(section for number in CHAPTERS for section in sections(text, number))
    traces = [trace for playbook in playbooks for trace in playbook.traces]
    rows = covered(chapters, traces, {*_kinds(playbooks), *(command.name for command in commands(project))})
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.report"), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    environment.filters["cell"] = lambda words: str(words).replace("|", "\\|")
    return environment.get_template("coverage.md.j2").render(sections=chapters, rows=rows)


def _kinds(playbooks: list[Playbook]) -> Iterator[str]:
    yield from remedies()  # some are in no playbook: a person decides to use them
    for playbook in playbooks:
        treatment = playbook(EXAMPLE)
        yield from (probe.kind for probe in treatment.probes())
        yield from (remedy.kind for remedy in treatment.remedies)
