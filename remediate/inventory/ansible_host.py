"""One host of an inventory, from all of its layers."""

from remediate.core.host import Host
from remediate.inventory.ansible_groups import InventoryHost, Source
from remediate.inventory.ansible_settings import read_settings
from remediate.inventory.ansible_ssh import ssh_target
from remediate.inventory.ansible_vars import SETTINGS_KEY, VarsFiles, combine


def read_host(source: Source, machine: InventoryHost, files: VarsFiles) -> Host:
    """Validate the values of a host. Raises ConfigurationError, one line, for the first wrong one."""
    variables = combine(files.layers(source, machine), machine.place)
    folder = source.file.parent
    settings = read_settings(variables.get(SETTINGS_KEY), folder)
    ssh = ssh_target(machine.name, variables, folder, settings.host_key)
    return Host(name=machine.name, groups=machine.groups, ssh=ssh, settings=settings)
