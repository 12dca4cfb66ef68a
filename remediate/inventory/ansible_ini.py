"""The INI inventories of Ansible: hosts in sections, variables beside a host or in `[group:vars]`.

Values are read as Ansible reads them. Beside a host, the line is split as by a shell, so quotes are removed first. In
`[group:vars]`, everything after the first `=` is the value, quotes and `#` included. Either is then a Python literal
(`22`, `True`, `['a', 'b']`), or else text.

No error repeats a value: a word that stands in the wrong place may be half of a password.
"""

import ast
import re
import shlex
import warnings
from pathlib import Path

from remediate.inventory.ansible_graph import GroupGraph
from remediate.inventory.ansible_values import Leaf, MappingEntry, SourceLocation, Tree, Value, shown, value_of

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_CHILD = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_SECTIONS = "a section is [NAME], [NAME:children] or [NAME:vars]"


def read_ini(file: Path, text: str, graph: GroupGraph) -> None:
    """Add the groups and hosts of a file to the graph. Raises ConfigurationError with file and line."""
    reader = _IniReader(file, graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of odd literals, such as '\d', in text that is no program.
        for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
            if line and line[0] not in "#;":
                reader.line(line, SourceLocation(file, number))
    reader.end()


class _IniReader:
    def __init__(self, file: Path, graph: GroupGraph) -> None:
        self._file = file
        self._graph = graph
        self._group = "ungrouped"
        self._section = "hosts"
        self._vars: dict[str, dict[str, MappingEntry]] = {}
        self._undeclared: dict[str, tuple[SourceLocation, str]] = {}
        """Groups that have only variables or a parent so far, with the place and the message if it stays so."""
        self._children: list[tuple[str, str, SourceLocation]] = []

    def line(self, line: str, place: SourceLocation) -> None:
        if (section := _SECTION.fullmatch(line)) is not None:
            self._begin(section[1], section[2] or "hosts", place)
        elif line.startswith("[") and line.endswith("]"):
            raise place.error(f"is no section: {_SECTIONS}, without spaces in it")
        elif self._section == "hosts":
            self._host(line, place)
        elif self._section == "vars":
            self._variable(line, place)
        else:
            self._child(line, place)

    def end(self) -> None:
        """Add what had to wait for the whole file."""
        for place, message in self._undeclared.values():
            raise place.error(message)
        for child, parent, place in self._children:
            self._graph.group(child, place, parent)
        for group, entries in self._vars.items():
            self._graph.set_vars(group, Tree(tuple(entries.values()), SourceLocation(self._file, 1)))

    def _begin(self, group: str, section: str, place: SourceLocation) -> None:
        if section not in {"hosts", "children", "vars"}:
            raise place.error(f"'{shown(section)}' is no kind of section: {_SECTIONS}")
        self._group, self._section = group, section
        if section != "vars":
            self._undeclared.pop(group, None)
            self._graph.group(group, place)
        elif not self._graph.declared(group):
            message = f"the group '{shown(group)}' of these variables does not exist: add a section [{shown(group)}]"
            self._undeclared.setdefault(group, (place, message))

    def _child(self, line: str, place: SourceLocation) -> None:
        found = _CHILD.fullmatch(line)
        if found is None:
            raise place.error("must be the name of one group; hosts belong into a section of their own")
        if not self._graph.declared(found[1]):
            name = shown(found[1])
            message = f"'{name}' is no group, and only groups are children: add a section [{name}]"
            self._undeclared.setdefault(found[1], (place, message))
        self._children.append((found[1], self._group, place))

    def _variable(self, line: str, place: SourceLocation) -> None:
        name, equals, text = (part.strip() for part in line.partition("="))
        if not equals or not name:
            raise place.error("must be name=value, as everything below a [NAME:vars]")
        at = place.below(f"{self._group}.vars.{name}", place.line)
        value = _literal(text, at)
        if isinstance(value, Leaf) and isinstance(value.value, str) and re.search(r"\s#", value.value):
            # Ansible reads it the same way, and its users seldom mean it.
            self._graph.warn(at.error("everything after # is part of the value: give a comment its own line"))
        self._vars.setdefault(self._group, {})[name] = MappingEntry(name, value, at)

    def _host(self, line: str, place: SourceLocation) -> None:
        try:
            pattern, *words = shlex.split(line, comments=True)
        except ValueError as error:
            problem = "a quotation mark that is never closed" if "quotation" in str(error) else "a \\ at its end"
            raise place.error(f"has {problem}") from None
        if pattern == "---" or (pattern.endswith(":") and "=" not in pattern):
            raise place.error("is YAML in a file that is read as INI: give the file a name that ends in .yml")
        if "=" in pattern:
            raise place.error("begins with a variable: a host comes first, and a group's variables are in [NAME:vars]")
        if line.startswith("[") and "]" not in line:
            raise place.error(f"begins with a bracket that is never closed: {_SECTIONS}")
        if pattern.startswith("[") and pattern.endswith("]"):
            raise place.error(f"has something after its section: {_SECTIONS}; a comment after it begins with #")
        entries = {}
        for word in words:
            name, equals, text = word.partition("=")
            if not equals or not name:
                raise place.error(
                    "has a word without '=' after the host: write name=value, a value with spaces in quotes,"
                    " and a comment after #"
                )
            at = place.below(f"{pattern}.{name}", place.line)
            entries[name] = MappingEntry(name, _literal(text, at), at)
        variables = Tree(tuple(entries.values()), place) if entries else None
        self._graph.hosts(pattern, self._group, variables, place)


def _literal(text: str, place: SourceLocation) -> Value:
    """Return a Python literal, or the text itself if it is none."""
    try:
        found: object = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return Leaf(text, place)
    except (TypeError, MemoryError, RecursionError):
        raise place.error("is no possible value: quote it, or write it in group_vars or host_vars as YAML") from None
    return value_of(found, place)
