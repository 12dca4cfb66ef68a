"""The entry of one host in an inventory, from all of its layers, before its settings are validated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from remediate.core.ssh_target import SshTarget
from remediate.inventory.ansible_graph import InventoryHost, Source
from remediate.inventory.ansible_ssh import ENCRYPTED, ssh_target
from remediate.inventory.ansible_values import Leaf, SourceLocation, Tree, Value, shown
from remediate.inventory.ansible_vars import SETTINGS_KEY, VarsFiles, combine
from remediate.inventory.ansible_vault import Vault

_UNREADABLE: Final = ""
"""A pin that no key has. It is never taken for none."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A host as its inventory describes it: what a connection needs, and settings that are still to be validated."""

    source: Source
    machine: InventoryHost
    ssh: SshTarget
    settings: Value | None
    secrets: tuple[str, ...]
    """The values that were encrypted."""


def read_entry(source: Source, machine: InventoryHost, files: VarsFiles, vault: Vault) -> HostEntry:
    """Combine the layers of a host. Raises ConfigurationError, one line, for a wrong value of its connection."""
    combined = combine(files.layers(source, machine), machine.place)
    variables, secrets = vault.opened(combined, ENCRYPTED)
    if (unread := files.encrypted(source, machine)) is not None and variables.get("ansible_host") is None:
        text = f"is encrypted as a whole and not read: an ansible_host in it does not count for '{shown(machine.name)}'"
        files.warnings.append(str(SourceLocation(unread, 1).error(text)))
    settings = variables.get(SETTINGS_KEY)
    ssh = ssh_target(machine.name, variables, source.folder, _written_pin(settings))
    return HostEntry(source, machine, ssh, settings, secrets)


def is_certain(entries: Sequence[HostEntry]) -> bool:
    """Return whether all entries of one host have the same address, and a pin in it is one."""
    return all(entry.ssh == entries[0].ssh for entry in entries) and entries[0].ssh.host_key != _UNREADABLE


def _written_pin(settings: Value | None) -> str | None:
    """Return `host_key` as it is written. What is no text is refused later, with the other settings."""
    if settings is None or _is_null(settings):
        return None
    if not isinstance(settings, Tree):
        return _UNREADABLE
    pin = settings.get("host_key")
    if pin is None or _is_null(pin):
        return None
    return pin.value if isinstance(pin, Leaf) and isinstance(pin.value, str) else _UNREADABLE


def _is_null(value: Value) -> bool:
    return isinstance(value, Leaf) and value.value is None
