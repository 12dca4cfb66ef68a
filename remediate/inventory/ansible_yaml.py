"""The YAML of inventories, read into values that know their file and line.

Nothing is ever constructed from a tag. `!vault` and other tags become `Sealed`, which is an error only if the value is
needed. A file may come from anywhere, so its size, its depth and the expansion of its aliases are limited.
"""

from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NoReturn

import yaml

from remediate.inventory.ansible_values import (
    MAX_DEPTH,
    Leaf,
    Listing,
    MappingEntry,
    Sealed,
    SourceLocation,
    Tree,
    Value,
    kind,
    shown,
)

MAX_BYTES = 8 * 1024 * 1024
MAX_VALUES = 1_000_000
"""The most values of a file with its aliases expanded. Ten lines of aliases can stand for billions."""

_TAG = "tag:yaml.org,2002:"
# The C parser is many times faster. Only events and nodes are requested, so neither parser constructs anything.
_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_CONTAINERS = frozenset({f"{_TAG}map", f"{_TAG}seq"})
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def read_text(file: Path) -> str:
    """Return the text of a file that a user named.

    Raises ConfigurationError if it is not a readable UTF-8 file, or larger than 8 MiB.
    """
    try:
        status = file.stat()
        if S_ISDIR(status.st_mode):
            raise SourceLocation(file, 1).error("is a directory; name the file in it")
        if not S_ISREG(status.st_mode):
            raise SourceLocation(file, 1).error("is not a regular file")
        if status.st_size > MAX_BYTES:
            raise SourceLocation(file, 1).error(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
        data = file.read_bytes()
    except OSError as error:
        raise SourceLocation(file, 1).error(f"cannot be read: {error.strerror or 'input/output error'}") from error
    except ValueError as error:  # The name holds a NUL.
        raise SourceLocation(file, 1).error("cannot be read: not a possible file name") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceLocation(file, data.count(b"\n", 0, error.start) + 1).error("is not UTF-8 text") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if (match := yaml.reader.Reader.NON_PRINTABLE.search(line)) is not None:
            raise SourceLocation(file, number).error(f"holds the control character U+{ord(match.group()):04X}")
    return text


def parse(file: Path, text: str, warnings: list[str]) -> Value | None:
    """Return the only document in `text`, None if it is empty.

    `file` is the text's origin, for messages. Duplicate keys are added to `warnings`; as in Ansible, the last one
    counts. Raises ConfigurationError, with file and line, if the text is not YAML.
    """
    try:
        _bounded(file, text)
        root = yaml.compose(text, Loader=_PARSER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = text.splitlines() or [""]
        # The parser notices an unclosed construct after the last line.
        line = min(mark.line + 1, len(lines)) if mark is not None else 1
        problem = error.problem or error.context or "cannot be parsed"
        hint = " (there is a tab in that line: YAML is indented with spaces)" if "\t" in lines[line - 1] else ""
        raise SourceLocation(file, line).error(f"is not valid YAML: {shown(problem)}{hint}") from error
    except yaml.YAMLError as error:
        raise SourceLocation(file, 1).error("is not valid YAML") from error
    return None if root is None else _Reader(file, warnings).read(root, SourceLocation(file, _line(root))).value


def _bounded(file: Path, text: str) -> None:
    """Reject text that is nested too deep to be composed, and a composer's other faults."""
    depth = documents = 0
    anchors: set[str | None] = set()
    for event in yaml.parse(text, Loader=_PARSER):
        place = SourceLocation(file, _line(event))
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
            case yaml.AliasEvent() if event.anchor not in anchors:
                raise place.error(f"the alias *{shown(event.anchor or '')} has no anchor before it")
            case yaml.NodeEvent():
                anchors.add(event.anchor)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if documents > 1:
            raise place.error("a second document starts here; only one is read")
        if depth > MAX_DEPTH:
            raise place.error(f"is nested more than {MAX_DEPTH} deep")


@dataclass(frozen=True, slots=True)
class _Composed:
    value: Value
    weight: int
    height: int


class _Reader:
    """Converts nodes into values. An alias is its node again."""

    def __init__(self, file: Path, warnings: list[str]) -> None:
        self._file = file
        self._warnings = warnings
        self._done: dict[int, _Composed] = {}
        self._open: set[int] = set()
        self._count = 0

    def read(self, node: yaml.Node, place: SourceLocation, depth: int = 0) -> _Composed:
        if (done := self._done.get(id(node))) is not None:
            self._count += done.weight
            if self._count > MAX_VALUES:
                raise place.error(f"aliases expand to more than {MAX_VALUES} values")
            if depth + done.height > MAX_DEPTH:
                raise place.error(f"is nested more than {MAX_DEPTH} deep")
            return done
        if id(node) in self._open:
            raise place.error("an alias in it contains itself")
        self._open.add(id(node))
        before, self._count = self._count, self._count + 1
        value, height = self._value(node, place, depth)
        self._done[id(node)] = composed = _Composed(value, self._count - before, height)
        return composed

    def _value(self, node: yaml.Node, place: SourceLocation, depth: int) -> tuple[Value, int]:
        value: Value
        match node:
            case yaml.SequenceNode():
                value, height = self._listing(node, place, depth)
            case yaml.MappingNode():
                value, height = self._tree(node, place, depth)
            case _:
                return self._scalar(node, place), 1
        return (value if node.tag in _CONTAINERS else self._sealed(node.tag, place)), height

    def _listing(self, node: yaml.SequenceNode, place: SourceLocation, depth: int) -> tuple[Listing, int]:
        read = [
            self.read(item, SourceLocation(self._file, _line(item), f"{place.path}[{number}]"), depth + 1)
            for number, item in enumerate(node.value)
        ]
        return Listing(tuple(each.value for each in read), place), _height(read)

    def _tree(self, node: yaml.MappingNode, place: SourceLocation, depth: int) -> tuple[Tree, int]:
        own: dict[str, MappingEntry] = {}
        inherited: dict[str, MappingEntry] = {}
        read: list[_Composed] = []
        for name, inner in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise SourceLocation(self._file, _line(name), place.path).error("a key must be plain text")
            key, at = str(name.value), place.below(name.value, _line(name))
            if key in own:
                # The first one decides the order, as in Ansible: of two groups of a host, the later one counts.
                first = own[key].place.line
                self._warnings.append(
                    str(at.error(f"the key stands twice in one mapping, first in line {first}; the last one holds"))
                )
            read.append(self.read(inner, at, depth + 1))
            own[key] = MappingEntry(key, read[-1].value, at, text=name.tag == f"{_TAG}str")
            if name.tag == f"{_TAG}merge":
                inherited |= _merged(read[-1].value, at)
        entries = inherited | {k: e for k, e in own.items() if not (k == "<<" and not e.text)}
        return Tree(tuple(entries.values()), place), _height(read)

    def _scalar(self, node: yaml.Node, place: SourceLocation) -> Leaf | Sealed:
        tag, text = str(node.tag), str(node.value)
        scalar = yaml.ScalarNode(tag, text)
        if tag == "!unsafe":
            return Leaf(text, place, literal=True)
        # A date stays as it is written: no setting is one, and text that looks like a date should stay text.
        if tag in {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}merge", f"{_TAG}value"}:
            return Leaf(text, place)
        try:
            match tag.removeprefix(_TAG):
                case "null":
                    return Leaf(None, place)
                case "bool":
                    return Leaf(_CONSTRUCTOR.construct_yaml_bool(scalar), place)
                case "int":
                    return Leaf(_CONSTRUCTOR.construct_yaml_int(scalar), place)
                case "float":
                    return Leaf(_CONSTRUCTOR.construct_yaml_float(scalar), place)
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            raise place.error(f"is not a possible {tag.removeprefix(_TAG)}") from error
        return self._sealed(tag, place, text)

    def _sealed(self, tag: str, place: SourceLocation, text: str = "") -> Sealed:
        if tag.startswith(f"{_TAG}python/"):
            self._refuse_object(tag, place)
        return Sealed(tag.replace(_TAG, "!!", 1), place, text)

    @staticmethod
    def _refuse_object(tag: str, place: SourceLocation) -> NoReturn:
        raise place.error(f"the tag {shown(tag.replace(_TAG, '!!', 1))} would run code and is never accepted")


def _height(read: list[_Composed]) -> int:
    return 1 + max((each.height for each in read), default=0)


def _line(found: yaml.Event | yaml.Node) -> int:
    return found.start_mark.line + 1 if found.start_mark is not None else 1


def _merged(value: Value, place: SourceLocation) -> dict[str, MappingEntry]:
    """Return the entries of `<<: value`. With several mappings, the first one with a key wins."""
    trees = value.items if isinstance(value, Listing) else (value,)
    entries: dict[str, MappingEntry] = {}
    for tree in reversed(trees):
        if not isinstance(tree, Tree):
            raise place.error(f"'<<' merges mappings, and this is {kind(tree)}")
        entries |= {entry.key: entry for entry in tree.entries}
    return entries
