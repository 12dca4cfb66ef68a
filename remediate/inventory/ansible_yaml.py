"""YAML as inventories are written in it, read into values that remember where they stand.

Nothing is ever constructed from a tag: `!vault` and its like become `Sealed`, which is an error only for
whoever needs the value. Everything is bounded, because a file may come from anywhere: size, depth, and what
aliases expand to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NoReturn

import yaml

from remediate.inventory.ansible_values import Entry, Leaf, Listing, Place, Sealed, Tree, Value, kind, shown

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 1_000_000
"""How many values a file may hold once its aliases are expanded: ten lines of aliases can stand for billions."""

_TAG = "tag:yaml.org,2002:"
# The C parser is many times faster; both are only asked for events, so neither constructs anything.
_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def read_text(file: Path) -> str:
    """The text of a file that a user named; ConfigurationError when it is no readable UTF-8 file of sane size."""
    try:
        status = file.stat()
        if S_ISDIR(status.st_mode):
            raise Place(file, 1).error("is a directory; name the file in it")
        if not S_ISREG(status.st_mode):
            raise Place(file, 1).error("is not a regular file")
        if status.st_size > MAX_BYTES:
            raise Place(file, 1).error(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
        data = file.read_bytes()
    except OSError as error:
        raise Place(file, 1).error(f"cannot be read: {error.strerror or 'input/output error'}") from error
    except ValueError as error:  # a NUL in the name
        raise Place(file, 1).error("cannot be read: not a possible file name") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Place(file, data.count(b"\n", 0, error.start) + 1).error("is not UTF-8 text") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if (match := yaml.reader.Reader.NON_PRINTABLE.search(line)) is not None:
            raise Place(file, number).error(f"holds the control character U+{ord(match.group()):04X}")
    return text


def parse(file: Path, text: str, warnings: list[str]) -> Value | None:
    """The one document in `text`, None when it is empty; ConfigurationError naming file and line when it is not YAML.

    `file` only says where the text came from. Keys that stand twice are added to `warnings`; as in Ansible, the last
    one holds.
    """
    try:
        return _Composer(file, iter(yaml.parse(text, Loader=_PARSER)), warnings).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = text.splitlines() or [""]
        # What is never closed is noticed after the last line.
        line = min(mark.line + 1, len(lines)) if mark is not None else 1
        problem = error.problem or error.context or "cannot be parsed"
        hint = " (there is a tab in that line: YAML is indented with spaces)" if "\t" in lines[line - 1] else ""
        raise Place(file, line).error(f"is not valid YAML: {shown(problem)}{hint}") from error
    except yaml.YAMLError as error:
        raise Place(file, 1).error("is not valid YAML") from error


@dataclass(frozen=True, slots=True)
class _Composed:
    value: Value
    weight: int
    height: int


class _Composer:
    """Turns parser events into values; PyYAML's own composer knows neither duplicate keys nor bounds."""

    def __init__(self, file: Path, events: Iterator[yaml.Event], warnings: list[str]) -> None:
        self._file = file
        self._warnings = warnings
        self._events = events
        self._anchors: dict[str, _Composed] = {}
        self._open: set[str] = set()
        self._count = 0

    def document(self) -> Value | None:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        first = next(self._events)
        root = self._compose(first, Place(self._file, _line(first)), 0).value
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise Place(self._file, _line(after)).error("a second document starts here; only one is read")
        return root

    def _compose(self, event: yaml.Event, place: Place, depth: int) -> _Composed:
        if depth > MAX_DEPTH:
            raise place.error(f"is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place, depth)
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        before, self._count = self._count, self._count + 1
        height = 1
        value: Value
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, place)
        else:
            if anchor is not None:
                self._open.add(anchor)
            compose = self._listing if isinstance(event, yaml.SequenceStartEvent) else self._tree
            value, height = compose(place, depth)
            tag = _container_tag(event)
            if tag is not None:
                value = self._sealed(tag, place)
            self._open.discard(anchor or "")
        composed = _Composed(value, self._count - before, height)
        if anchor is not None:
            self._anchors[anchor] = composed
        return composed

    def _alias(self, event: yaml.AliasEvent, place: Place, depth: int) -> _Composed:
        name = event.anchor or ""
        if name in self._open:
            raise place.error(f"the alias *{shown(name)} contains itself")
        if name not in self._anchors:
            raise place.error(f"the alias *{shown(name)} has no anchor before it")
        target = self._anchors[name]
        self._count += target.weight
        if self._count > MAX_VALUES:
            raise place.error(f"aliases expand to more than {MAX_VALUES} values")
        if depth + target.height > MAX_DEPTH:
            raise place.error(f"is nested more than {MAX_DEPTH} deep")
        return target

    def _listing(self, place: Place, depth: int) -> tuple[Listing, int]:
        items: list[Value] = []
        height = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            at = Place(self._file, _line(event), f"{place.path}[{len(items)}]")
            composed = self._compose(event, at, depth + 1)
            items.append(composed.value)
            height = max(height, composed.height + 1)
        return Listing(tuple(items), place), height

    def _tree(self, place: Place, depth: int) -> tuple[Tree, int]:
        own: dict[str, Entry] = {}
        inherited: dict[str, Entry] = {}
        height = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise Place(self._file, _line(event), place.path).error("a key must be plain text")
            key, at = event.value, place.below(event.value, _line(event))
            tag = _scalar_tag(event)
            if key in own:
                first = own.pop(key).place.line
                self._warnings.append(
                    str(at.error(f"the key stands twice in one mapping, first in line {first}; the last one holds"))
                )
            if event.anchor is not None:
                self._anchors[event.anchor] = _Composed(self._scalar(event, at), 1, 1)
            start = next(self._events)
            composed = self._compose(start, at, depth + 1)
            height = max(height, composed.height + 1)
            own[key] = Entry(key, composed.value, at, text=tag == f"{_TAG}str")
            if tag == f"{_TAG}merge":
                inherited |= _merged(composed.value, at)
        entries = inherited | {k: e for k, e in own.items() if not (k == "<<" and not e.text)}
        return Tree(tuple(entries.values()), place), height

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Leaf | Sealed:
        tag, text = _scalar_tag(event), event.value
        if tag == "!unsafe":
            return Leaf(text, place, literal=True)
        # A date is left as it is written: nothing here wants one, and text that looks like one should stay text.
        if tag in {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}merge", f"{_TAG}value"}:
            return Leaf(text, place)
        node = yaml.ScalarNode(tag, text)
        try:
            match tag.removeprefix(_TAG):
                case "null":
                    return Leaf(None, place)
                case "bool":
                    return Leaf(_CONSTRUCTOR.construct_yaml_bool(node), place)
                case "int":
                    return Leaf(_CONSTRUCTOR.construct_yaml_int(node), place)
                case "float":
                    return Leaf(_CONSTRUCTOR.construct_yaml_float(node), place)
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            raise place.error(f"is not a possible {tag.removeprefix(_TAG)}") from error
        return self._sealed(tag, place)

    def _sealed(self, tag: str, place: Place) -> Sealed:
        if tag.startswith(f"{_TAG}python/"):
            self._refuse_object(tag, place)
        return Sealed(tag.replace(_TAG, "!!", 1), place)

    @staticmethod
    def _refuse_object(tag: str, place: Place) -> NoReturn:
        raise place.error(f"the tag {shown(tag.replace(_TAG, '!!', 1))} would run code and is never accepted")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _scalar_tag(event: yaml.ScalarEvent) -> str:
    if event.tag is not None and event.tag != "!":
        return event.tag
    implicit = event.implicit if event.tag is None else (False, True)
    return str(_RESOLVER.resolve(yaml.ScalarNode, event.value, implicit))  # type: ignore[no-untyped-call]


def _container_tag(event: yaml.Event) -> str | None:
    tag = event.tag if isinstance(event, yaml.CollectionStartEvent) else None
    return None if tag in {None, "!", f"{_TAG}map", f"{_TAG}seq"} else tag


def _merged(value: Value, place: Place) -> dict[str, Entry]:
    """What `<<: value` contributes; of several mappings the first that has a key wins."""
    trees = value.items if isinstance(value, Listing) else (value,)
    entries: dict[str, Entry] = {}
    for tree in reversed(trees):
        if not isinstance(tree, Tree):
            raise place.error(f"'<<' merges mappings, and this is {kind(tree)}")
        entries |= {entry.key: entry for entry in tree.entries}
    return entries
