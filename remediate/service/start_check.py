"""Checks settings at the start that would otherwise fail later, when nobody is watching."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from remediate.alerts.policy import TRIAGE, AlertPolicy, PolicyMode
from remediate.alerts.policy_file import FILE_NAME
from remediate.approvals.listed_persons import broken_line
from remediate.approvals.settings import TABLE as APPROVALS
from remediate.approvals.settings import approval_settings
from remediate.core.field_types import FrozenModel
from remediate.core.home import at_home
from remediate.errors import ConfigurationError
from remediate.incident.apprise_channel import AppriseChannel
from remediate.incident.channels import NotSent, demand_writable
from remediate.incident.messages import MessageKind, Templates
from remediate.incident.notifier import MESSAGES
from remediate.incident.proposals import ProposalContext
from remediate.incident.settings import TABLE as INCIDENTS
from remediate.incident.settings import (
    Audience,
    ChannelSettings,
    IncidentSettings,
    StatuspageSettings,
    incident_settings,
    within,
)
from remediate.incident.template_context import TemplateContext
from remediate.inventory.selection import Inventory
from remediate.journal.pause import KillSwitch
from remediate.journal.place import state_directory
from remediate.masking.masker import Masker
from remediate.project.project import Project
from remediate.project.run_limits import TABLE as LIMITS
from remediate.project.run_limits import run_limits
from remediate.project.secret_refs import resolve
from remediate.service.settings import TABLE as SERVICE
from remediate.service.settings import service_settings

_TERMINAL: Final = "terminal"
_FILE: Final = "file:"
_TEMPLATES: Final[tuple[tuple[MessageKind, Audience, type[FrozenModel]], ...]] = (
    (MessageKind.DECLARATION, Audience.INTERNAL, TemplateContext),
    (MessageKind.UPDATE, Audience.INTERNAL, TemplateContext),
    (MessageKind.RESOLUTION, Audience.INTERNAL, TemplateContext),
    (MessageKind.PROPOSAL, Audience.APPROVER, ProposalContext),
)
"""The messages that the service writes without a person."""


def demand_policy(policy: AlertPolicy, project: Project, inventory: Inventory) -> None:
    """Raise ConfigurationError for rules that can never take effect.

    Also raises it for a source's secret that every user can read.
    """
    approvals, settings = approval_settings(project.root), incident_settings(project.root)

    @cache
    def is_bound(name: str) -> bool:
        return any(map(approvals.require, inventory.select(name)))

    @cache
    def all_are_bound() -> bool:
        found = False
        for name in inventory.host_names:
            with suppress(ConfigurationError):  # One host that cannot be read says nothing about the others.
                if not is_bound(name):
                    return False
                found = True
        return found

    for rule in policy.rules:
        place = f"{FILE_NAME}: the rule {rule.name}"
        if rule.tell and not _tells_team(settings):
            raise ConfigurationError(
                f"{place}: tell: no channel takes {Audience.INTERNAL.value} messages; accepted: tell: false, or a "
                f"channel of the kind file or apprise with that audience in [{INCIDENTS}.channels]"
            )
        if rule.action != TRIAGE:
            project.load(rule.action)
        bound = [name for name in sorted(rule.host.hosts or ()) if is_bound(name)]
        if rule.mode is PolicyMode.AUTO and (bound or (rule.host.hosts is None and all_are_bound())):
            where, more = (bound[0], "") if bound else ("every host", ", or host: names or table, of hosts without it")
            raise ConfigurationError(
                f"{place}: mode: auto would be refused each time on {where}, because [{APPROVALS}] requires "
                f"approval for {approvals.required.value}; accepted here: observe, propose{more}"
            )
    for name, source in policy.sources.items():
        _demand_private(f"{FILE_NAME}: the source {name}", source.secrets)


def demand_usable(project: Project) -> None:
    """Raise ConfigurationError for settings with which the service could only fail later."""
    root = project.root
    _demand_switch(KillSwitch(run_limits(root).pause_file))
    approvals, incidents, service = approval_settings(root), incident_settings(root), service_settings(root)
    _demand_signers(approvals.allowed_signers)
    _demand_messages(incidents, root)
    references = {
        f"{APPROVALS}: key": approvals.key,
        f"{SERVICE}: read": service.read,
        f"{SERVICE}: heartbeat": service.heartbeat,
        **{f"{SERVICE}: people: {name}": reference for name, reference in service.people.items()},
        **{f"{INCIDENTS}: {key}": reference for key, reference in _references(incidents)},
    }
    for place, reference in references.items():
        _demand_private(place, () if reference is None else (reference,))


def _demand_switch(switch: KillSwitch) -> None:
    """Raise ConfigurationError for a place that can hold no pause.

    It would pause everything for ever.
    """
    pause = switch.read()
    with suppress(OSError):
        if pause is None or switch.path.is_file():
            return
    raise ConfigurationError(f"{LIMITS}: pause_file: {pause and pause.why}; it takes a file in a directory that exists")


def _demand_signers(file: Path) -> None:
    """Raise ConfigurationError for a list of approvers that is there, and cannot be used."""
    try:
        broken = broken_line(file.read_bytes().decode(errors="replace"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"{APPROVALS}: allowed_signers: {file} cannot be read: {error.strerror}") from None
    if broken is not None:
        raise ConfigurationError(f"{file}:{broken}: names no person with a public key, as `ana ssh-ed25519 AAAA…`")


def _demand_messages(settings: IncidentSettings, root: Path | None) -> None:
    state = state_directory()
    templates = within(root, state, settings.templates)
    if templates.exists() and not templates.is_dir():
        raise ConfigurationError(f"{INCIDENTS}: templates: {templates} is not a directory")
    for kind, audience, context in _TEMPLATES:
        Templates(templates if templates.is_dir() else None).demand(kind, audience, context)
    for key, reference in _references(settings):
        resolve(reference, f"{INCIDENTS}: {key}", sys.stdin)
    for name, channel in settings.channels.items():
        try:
            _demand_channel(name, channel, root, state)
        except NotSent as why:
            raise ConfigurationError(f"{INCIDENTS}: channels.{name}: {why}") from None


def _demand_channel(name: str, channel: ChannelSettings, root: Path | None, state: Path) -> None:
    """Raise NotSent for a channel that could send nothing."""
    if channel.kind == "file":
        demand_writable(state / MESSAGES if channel.path is None else within(root, state, channel.path))
    elif channel.reference is not None:
        AppriseChannel(name, frozenset(channel.audiences), channel.reference, Masker()).demand()


def _references(settings: IncidentSettings) -> Iterator[tuple[str, str]]:
    """Yield the secrets of the channels and of the status page, each with its key."""
    for name, channel in settings.channels.items():
        if channel.reference is not None:
            yield f"channels.{name}.reference", channel.reference
    if isinstance(settings.status_page, StatuspageSettings):
        yield "status_page.token", settings.status_page.token


def _demand_private(place: str, references: Iterable[str]) -> None:
    """Raise ConfigurationError for a secret in our own file that every user can read.

    Another owner's mode is theirs to choose, as for ssh's keys: containers mount secrets that are root's and open.
    """
    for reference in references:
        path = Path(reference.removeprefix(_FILE))
        if reference.startswith(_FILE) and _is_open(path):
            raise ConfigurationError(f"{place}: every user can read {path}: chmod o-r {path}")


def _is_open(path: Path) -> bool:
    try:
        real = at_home(path).resolve(strict=True)
        reached = all(parent.stat().st_mode & stat.S_IXOTH for parent in real.parents)
        found = real.stat()
        return reached and found.st_uid == os.geteuid() and bool(found.st_mode & stat.S_IROTH)
    except (OSError, ValueError):  # Reading the secret fails later, with its own message.
        return False


def _tells_team(settings: IncidentSettings) -> bool:
    """Return whether a channel takes internal messages. A service has no terminal."""
    channels = settings.channels.values()
    return any(channel.kind != _TERMINAL and Audience.INTERNAL in channel.audiences for channel in channels)
