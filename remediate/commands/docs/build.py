"""docs.build: the printed runbook."""

from remediate.commands.docs.pages import build
from remediate.commands.terminal import Terminal
from remediate.project.project import Project


def build_docs(project: Project, terminal: Terminal) -> int:
    """Write the playbooks' pages and the runbook's coverage below the project's docs/."""
    root = project.demand_root()
    for path in build(project, root / "docs"):
        terminal.say(str(path.relative_to(root)))
    return 0
