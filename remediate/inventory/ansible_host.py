"""One host of an inventory, from all of its layers."""

from pydantic import SecretStr

from remediate.core.host import Host
from remediate.inventory.ansible_graph import InventoryHost, Source
from remediate.inventory.ansible_program import VAULT
from remediate.inventory.ansible_settings import read_settings
from remediate.inventory.ansible_ssh import ENCRYPTED, ssh_target
from remediate.inventory.ansible_values import SourceLocation, shown
from remediate.inventory.ansible_vars import SETTINGS_KEY, VarsFiles, combine
from remediate.inventory.ansible_vault import Vault


def read_host(source: Source, machine: InventoryHost, files: VarsFiles, vault: Vault) -> Host:
    """Validate the values of a host. Raises ConfigurationError, one line, for the first wrong one."""
    combined = combine(files.layers(source, machine), machine.place)
    variables, secrets = vault.opened(combined, ENCRYPTED)
    if (unread := files.encrypted(source, machine)) is not None and variables.get("ansible_host") is None:
        text = f"is encrypted as a whole and not read: an ansible_host in it does not count for '{shown(machine.name)}'"
        files.warnings.append(str(SourceLocation(unread, 1).error(text)))
    settings = read_settings(variables.get(SETTINGS_KEY), source.folder)
    return Host(
        name=machine.name,
        groups=machine.groups,
        ssh=ssh_target(machine.name, variables, source.folder, settings.host_key),
        settings=settings,
        read_with=(*source.read_with, *((VAULT,) if secrets else ())),
        vaulted=tuple(map(SecretStr, secrets)),
    )
