"""docs.build: the printed runbook."""

from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.project import Project
from remediate.report.pages import build


def build_docs(project: Project, terminal: Terminal) -> int:
    """Write the page of every playbook below docs/ of the project."""
    if project.root is None:
        raise ConfigurationError("no project here: mark a directory with [tool.remediate] in its pyproject.toml")
    for path in build(project, project.root / "docs"):
        terminal.say(str(path.relative_to(project.root)))
    return 0
