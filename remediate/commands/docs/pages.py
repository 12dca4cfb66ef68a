"""Pages that are generated from the code: one for each playbook, and the references."""

import inspect
from collections.abc import Iterable
from pathlib import Path

from remediate.commands.docs.coverage import coverage
from remediate.commands.docs.example import EXAMPLE
from remediate.commands.docs.reference import commands_page, has_command, refusals_page, remedies_page
from remediate.commands.docs.rendering import rendered
from remediate.core.playbook import HostPlan, Playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.verdict import ENGINE_CODES
from remediate.project.listing import ListedPlaybook
from remediate.project.project import Project
from remediate.rehearsal.content import unrehearsed


def build(project: Project, directory: Path) -> tuple[Path, ...]:
    """Write all generated pages of a project below `directory`.

    Returns the files. Raises ConfigurationError for a line of the runbook that nothing covers.
    """
    pages = {
        f"playbooks/{name}.md": page(project.load(name), listed, project)
        for name, listed in project.playbooks().items()
    }
    pages["reference/commands.md"] = commands_page(project)
    pages["reference/remedies.md"] = remedies_page(project)
    pages["reference/refusals.md"] = refusals_page(project)
    runbook = directory / "runbook.md"
    if runbook.is_file():  # a team's project need not have a runbook
        pages["runbook-coverage.md"] = coverage(project, runbook)
    for name, text in pages.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return tuple(directory / name for name in pages)


def page(playbook: Playbook, listed: ListedPlaybook, project: Project) -> str:
    """Return the page of one playbook."""
    host_plan = playbook(EXAMPLE)
    return rendered(
        "playbook.md.j2",
        trim=False,
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
        "alone": has_command(type(remedy)),
        "doc": inspect.cleandoc(type(remedy).__doc__ or ""),
        "after": ", ".join(f"`{kind}`" for kind in remedy.after),
        "commands": [str(run) for run in remedy.changes()],
        "refusals": remedy.refusals,
        "fields": ", ".join(
            f"`--{name.replace('_', '-')}` ({meaning})" for name, meaning in type(remedy).simple_fields().items()
        ),
    }
