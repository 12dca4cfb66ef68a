"""Reads a project's alert policy; errors name the file, the line and what is accepted."""

from pathlib import Path
from typing import Final

from remediate.alerts.policy import AlertPolicy
from remediate.alerts.policy_check import ProjectNames, mistakes
from remediate.errors import ConfigurationError
from remediate.inventory.ansible_settings import place_of, read_model
from remediate.inventory.ansible_values import SourceLocation
from remediate.inventory.ansible_yaml import parse, read_text
from remediate.inventory.selection import Inventory
from remediate.project.project import Project

FILE_NAME: Final = "alerts.yml"
"""The policy's file, in the project's directory."""


def read_policy(path: Path, names: ProjectNames) -> AlertPolicy:
    """Return the policy in a file. Raises ConfigurationError in one line for the first mistake."""
    doubled: list[str] = []
    value = parse(path, read_text(path), doubled)
    if doubled:  # An inventory only warns; here nobody should have to know which of two rules holds.
        raise ConfigurationError(f"{doubled[0].partition(';')[0]}: write it once")
    if value is None:
        raise SourceLocation(path, 1).error("is empty: a policy has rules")
    policy = read_model(value, AlertPolicy)
    for location, what in mistakes(policy, names):
        raise place_of(value, location).error(what)
    return policy


def project_policy(project: Project, inventory: Inventory) -> AlertPolicy:
    """Return the policy of a project. Raises ConfigurationError, also if it has none."""
    path = project.demand_root() / FILE_NAME
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist: write a policy there (docs/alerts.md)")
    return read_policy(path, names_of(project, inventory))


def names_of(project: Project, inventory: Inventory) -> ProjectNames:
    """Return the names of a project that a policy may use."""
    listed = project.playbooks()
    broken = {name: f"{each.path}: {each.error}" for name, each in listed.items() if each.error is not None}
    playbooks = tuple(name for name in listed if name not in broken)
    return ProjectNames(playbooks, inventory.host_names, inventory.group_names, broken)
