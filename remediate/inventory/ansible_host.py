"""One host of an inventory, with validated settings."""

from pydantic import SecretStr

from remediate.core.host import Host
from remediate.inventory.ansible_entry import HostEntry
from remediate.inventory.ansible_program import VAULT
from remediate.inventory.ansible_settings import read_settings


def read_host(entry: HostEntry) -> Host:
    """Validate the settings of a host. Raises ConfigurationError, one line, for the first wrong one."""
    return Host(
        name=entry.machine.name,
        groups=entry.machine.groups,
        ssh=entry.ssh,
        settings=read_settings(entry.settings, entry.source.folder),
        read_with=(*entry.source.read_with, *((VAULT,) if entry.secrets else ())),
        vaulted=tuple(map(SecretStr, entry.secrets)),
    )
