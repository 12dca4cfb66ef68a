"""Reads Ansible's inventories, and validates only the selected hosts.

A broken entry of staging must not stop a fix on production at three in the morning. So an unreadable file is an error
only for a selection that may need it, and a host's values are validated when it is selected.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_entry import is_certain, read_entry
from remediate.inventory.ansible_graph import InventoryHost, Source
from remediate.inventory.ansible_program import AnsiblePrograms
from remediate.inventory.ansible_source import VARS_FOLDERS, read_source
from remediate.inventory.ansible_values import shown
from remediate.inventory.ansible_vars import VarsFiles, variables_file
from remediate.inventory.ansible_vault import Vault
from remediate.inventory.patterns import HostPatterns, some

if TYPE_CHECKING:
    from remediate.core.host import Host
    from remediate.core.ssh_target import SshTarget

    Addresses = Sequence[tuple[str, SshTarget]]

_SUFFIXES = frozenset({".yml", ".yaml", ".ini"})
_DESCRIBING = ("groups", "ssh", "settings")
_NO_INVENTORIES = frozenset({"README", "LICENSE", "Makefile"})


def discover(root: Path) -> tuple[Path, ...]:
    """Return every inventory of a project, sorted: `inventories/*.yml`, `*.yaml`, `*.ini`, and names without an ending.

    One without an ending may be a directory, which is one inventory. It is empty without such a folder. Raises
    ConfigurationError if the folder cannot be listed.
    """
    folder = root / "inventories"
    try:
        return tuple(path for path in sorted(folder.iterdir()) if _is_named_as_inventory(path))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        reason = error.strerror or "input/output error"
        raise ConfigurationError(f"{shown(str(folder), 400)}: cannot be listed: {reason}") from error


def _is_named_as_inventory(path: Path) -> bool:
    if path.name.startswith(".") or path.name in VARS_FOLDERS | _NO_INVENTORIES:
        return False
    return not path.suffix or (path.suffix in _SUFFIXES and not path.is_dir())


@dataclass(frozen=True, slots=True)
class Inventory:
    """The hosts of one or several inventories, each a file or a directory: frozen and picklable.

    A host in two inventories is one host if both agree on it, and an error if they do not. Groups do not reach across:
    each inventory is combined only with the `group_vars/` and `host_vars/` next to its file, or in its directory.
    """

    sources: tuple[Source, ...]
    unread: tuple[str, ...] = ()
    """The reasons why files could not be read, one line each."""

    programs: AnsiblePrograms = field(default_factory=AnsiblePrograms)
    """Decrypts vaulted values that are needed."""

    @classmethod
    def load(cls, paths: Sequence[Path], project: Path | None = None) -> "Inventory":
        """Read inventories. Raises ConfigurationError if there are none, or none can be read.

        `project` is the marked directory: what lies inside it and only Ansible can read is read by Ansible's programs.
        """
        programs = AnsiblePrograms(project)
        sources: list[Source] = []
        unread: list[str] = []
        for path in dict.fromkeys(paths):
            try:
                sources.append(read_source(path, programs))
            except ConfigurationError as error:
                unread.append(str(error))
        if unread and not sources:
            more = "" if len(unread) == 1 else f" (and {len(unread) - 1} more files cannot be read)"
            raise ConfigurationError(f"{unread[0]}{more}")
        if not sources:
            raise ConfigurationError("there is no inventory: name one with --inventory, or add inventories/NAME.yml")
        return cls(tuple(sources), tuple(unread), programs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages for a person, one line each: ignored parts and unreadable files. None of them stops a run."""
        return (*self.unread, *(warning for source in self.sources for warning in source.warnings))

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of all hosts, in the order of the files, for lists and completion. No values are read."""
        return tuple(dict.fromkeys(machine.name for source in self.sources for machine in source.machines))

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names of all groups, in the order of the files, `all` and `ungrouped` first. No values are read."""
        return tuple(dict.fromkeys(group.name for source in self.sources for group in source.groups))

    def select(
        self,
        pattern: str,
        warn: Callable[[str], None] = lambda _: None,
        addressed: "Callable[[Addresses], None]" = lambda _: None,
    ) -> "tuple[Host, ...]":
        """Return the hosts of `NAME|GROUP|GLOB|RANGE[,…]`, in the inventory's order; `&x` and `!x` exclude some.

        `warn` is called with every warning of the inventory, and of the variables' files that were read for these
        hosts. `addressed` is called once with the names and addresses of the hosts, before their settings are
        validated, so that connections may begin. Raises ConfigurationError, one line, for an unknown name, for a
        selection without hosts, for one of production and other hosts together, and for a wrong value of a selected
        host.
        """
        for line in self.warnings:
            warn(line)
        names = self._patterns().names(pattern)
        chosen: dict[str, list[tuple[Source, InventoryHost]]] = {name: [] for name in self.host_names if name in names}
        for source in self.sources:
            for machine in source.machines:
                if machine.name in chosen:
                    chosen[machine.name].append((source, machine))
        files, vault = VarsFiles(), Vault(self.programs)
        entries = [[read_entry(source, machine, files, vault) for source, machine in each] for each in chosen.values()]
        if certain := [(each[0].machine.name, each[0].ssh) for each in entries if is_certain(each)]:
            addressed(certain)
        # Imported now, while connections begin: it loads the models of all settings.
        from remediate.inventory.ansible_host import read_host

        hosts = tuple(_same([(entry.source, read_host(entry)) for entry in each]) for each in entries)
        for line in files.warnings:
            warn(line)
        _refuse_mixture(hosts)
        return hosts

    def variables_file(self, name: str) -> Path | None:
        """Return the file for the variables of a host, which may not exist. None if no inventory has the host."""
        having = (source for source in self.sources if any(machine.name == name for machine in source.machines))
        source = next(having, None)
        return None if source is None else variables_file(source.folder, name)

    def what_exists(self) -> str:
        """Return the names of hosts and groups, for a message."""
        return self._patterns().what_exists()

    def _patterns(self) -> HostPatterns:
        members: dict[str, set[str]] = {name: set() for name in self.group_names}
        for source in self.sources:
            for machine in source.machines:
                for group in machine.groups:
                    members[group].add(machine.name)
        groups = {name: frozenset(hosts) for name, hosts in members.items()}
        return HostPatterns(self.host_names, groups, self.unread)


def _same(found: "Sequence[tuple[Source, Host]]") -> "Host":
    """Return the one host on which all files agree. Raises ConfigurationError if they differ."""
    (source, host), *others = found
    for other_source, other in others:
        differing = next((name for name in _DESCRIBING if getattr(other, name) != getattr(host, name)), None)
        if differing is not None:
            files = f"{shown(str(source.file), 400)} and {shown(str(other_source.file), 400)}"
            raise ConfigurationError(f"{files} both name the host '{shown(host.name)}', and differ in its {differing}")
    secrets = (secret for _, each in found for secret in each.vaulted)
    return host.model_copy(update={"vaulted": tuple(dict.fromkeys(secrets))})


def _refuse_mixture(hosts: "Sequence[Host]") -> None:
    production = [host.name for host in hosts if host.settings.production]
    others = [host.name for host in hosts if not host.settings.production]
    if production and others:
        raise ConfigurationError(
            f"production hosts ({some(production)}) and others ({some(others)}) cannot be selected together"
        )
