"""The printed runbook: one page for each playbook, generated from the code."""

import inspect
from collections.abc import Iterable
from pathlib import Path

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from remediate.commands.docs.coverage import coverage
from remediate.commands.docs.example import EXAMPLE
from remediate.core.playbook import HostPlan, Playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.verdict import ENGINE_CODES
from remediate.project.listing import ListedPlaybook
from remediate.project.project import Project
from remediate.rehearsal.content import unrehearsed
from remediate.remedies import catalogue


def build(project: Project, directory: Path) -> tuple[Path, ...]:
    """Write the playbooks' pages and, if there is a runbook, its coverage below `directory`.

    Returns the files. Raises ConfigurationError for a line that nothing covers.
    """
    written: list[Path] = []
    for name, listed in project.playbooks().items():
        path = directory / "playbooks" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(project.load(name), listed, project))
        written.append(path)
    runbook = directory / "runbook.md"
    if runbook.is_file():  # a team's project need not have a runbook
        path = directory / "runbook-coverage.md"
        path.write_text(coverage(project, runbook))
        written.append(path)
    return tuple(written)


def page(playbook: Playbook, listed: ListedPlaybook, project: Project) -> str:
    """Return the page of one playbook."""
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.commands.docs"), undefined=StrictUndefined, trim_blocks=False, autoescape=False
    )
    host_plan = playbook(EXAMPLE)
    return environment.get_template("playbook.md.j2").render(
        name=playbook.name,
        severity=_severity(playbook, host_plan),
        source=f"playbooks/{listed.path.name}",
        doc=inspect.cleandoc(playbook.__doc__ or ""),
        symptoms=_questions(host_plan.symptoms),
        diagnosis=_questions(host_plan.diagnosis),
        remedies=[_remedy(remedy) for remedy in host_plan.remedies],
        engine_codes=ENGINE_CODES,
        doubt=unrehearsed(playbook, project),
        cases=playbook.cases(EXAMPLE),
    )


def _severity(playbook: Playbook, host_plan: HostPlan) -> str:
    if playbook.severity is None:
        return "no severity of its own"
    return f"{playbook.severity.value}{' at worst, decided by what is seen' if host_plan.graded else ''}"


def _questions(probes: Iterable[Probe[Fact]]) -> list[str]:
    said: dict[str, list[str]] = {}
    for probe in probes:
        doc = inspect.cleandoc(type(probe).__doc__ or "").splitlines()[0]
        said.setdefault(f"`{probe.label()}`: {doc}", []).append(probe.vantage.value)
    return [f"{what} (asked from the {' and the '.join(vantages)})" for what, vantages in said.items()]


def _remedy(remedy: Remedy) -> dict[str, object]:
    return {
        "kind": remedy.kind,
        "human": remedy.is_human,
        # A remedy of a project has no command of its own.
        "single": not remedy.is_human and remedy.kind in catalogue.listed(),
        "doc": inspect.cleandoc(type(remedy).__doc__ or ""),
        "after": ", ".join(f"`{kind}`" for kind in remedy.after),
        "commands": [str(run) for run in remedy.changes()],
        "refusals": remedy.refusals,
        "fields": ", ".join(
            f"`--{name.replace('_', '-')}` ({meaning})" for name, meaning in type(remedy).simple_fields().items()
        ),
    }
