"""A project's policy with everything that its decisions depend on."""

from collections.abc import Callable

from remediate.alerts.intake import Intake
from remediate.alerts.policy_file import names_of, project_policy
from remediate.errors import ConfigurationError
from remediate.incident.settings import incident_settings
from remediate.inventory.selection import Inventory
from remediate.journal.pause import KillSwitch
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.rehearsal.content import unrehearsed


def project_intake(
    project: Project,
    inventory: Inventory,
    *,
    doubt: Callable[[str], str | None] | None = None,
    pauses: bool = True,
) -> Intake:
    """Return the intake of a project. Raises ConfigurationError.

    Without `pauses` nothing counts as paused. Use that for recorded alerts, whose pauses nobody recorded.
    """
    settings = incident_settings(project.root)
    switch = KillSwitch(run_limits(project.root).pause_file)
    return Intake(
        policy=project_policy(project, inventory),
        names=names_of(project, inventory),
        paused=lambda: str(pause) if pauses and (pause := switch.read()) else None,
        doubt=doubt or (lambda name: doubt_of(name, project)),
        local=settings.local,
    )


def doubt_of(name: str, project: Project) -> str | None:
    """Return why no rehearsal proves a playbook in its present form, None if one does."""
    try:
        return unrehearsed(project.load(name), project)
    except ConfigurationError as error:
        return f"not loadable ({error})"
