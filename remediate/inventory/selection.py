"""Reads Ansible's static YAML inventories, and validates only the selected hosts.

A broken entry of staging must not stop a fix on production at three in the morning. So an unreadable file is an error
only for a selection that may need it, and a host's values are validated when it is selected.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from remediate.errors import ConfigurationError, nearest
from remediate.inventory.ansible_groups import InventoryHost, Source, read_source
from remediate.inventory.ansible_values import shown
from remediate.inventory.ansible_vars import VarsFiles

if TYPE_CHECKING:
    from remediate.core.host import Host

_IMPLICIT = ("all", "ungrouped")
_LISTED = 8


def discover(root: Path) -> tuple[Path, ...]:
    """Return every inventory of a project, sorted: `inventories/*.yml` and `*.yaml`.

    It is empty without such a folder. Raises ConfigurationError if the folder cannot be listed.
    """
    folder = root / "inventories"
    try:
        return tuple(
            path
            for path in sorted(folder.iterdir())
            if path.suffix in {".yml", ".yaml"} and not path.name.startswith(".") and not path.is_dir()
        )
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        reason = error.strerror or "input/output error"
        raise ConfigurationError(f"{shown(str(folder), 400)}: cannot be listed: {reason}") from error


@dataclass(frozen=True, slots=True)
class Inventory:
    """The hosts of one or several inventory files: frozen and picklable.

    A host in two files is one host if both agree on it, and an error if they do not. Groups do not reach across files:
    each file is combined only with the `group_vars/` and `host_vars/` next to it.
    """

    sources: tuple[Source, ...]
    unread: tuple[str, ...] = ()
    """The reasons why files could not be read, one line each."""

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "Inventory":
        """Read inventory files. Raises ConfigurationError if there are none, or none can be read."""
        sources: list[Source] = []
        unread: list[str] = []
        for path in dict.fromkeys(paths):
            try:
                sources.append(read_source(path))
            except ConfigurationError as error:
                unread.append(str(error))
        if unread and not sources:
            more = "" if len(unread) == 1 else f" (and {len(unread) - 1} more files cannot be read)"
            raise ConfigurationError(f"{unread[0]}{more}")
        if not sources:
            raise ConfigurationError("there is no inventory: name one with --inventory, or add inventories/NAME.yml")
        return cls(tuple(sources), tuple(unread))

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

    def select(self, pattern: str, warn: Callable[[str], None] = lambda _: None) -> "tuple[Host, ...]":
        """Return the hosts of `NAME|GROUP|GLOB[,…]`, in the inventory's order; `!x` excludes some.

        `warn` is called with every warning of the inventory, and of the variables' files that were read for these
        hosts. Raises ConfigurationError, one line, for an unknown name, for a selection without hosts, for one of
        production and other hosts together, and for a wrong value of a selected host.
        """
        for line in self.warnings:
            warn(line)
        names = self._names(pattern)
        found: dict[str, list[tuple[Source, InventoryHost]]] = {name: [] for name in self.host_names if name in names}
        for source in self.sources:
            for machine in source.machines:
                if machine.name in found:
                    found[machine.name].append((source, machine))
        # Imported only after the hosts are known to exist: it loads the models of all settings.
        from remediate.inventory.ansible_host import read_host

        files = VarsFiles()
        hosts = tuple(
            _same([(source, read_host(source, machine, files)) for source, machine in found[n]]) for n in found
        )
        for line in files.warnings:
            warn(line)
        _refuse_mixture(hosts)
        return hosts

    def _names(self, pattern: str) -> set[str]:
        terms = [term.strip() for term in pattern.split(",")]
        if terms == [""]:
            raise ConfigurationError(f"no host is named; {self._what_exists()}")
        if "" in terms:
            raise ConfigurationError(f"'{shown(pattern)}' has an empty name between its commas")
        wanted = [term for term in terms if not term.startswith("!")]
        unwanted = [term.removeprefix("!").strip() for term in terms if term.startswith("!")]
        if not wanted:
            raise ConfigurationError(f"'{shown(pattern)}' only takes hosts away; to begin with every host, write all")
        chosen = {name for term in wanted for name in self._chosen(term)}
        excluded = {name for term in unwanted for name in self._matching(term)}
        if not chosen - excluded:
            raise ConfigurationError(f"'{shown(pattern)}' leaves no host")
        return chosen - excluded

    def _chosen(self, term: str) -> set[str]:
        """Return the hosts of a term that selects some. Raises ConfigurationError if there are none."""
        names = self._matching(term)
        if not names:
            raise ConfigurationError(f"the group '{shown(term)}' has no hosts{self._unread_too()}")
        return names

    def _matching(self, term: str) -> set[str]:
        _refuse_other_grammars(term)
        if any(mark in term for mark in "*?["):
            groups = [name for name in self.group_names if name not in _IMPLICIT and fnmatchcase(name, term)]
            hosts = {name for name in self.host_names if fnmatchcase(name, term)}
            if not groups and not hosts:
                raise ConfigurationError(f"'{shown(term)}' matches no host and no group; {self._what_exists()}")
            return hosts.union(*(self._members(group) for group in groups))
        is_host, is_group = term in self.host_names, term in self.group_names
        if is_host and is_group and self._members(term) != {term}:
            raise ConfigurationError(f"'{shown(term)}' is a host and a group of other hosts: rename one of them")
        if is_host:
            return {term}
        if is_group:
            return self._members(term)
        known = [*self.group_names, *self.host_names]
        meant = nearest(term, map(shown, known), most=3)
        raise ConfigurationError(f"no host or group is called '{shown(term)}'; {meant}{self._what_exists()}")

    def _members(self, group: str) -> set[str]:
        return {m.name for source in self.sources for m in source.machines if group in m.groups}

    def _what_exists(self) -> str:
        groups = [name for name in self.group_names if name not in _IMPLICIT]
        parts = [f"hosts: {_some(self.host_names)}", *([f"groups: {_some(groups)}"] if groups else [])]
        return f"{', '.join(parts)}{self._unread_too()}"

    def _unread_too(self) -> str:
        return "".join(f"; {line}" for line in self.unread)


def _same(found: "Sequence[tuple[Source, Host]]") -> "Host":
    """Return the one host on which all files agree. Raises ConfigurationError if they differ."""
    (source, host), *others = found
    for other_source, other in others:
        if other != host:
            differing = next(name for name in type(host).model_fields if getattr(other, name) != getattr(host, name))
            files = f"{shown(str(source.file), 400)} and {shown(str(other_source.file), 400)}"
            raise ConfigurationError(f"{files} both name the host '{shown(host.name)}', and differ in its {differing}")
    return host


def _refuse_mixture(hosts: "Sequence[Host]") -> None:
    production = [host.name for host in hosts if host.settings.production]
    others = [host.name for host in hosts if not host.settings.production]
    if production and others:
        raise ConfigurationError(
            f"production hosts ({_some(production)}) and others ({_some(others)}) cannot be selected together"
        )


def _refuse_other_grammars(term: str) -> None:
    """Reject Ansible's other pattern marks. They would be read as a name or match the wrong hosts."""
    if not term or term[0] in "&~!@":
        raise ConfigurationError(f"'{shown(term)}' is not supported: use NAME, GROUP, a glob such as web*, or !NAME")
    if re.search(r"\[[^\]]*:", term):
        raise ConfigurationError(f"'{shown(term)}': ranges are for inventories; use a glob such as web*, or names")


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    rest = len(listed) - _LISTED
    return shown(", ".join(listed[:_LISTED]) or "none", 600) + (f" and {rest} more" if rest > 0 else "")
