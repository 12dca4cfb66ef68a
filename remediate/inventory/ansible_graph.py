"""The groups and hosts of one inventory, collected from its files."""

import re
from collections import defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from pathlib import Path

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_ranges import expand_range, split_port
from remediate.inventory.ansible_values import Leaf, MappingEntry, SourceLocation, Tree, Value, shown

MAX_MEMBERS = 20_000
"""The most hosts of one inventory, with ranges expanded. `[1:999999999]` is a mistake, not a fleet."""
MAX_GROUP_DEPTH = 100

_LONGEST = 250
_NAME = re.compile(r"[\w:][^\s,!&~*?\[\]{}\\/'\"`$();<>|]{0,249}")  # _LONGEST, and no character that a pattern uses


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one inventory, with its variables in the inventory's files."""

    name: str
    vars: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host of one inventory, with its variables there. `groups` is ordered as in `Host.groups`."""

    name: str
    place: SourceLocation
    groups: tuple[str, ...]
    vars: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One inventory before validation: a file, or a directory of files. Values are validated for selected hosts."""

    file: Path
    folder: Path
    """The directory that holds its `group_vars/` and `host_vars/`."""
    groups: tuple[Group, ...]
    machines: tuple[InventoryHost, ...]
    warnings: tuple[str, ...]
    read_with: tuple[str, ...] = ()
    """The program that read it in our place."""


class GroupGraph:
    """Collects the contents of an inventory in their order. It is discarded after `source` was called."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._members = 0
        self._places: dict[str, SourceLocation] = {}
        self._host_places: dict[str, SourceLocation] = {}
        self._parents: dict[str, dict[str, None]] = {"all": {}, "ungrouped": {"all": None}}
        self._priority: dict[str, int] = {}
        self._group_vars: defaultdict[str, list[Tree]] = defaultdict(list)
        self._host_vars: defaultdict[str, list[Tree]] = defaultdict(list)
        self._host_groups: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def warn(self, error: ConfigurationError) -> None:
        """Add a message for a person. The part that it names is ignored, or read all the same."""
        self.warnings.append(str(error))

    def declared(self, group: str) -> bool:
        """Return whether the group exists."""
        return group in self._parents

    def group(self, name: str, place: SourceLocation, parent: str | None = None, *, text: bool = True) -> None:
        """Add a group, or another parent of one. `text` is False if the file's language reads the name otherwise."""
        if name not in self._places and not _possible(name, text=text):
            # Its variables count all the same, `production: true` above all.
            self.warn(place.error(f"'{shown(name)}' is an unusual name for a group"))
        self._places.setdefault(name, place)
        parents = self._parents.setdefault(name, {})
        if parent is not None:
            parents[parent] = None

    def set_vars(self, group: str, variables: Tree) -> None:
        """Add variables of a group."""
        self._group_vars[group].append(variables)
        priority = variables.get("ansible_group_priority")
        if priority is not None:
            self._priority[group] = _priority(priority)

    def hosts(
        self,
        pattern: str,
        group: str,
        variables: Tree | None,
        place: SourceLocation,
        *,
        text: bool = True,
        exact: bool = False,
    ) -> None:
        """Add the hosts of a name or range, which a port may follow. An impossible name is a warning.

        An `exact` name is one host's, whatever it looks like.
        """
        name, port = (pattern, None) if exact else split_port(pattern)
        try:
            if not text:
                raise place.error("a host's name must be text; put it in quotes")
            if len(pattern) > _LONGEST:
                raise place.error(f"a host's name has at most {_LONGEST} characters")
            names = [name] if exact else list(islice(expand_range(name, place), MAX_MEMBERS + 1))
            for each in names:
                if not _possible(each, text=True):
                    raise place.error(f"'{shown(each)}' is not a possible name for a host")
        except ConfigurationError as error:
            self.warnings.append(f"{error}; ignored")
            return
        self._members += len(names)
        if self._members > MAX_MEMBERS:
            raise place.error(f"the inventory names more than {MAX_MEMBERS} hosts")
        for each in names:
            if port is not None and each not in self._host_groups:
                self._host_vars[each].append(Tree((MappingEntry("ansible_port", Leaf(port, place), place),), place))
            self._host_groups[each][group] = None
            self._host_places.setdefault(each, place)
            if variables is not None:
                self._host_vars[each].append(variables)

    def source(self, file: Path, folder: Path, read_with: tuple[str, ...] = ()) -> Source:
        """Return everything that was collected. Raises ConfigurationError if groups hold one another."""
        depth, ancestors = self._graph()

        def nearness(group: str) -> tuple[int, int, str]:
            return depth[group], self._priority.get(group, 1), group

        machines = []
        for name, direct in self._host_groups.items():
            groups = {"all", *direct, *(far for near in direct for far in ancestors[near])} - {"ungrouped"}
            if groups == {"all"}:
                groups.add("ungrouped")
            nearest_last = tuple(sorted(groups, key=nearness))
            machines.append(InventoryHost(name, self._host_places[name], nearest_last, tuple(self._host_vars[name])))
        for name in self._parents.keys() & self._host_groups.keys():
            # If the group holds only that host, the name means the same either way.
            if {machine.name for machine in machines if name in machine.groups} != {name}:
                at = self._host_places[name]  # `all` and `ungrouped` are groups even if no file names them.
                place = self._places.get(name, SourceLocation(at.file, at.line, name))
                self.warn(place.error("is the name of a group and of a host"))
        groups_ = tuple(Group(name, tuple(self._group_vars[name])) for name in self._parents)
        return Source(file, folder, groups_, tuple(machines), tuple(sorted(self.warnings)), read_with)

    def _graph(self) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
        """Return each group's depth below `all` by the longest path, and its ancestors."""
        if self._parents["all"]:
            raise self._places["all"].error("'all' holds every group and cannot be a child")
        for name, parents in self._parents.items():
            if name != "all" and not parents:
                parents["all"] = None
        depth: dict[str, int] = {}
        ancestors: dict[str, frozenset[str]] = {}
        try:
            order = tuple(TopologicalSorter(self._parents).static_order())
        except CycleError as error:
            names = list(dict.fromkeys(error.args[1]))
            loop = shown(", ".join(names))
            raise self._places[names[0]].error(f"these groups hold one another: {loop}") from None
        for name in order:
            parents = self._parents[name]
            depth[name] = max((depth[parent] + 1 for parent in parents), default=0)
            if depth[name] > MAX_GROUP_DEPTH:
                raise self._places[name].error(f"groups are nested more than {MAX_GROUP_DEPTH} deep")
            ancestors[name] = frozenset(parents).union(*(ancestors[parent] for parent in parents))
        return depth, ancestors


def _possible(name: str, *, text: bool) -> bool:
    return text and _NAME.fullmatch(name) is not None and name.isprintable()


def _priority(value: Value) -> int:
    number = value.value if isinstance(value, Leaf) else None
    if isinstance(number, str) and re.fullmatch(r"[+-]?[0-9]{1,9}", number):
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 10**9:
        raise value.place.error("must be a whole number, of at most nine digits")
    return number
