"""One inventory file: groups, hosts and inline variables, nested as in Ansible."""

import re
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from pathlib import Path

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_values import Leaf, MappingEntry, SourceLocation, Tree, Value, kind, shown
from remediate.inventory.ansible_yaml import parse, read_text

MAX_MEMBERS = 20_000
"""The most hosts of one file, with ranges expanded. `[1:999999999]` is a mistake, not a fleet."""
MAX_GROUP_DEPTH = 100

_LONGEST = 250

_NAME = re.compile(r"[\w:][^\s,!&~*?\[\]{}\\/'\"`$();<>|]{0,249}")  # _LONGEST, and no character that a pattern uses
_RANGE = re.compile(r"\[([^\[\]:]*):([^\[\]:]*)(?::([^\[\]:]*))?\]")
_IPV6_PORT = re.compile(r"\[([0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]:([0-9]+)")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])+):([0-9]+)")
_INI = re.compile(
    r"^\[[\w.-]+(:(vars|children))?\]\s*([#;].*)?$|^[\w.-]+[ \t]+ansible_\w+[ \t]*=", re.MULTILINE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one file, with its variables in the file."""

    name: str
    vars: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host of one file, with its variables in the file. `groups` is ordered as in `Host.groups`."""

    name: str
    place: SourceLocation
    groups: tuple[str, ...]
    vars: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One inventory file before validation. A host's values are validated when it is selected."""

    file: Path
    groups: tuple[Group, ...]
    machines: tuple[InventoryHost, ...]
    warnings: tuple[str, ...]


def read_source(file: Path) -> Source:
    """Return the groups and hosts of one YAML inventory.

    Raises ConfigurationError, with file and line, if the file is not one.
    """
    text = read_text(file)
    convert = f"convert it with: ansible-inventory -i {shown(file.name)} --list --yaml"
    executable = file.suffix not in {".yml", ".yaml", ".json"} and file.stat().st_mode & 0o111
    if text.startswith("#!") or executable:
        raise SourceLocation(file, 1).error(f"executable inventories are not supported yet; {convert}")
    ini = SourceLocation(file, 1).error(f"INI inventories are not supported yet; {convert}")
    warnings: list[str] = []
    try:
        root = parse(file, text, warnings)
    except ConfigurationError as error:
        raise ini if _INI.search(text) else error from None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        raise SourceLocation(file, 1).error("is empty; an inventory names at least one host")
    if not isinstance(root, Tree):
        if _INI.search(text):
            raise ini
        raise root.place.error(f"must be a mapping of groups, such as 'all:', and is {kind(root)}; if INI, {convert}")
    if root.get("plugin") is not None:
        raise SourceLocation(file, 1).error(f"inventory plugins are not supported; {convert}")
    reader = _Reader(file, warnings)
    for entry in root.entries:
        reader.group(entry)
    return reader.source()


def expand_range(pattern: str, place: SourceLocation) -> Iterator[str]:
    """Yield the names of a pattern: `web[01:10].example.com`, `db[a:c]` or `n[0:9:3]`.

    The last range changes fastest. Raises ConfigurationError for an invalid range.
    """
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    head, tail = pattern[: match.start()], pattern[match.end() :]
    begin, end, step = match.group(1) or "0", match.group(2), match.group(3)
    stride = 1 if step is None else _number(step, place)
    if not end or stride < 1:
        raise place.error("a host range is [begin:end] or [begin:end:step]")
    names: Iterator[str]
    if len(begin) == len(end) == 1 and begin in string.ascii_letters and end in string.ascii_letters:
        first, last = string.ascii_letters.index(begin), string.ascii_letters.index(end)
        names = iter(string.ascii_letters[first : last + 1 : stride])
    else:
        first, last = _number(begin, place), _number(end, place)
        padded = begin.startswith("0") and len(begin) > 1
        if padded and len(begin) != len(end):
            raise place.error("a host range with leading zeros needs as many digits at its begin as at its end")
        names = (str(number).zfill(len(begin) if padded else 1) for number in range(first, last + 1, stride))
    if first > last:
        raise place.error("a host range begins after its end")
    for name in names:
        for rest in expand_range(tail, place):
            yield f"{head}{name}{rest}"


def _number(text: str, place: SourceLocation) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise place.error("a host range is [begin:end] or [begin:end:step], of numbers or of single letters")
    return int(text)


class _Reader:
    """Collects the contents of a file in its order. It is discarded after `source` was called."""

    def __init__(self, file: Path, warnings: list[str]) -> None:
        self._file = file
        self._members = 0
        self._warnings = warnings
        self._places: dict[str, SourceLocation] = {}
        self._host_places: dict[str, SourceLocation] = {}
        self._parents: dict[str, dict[str, None]] = {"all": {}, "ungrouped": {"all": None}}
        self._priority: dict[str, int] = {}
        self._group_vars: defaultdict[str, list[Tree]] = defaultdict(list)
        self._host_vars: defaultdict[str, list[Tree]] = defaultdict(list)
        self._host_groups: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def group(self, entry: MappingEntry, parent: str | None = None) -> None:
        name = entry.key
        if parent is None and not isinstance(entry.value, Tree) and not _is_null(entry.value):
            self._warnings.append(str(entry.place.error(f"is no group: it is {kind(entry.value)}; ignored")))
            return
        if name not in self._places and not _possible(entry, name):
            # Its variables count all the same, `production: true` above all.
            self._warnings.append(str(entry.place.error(f"'{shown(name)}' is an unusual name for a group")))
        self._places.setdefault(name, entry.place)
        parents = self._parents.setdefault(name, {})
        if parent is not None:
            parents[parent] = None
        for section in _entries(entry.value, entry.place, "a group"):
            match section.key:
                case "vars":
                    self._vars(name, section)
                case "children":
                    for child in _entries(section.value, section.place, "children"):
                        self.group(child, parent=name)
                case "hosts":
                    for host in _entries(section.value, section.place, "hosts"):
                        self._host(host, name)
                case _:
                    what = "is ignored: a group holds hosts, children and vars"
                    self._warnings.append(str(section.place.error(what)))

    def _vars(self, group: str, section: MappingEntry) -> None:
        if isinstance(section.value, Tree):
            self._group_vars[group].append(section.value)
            priority = section.value.get("ansible_group_priority")
            if priority is not None:
                self._priority[group] = _priority(priority)
        else:
            _entries(section.value, section.place, "vars")  # It raises unless the value is null.

    def _host(self, entry: MappingEntry, group: str) -> None:
        pattern, port = _split_port(entry.key)
        try:
            if not isinstance(entry.value, Tree):
                _entries(entry.value, entry.place, "a host's variables")
            names = self._names(entry, pattern)
        except ConfigurationError as error:
            self._warnings.append(f"{error}; ignored")
            return
        self._members += len(names)
        if self._members > MAX_MEMBERS:
            raise entry.place.error(f"the file names more than {MAX_MEMBERS} hosts")
        for name in names:
            if port is not None and name not in self._host_groups:
                leaf = Leaf(port, entry.place)
                self._host_vars[name].append(Tree((MappingEntry("ansible_port", leaf, entry.place),), entry.place))
            self._host_groups[name][group] = None
            self._host_places.setdefault(name, entry.place)
            if isinstance(entry.value, Tree):
                self._host_vars[name].append(entry.value)

    @staticmethod
    def _names(entry: MappingEntry, pattern: str) -> list[str]:
        """Return the hosts of an entry. Raises ConfigurationError for an invalid name."""
        if not entry.text:
            raise entry.place.error("a host's name must be text; put it in quotes")
        if len(entry.key) > _LONGEST:
            raise entry.place.error(f"a host's name has at most {_LONGEST} characters")
        names = list(islice(expand_range(pattern, entry.place), MAX_MEMBERS + 1))
        for name in names:
            if not _possible(entry, name):
                raise entry.place.error(f"'{shown(name)}' is not a possible name for a host")
        return names

    def source(self) -> Source:
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
                self._warnings.append(str(self._places[name].error("is the name of a group and of a host")))
        groups_ = tuple(Group(name, tuple(self._group_vars[name])) for name in self._parents)
        return Source(self._file, groups_, tuple(machines), tuple(sorted(self._warnings)))

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


def _entries(value: Value, place: SourceLocation, what: str) -> tuple[MappingEntry, ...]:
    """Return the entries of a section. As in Ansible, null has none, and a text has one."""
    match value:
        case Tree():
            return value.entries
        case Leaf(value=None):
            return ()
        case Leaf(value=str() as name) if what in {"hosts", "children"}:
            return (MappingEntry(name, Leaf(None, value.place), value.place),)
        case _:
            raise place.error(f"{what} must be a mapping and is {kind(value)}")


def _possible(entry: MappingEntry, name: str) -> bool:
    return entry.text and _NAME.fullmatch(name) is not None and name.isprintable()


def _is_null(value: Value) -> bool:
    return isinstance(value, Leaf) and value.value is None


def _split_port(name: str) -> tuple[str, int | None]:
    match = _IPV6_PORT.fullmatch(name) or _PORT.fullmatch(name)
    return (name, None) if match is None else (match.group(1), int(match.group(2)[:9]))


def _priority(value: Value) -> int:
    text = str(value.value) if isinstance(value, Leaf) and not isinstance(value.value, bool | float) else ""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise value.place.error("must be a whole number")
    return int(text)
