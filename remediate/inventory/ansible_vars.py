"""A host's variables: Ansible's layers, combined as in Ansible."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from remediate.inventory.ansible_graph import InventoryHost, Source
from remediate.inventory.ansible_values import MappingEntry, SourceLocation, Tree, Value, kind
from remediate.inventory.ansible_yaml import parse, read_text

SETTINGS_KEY = "remediate"
"""The only variable with merged layers. For every other variable, the last layer wins completely."""

HOST_VARS = "host_vars"
_EXTENSIONS = ("", ".yml", ".yaml", ".json")
_MAX_FOLDERS = 8


def merge(under: Value, over: Value) -> Value:
    """Merge two layers of one value: mappings by key, other values by replacement.

    A null stays, so that later layers see it. The operation is associative, so layers can be merged in any grouping.
    For that, a mapping that replaced another kind of value remembers to replace lower layers, too.
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
    """Return all variables of a host from its layers, weakest first."""
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
    """Reads `group_vars/` and `host_vars/` next to an inventory, each file once. Make a new one for each selection."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[Tree, ...]] = {}
        self._encrypted: dict[Path, Path] = {}
        self.warnings: list[str] = []
        """Messages for a person about the files that were read, one line each."""

    def layers(self, source: Source, machine: InventoryHost) -> Iterator[Tree]:
        """Yield every layer of a host, weakest first, in Ansible's own order.

        As in Ansible, variables in the inventory come before those in files, for all groups together. So
        `group_vars/all.yml` is stronger than the `vars:` of any group in the inventory. Raises ConfigurationError for a
        file that cannot be read as a mapping.
        """
        inline = {group.name: group.vars for group in source.groups}
        folder = source.folder
        for group in machine.groups:
            yield from inline[group]
        for group in machine.groups:
            yield from self._of(folder / "group_vars", group)
        yield from machine.vars
        yield from self._of(folder / HOST_VARS, machine.name)

    def encrypted(self, source: Source, machine: InventoryHost) -> Path | None:
        """Return this host's own file that is encrypted as a whole, None without one."""
        return self._encrypted.get(source.folder / HOST_VARS / machine.name)

    def _of(self, folder: Path, name: str) -> tuple[Tree, ...]:
        if "/" in name or name in {"", ".", ".."}:
            return ()  # A group's name may be anything, but must not lead out of the folder.
        base = folder / name
        if base not in self._read:
            try:
                files = tuple(_vars_files(folder, name))
            except OSError as error:
                reason = error.strerror or "input/output error"
                raise SourceLocation(base, 1).error(f"cannot be read: {reason}") from error
            self._read[base] = tuple(tree for file in files if (tree := self._of_file(file, base)) is not None)
        return self._read[base]

    def _of_file(self, file: Path, base: Path) -> Tree | None:
        text = read_text(file)
        if text.startswith("$ANSIBLE_VAULT;"):
            self._encrypted[base] = file  # Values for remediate have to be in the clear elsewhere.
            return None
        value = parse(file, text, self.warnings)
        if value is None or (kind(value) == "empty"):
            return None
        if not isinstance(value, Tree):
            raise SourceLocation(file, 1).error(f"must be a mapping of variables and is {kind(value)}")
        return value


def variables_file(folder: Path, name: str) -> Path:
    """Return the file with the variables of a host beside an inventory, or the one to write them to."""
    base = folder / HOST_VARS / name
    there = next((path for each in _EXTENSIONS if (path := base.with_name(f"{name}{each}")).exists()), None)
    if there is not None and there.is_dir():
        return there / f"{SETTINGS_KEY}.yml"
    return there or base.with_name(f"{name}.yml")


def _vars_files(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files of a name as Ansible finds them.

    They are those of the first of NAME/, NAME, NAME.yml, NAME.yaml and NAME.json that exists.
    """
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
