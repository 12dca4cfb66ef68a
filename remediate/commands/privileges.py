"""sudoers: the file that a host needs, from what the playbooks may ever run there."""

from contextlib import suppress

from remediate.command import Run
from remediate.commands.mend import Flags, inventory_of, target_of
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.fleet import select
from remediate.host import Host
from remediate.maintenance.catalogue import DUTIES
from remediate.maintenance.item import Item
from remediate.outcome import FAILED_EXIT_CODE
from remediate.project import Project
from remediate.remedies.catalogue import remedies
from remediate.sudoers import render


def print_sudoers(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Print the sudoers file of one host."""
    hosts = select(target_of(flags), inventory_of(flags, project), warn=terminal.warn)
    if len(hosts) != 1:
        raise ConfigurationError(f"sudoers makes one file at a time, and --host names {len(hosts)} hosts")
    terminal.out.write(sudoers_of(hosts[0], project))
    terminal.out.flush()
    return 0 if terminal.out.lost is None else FAILED_EXIT_CODE  # nobody may install half a file


def sudoers_of(host: Host, project: Project) -> str:
    """Return the sudoers file of a host: the union of what every playbook and every task of its own may need on it.

    A playbook or remedy for which the inventory says too little (no `worker_program`, say) can do nothing there.
    Raises ConfigurationError when that is so for all of them, or the inventory leaves open what the file depends on.
    """
    if host.settings.php is None:
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
    from remediate.ssh.config import login_of  # paramiko costs 100 ms: not before everything else is known to be right

    try:
        return render(host, login_of(host.ssh), commands)
    except ValueError as error:
        raise ConfigurationError(f"{host.name}: {error}") from None
