"""sudoers: prints the sudoers file and the helper that a host's playbooks need."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from remediate.commands.given import Flags, selected
from remediate.commands.terminal import Terminal
from remediate.core.command import Run
from remediate.core.host import Host
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.maintenance.catalogue import DUTIES
from remediate.maintenance.item import Item
from remediate.privileges.installation import script
from remediate.privileges.sudoers import render
from remediate.project.project import Project
from remediate.remedies.catalogue import remedies


def print_sudoers(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Print the sudoers file of a host, or the commands that install it."""
    hosts = selected(flags, project, terminal)
    if len(hosts) != 1:
        raise ConfigurationError(f"sudoers makes one file at a time, and --host names {len(hosts)} hosts")
    make = script_of if flags.get("script") else sudoers_of
    text = make(hosts[0], project, timeouts=not flags.get("sudo_rs"))
    try:
        terminal.out.hand_out(text)
    except ValueError as error:
        raise ConfigurationError(f"{hosts[0].name}: {error}") from None
    return 0 if terminal.out.lost is None else FAILED_EXIT_CODE  # nobody may install half a file


def sudoers_of(host: Host, project: Project, *, timeouts: bool = True) -> str:
    """Return the sudoers file of a host. Raises ConfigurationError like `privileges_of`."""
    return _written(render, host, project, timeouts=timeouts)


def script_of(host: Host, project: Project, *, timeouts: bool = True) -> str:
    """Return the commands that install the sudoers file and the helper on a host.

    Raises ConfigurationError like `privileges_of`.
    """
    return _written(script, host, project, timeouts=timeouts)


class _Writer(Protocol):
    def __call__(self, host: Host, user: str, commands: Sequence[Run], *, timeouts: bool) -> str: ...


def _written(write: _Writer, host: Host, project: Project, *, timeouts: bool) -> str:
    commands = privileges_of(host, project)
    from remediate.transport.ssh.config import (
        login_of,  # importing paramiko takes 100 ms: only once everything else is known to be right
    )

    try:
        return write(host, login_of(host.ssh), commands, timeouts=timeouts)
    except ValueError as error:
        raise ConfigurationError(f"{host.name}: {error}") from None


def privileges_of(host: Host, project: Project) -> list[Run]:
    """Return every command that a playbook, remedy or maintenance item may run as another user.

    One for which the inventory lacks something (for example `worker_program`) can do nothing there, and is skipped.
    Raises ConfigurationError if that is true of every playbook, or if `php` is missing on a host with a Laravel
    application, on which the file depends.
    """
    if host.settings.php is None and host.settings.app_path is not None:
        raise ConfigurationError(f"{host.name}: set remediate.php, so that the file can name it exactly")
    commands: list[Run] = []
    lacking: list[str] = []
    for name in project.playbooks():
        playbook = project.load(name)
        try:
            commands += playbook(host).privileges()
        except ConfigurationError as error:
            lacking.append(str(error))
    if not commands:
        raise ConfigurationError("; ".join(dict.fromkeys(lacking)) or "there is no playbook")
    for remedy in remedies().values():
        with suppress(ConfigurationError):
            commands += remedy.on(host, **remedy.stand_ins).privileges()
    for duty in DUTIES:
        if isinstance(duty, Item):
            with suppress(ConfigurationError):
                commands += duty.privileges(host)
    return commands
