"""docs.build: the printed runbook."""

from remediate.commands.docs.pages import build
from remediate.commands.terminal import Terminal
from remediate.project.project import Project


def build_docs(project: Project, terminal: Terminal) -> int:
    """Write the page of every playbook below docs/ of the project."""
    root = project.demand_root()
    for path in build(project, root / "docs"):
        terminal.say(str(path.relative_to(root)))
    return 0
