"""Checks at the start: what could only fail later, when nobody looks."""

import sys
from typing import Final

from remediate.alerts.policy import AlertPolicy, PolicyMode
from remediate.alerts.policy_file import FILE_NAME
from remediate.approvals.settings import TABLE as APPROVALS
from remediate.approvals.settings import approval_settings
from remediate.errors import ConfigurationError
from remediate.incident.settings import TABLE as INCIDENTS
from remediate.incident.settings import Audience, IncidentSettings, incident_settings
from remediate.inventory.selection import Inventory
from remediate.project.project import Project
from remediate.project.secret_refs import resolve

_TERMINAL: Final = "terminal"


def demand_usable(policy: AlertPolicy, project: Project, inventory: Inventory) -> None:
    """Raise ConfigurationError for rules that could never do what they say, and for channels without their secret."""
    approvals, settings = approval_settings(project.root), incident_settings(project.root)
    for rule in policy.rules:
        place = f"{FILE_NAME}: the rule {rule.name}"
        if rule.tell and not _tells_team(settings):
            raise ConfigurationError(
                f"{place}: tell: no channel takes what is {Audience.INTERNAL.value}; accepted: tell: false, or a "
                f"channel of the kind file or apprise with that audience in [{INCIDENTS}.channels]"
            )
        if rule.mode is PolicyMode.AUTO:
            for name in sorted(rule.host.hosts or ()):
                if any(map(approvals.require, inventory.select(name))):
                    raise ConfigurationError(
                        f"{place}: mode: auto would be refused each time on {name}, because [{APPROVALS}] requires "
                        f"approval for {approvals.required.value}; accepted here: observe, propose"
                    )
    for name, channel in settings.channels.items():
        if channel.reference is not None:
            resolve(channel.reference, f"{INCIDENTS}: channels.{name}.reference", sys.stdin)


def _tells_team(settings: IncidentSettings) -> bool:
    """Return whether a channel takes internal messages. A service has no terminal."""
    channels = settings.channels.values()
    return any(channel.kind != _TERMINAL and Audience.INTERNAL in channel.audiences for channel in channels)
