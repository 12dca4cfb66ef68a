"""A host's variables: the layers that Ansible would combine, and how they are combined."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from remediate.inventory.ansible_groups import InventoryHost, Source
from remediate.inventory.ansible_values import MappingEntry, SourceLocation, Tree, Value, kind
from remediate.inventory.ansible_yaml import parse, read_text

SETTINGS_KEY = "remediate"
"""The one variable whose layers are merged; of every other variable the last layer wins whole."""

_EXTENSIONS = ("", ".yml", ".yaml", ".json")
_MAX_FOLDERS = 8


def merge(under: Value, over: Value) -> Value:
    """Two layers of one value: mappings merge by key, anything else is replaced; null stays, for later layers to see.

    Associative, so that layers may be merged in any grouping: a mapping that replaced something else remembers to
    replace what lies further below, too.
    """
    if not isinstance(over, Tree):
        return over
    if not isinstance(under, Tree):
        return replace(over, resets=True)
    if over.resets:
        return over
    entries = {entry.key: entry for entry in under.entries}
    for entry in over.entries:
        below = entries.get(entry.key)
        entries[entry.key] = entry if below is None else replace(entry, value=merge(below.value, entry.value))
    return Tree(tuple(entries.values()), over.place, under.resets)


def combine(layers: Iterable[Tree], place: SourceLocation) -> Tree:
    """All variables of a host from its layers, weakest first."""
    entries: dict[str, MappingEntry] = {}
    for layer in layers:
        for entry in layer.entries:
            below = entries.get(entry.key)
            if below is not None and entry.key == SETTINGS_KEY:
                entries[entry.key] = replace(entry, value=merge(below.value, entry.value))
            else:
                entries[entry.key] = entry
    return Tree(tuple(entries.values()), place)


class VarsFiles:
    """Reads `group_vars/` and `host_vars/` beside an inventory, each file once; make a new one for each selection."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[Tree, ...]] = {}
        self.warnings: list[str] = []
        """Single lines about what was read, for a person."""

    def layers(self, source: Source, machine: InventoryHost) -> Iterator[Tree]:
        """Every layer that concerns a host, weakest first, in Ansible's own order.

        What stands in the inventory comes before what stands in files, for all groups together, as in Ansible:
        `group_vars/all.yml` is stronger than the `vars:` of any group in the inventory.

        Raises ConfigurationError for a file that cannot be read as a mapping.
        """
        inline = {group.name: group.vars for group in source.groups}
        folder = source.file.parent
        for group in machine.groups:
            yield from inline[group]
        for group in machine.groups:
            yield from self._of(folder / "group_vars", group)
        yield from machine.vars
        yield from self._of(folder / "host_vars", machine.name)

    def _of(self, folder: Path, name: str) -> tuple[Tree, ...]:
        if "/" in name or name in {"", ".", ".."}:
            return ()  # a group may be called anything, and no name leads out of the folder
        base = folder / name
        if base not in self._read:
            try:
                files = tuple(_vars_files(folder, name))
            except OSError as error:
                reason = error.strerror or "input/output error"
                raise SourceLocation(base, 1).error(f"cannot be read: {reason}") from error
            self._read[base] = tuple(tree for file in files if (tree := _vars_file(file, self.warnings)) is not None)
        return self._read[base]


def _vars_files(folder: Path, name: str) -> Iterator[Path]:
    """As Ansible looks: the first of NAME/, NAME, NAME.yml, NAME.yaml and NAME.json, and no other."""
    for extension in _EXTENSIONS:
        path = folder / f"{name}{extension}"
        if path.is_dir():
            yield from _inside(path, 0)
            return
        if path.exists():
            yield path
            return


def _inside(folder: Path, depth: int) -> Iterator[Path]:
    if depth > _MAX_FOLDERS:
        raise SourceLocation(folder, 1).error(f"folders are nested more than {_MAX_FOLDERS} deep")
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _inside(path, depth + 1)
        elif path.is_file() and path.suffix in _EXTENSIONS:
            yield path


def _vars_file(file: Path, warnings: list[str]) -> Tree | None:
    text = read_text(file)
    if text.startswith("$ANSIBLE_VAULT;"):
        return None  # a file of secrets; what is needed here must stand in the clear elsewhere
    value = parse(file, text, warnings)
    if value is None or (kind(value) == "empty"):
        return None
    if not isinstance(value, Tree):
        raise SourceLocation(file, 1).error(f"must be a mapping of variables and is {kind(value)}")
    return value
