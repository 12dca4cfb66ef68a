"""One named inventory: a file, a directory, or what only Ansible can read."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_graph import GroupGraph, Source
from remediate.inventory.ansible_groups import read_groups
from remediate.inventory.ansible_ini import read_ini
from remediate.inventory.ansible_listing import read_listing
from remediate.inventory.ansible_program import INVENTORY, AnsiblePrograms, OnlyAnsibleError
from remediate.inventory.ansible_values import Leaf, SourceLocation, Tree, kind
from remediate.inventory.ansible_yaml import parse, read_text

VARS_FOLDERS = frozenset({"group_vars", "host_vars", "vars_plugins"})
YAML_SUFFIXES = frozenset({".yml", ".yaml", ".json"})

# Ansible ignores these files in a directory.
_IGNORED = re.compile(r"^\.|(\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$")
_EMPTY = "is empty; an inventory names at least one host"
_MAX_FILES = 1000
_MAX_FOLDERS = 8

_INI = re.compile(
    r"^\[[\w.-]+(:(vars|children))?\]\s*([#;].*)?$|^[\w.-]+[ \t]+ansible_\w+[ \t]*=", re.MULTILINE | re.ASCII
)
_YAML = re.compile(r"^(---|[\w.-]+:)\s*(#.*)?$", re.MULTILINE | re.ASCII)


def read_source(path: Path, programs: AnsiblePrograms) -> Source:
    """Return the groups and hosts of one inventory. A directory is one inventory, as for Ansible.

    `programs` read what this reader cannot. Raises ConfigurationError, with file and line, if it is no inventory.
    """
    is_folder = os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises for a name that is too long.
    folder = path if is_folder else path.parent
    graph = GroupGraph()
    only_ansible: OnlyAnsibleError | None = None
    for file in _files(path, 0) if is_folder else (path,):
        try:
            _read_file(file, graph, alone=not is_folder)
        except OnlyAnsibleError as error:
            if only_ansible is None or not programs.allowed(file):
                only_ansible = error
    if only_ansible is None:
        return graph.source(path, folder)
    graph = GroupGraph()
    read_listing(path, programs.listed(path, only_ansible), graph)
    return graph.source(path, folder, (INVENTORY,))


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the inventory files of a directory, in the order in which Ansible reads them."""
    place = SourceLocation(folder, 1)
    if depth > _MAX_FOLDERS:
        raise place.error(f"folders are nested more than {_MAX_FOLDERS} deep")
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise place.error(f"cannot be listed: {error.strerror or 'input/output error'}") from error
    if len(paths) > _MAX_FILES:
        raise place.error(f"holds more than {_MAX_FILES} files")
    found = False
    for path in paths:
        if _IGNORED.search(path.name) or path.name in VARS_FOLDERS:
            continue
        found = True
        if path.is_dir():
            yield from _files(path, depth + 1)
        else:
            yield path
    if not found and depth == 0:
        raise place.error("holds no inventory file")


def _read_file(file: Path, graph: GroupGraph, *, alone: bool) -> None:
    place = SourceLocation(file, 1)
    if file.suffix == ".toml":
        raise OnlyAnsibleError(place, "is a TOML inventory")
    try:
        text = read_text(file)
    except ConfigurationError:
        if os.path.isfile(file) and os.access(file, os.X_OK):  # noqa: PTH113  # as above
            raise OnlyAnsibleError(place, "is an executable inventory") from None
        raise
    if text.startswith("#!"):
        raise OnlyAnsibleError(place, "is an executable inventory")
    if text.startswith("$ANSIBLE_VAULT;"):
        raise place.error("is encrypted as a whole: keep hosts and groups in the clear, and encrypt single values")
    if all(not line.strip() or line.strip()[0] in "#;" for line in text.splitlines()):
        if alone:
            raise place.error(_EMPTY)
    elif file.suffix and file.suffix not in YAML_SUFFIXES:
        read_ini(file, text, graph)
    else:
        _read_yaml(file, text, graph)


def _read_yaml(file: Path, text: str, graph: GroupGraph) -> None:
    """Read a file whose name allows YAML. Ansible reads it as INI if it is no YAML."""
    place = SourceLocation(file, 1)
    is_ini = _INI.search(text) is not None or not (file.suffix or _YAML.search(text))
    try:
        root = parse(file, text, graph.warnings)
    except ConfigurationError:
        if not is_ini:
            raise
        root = None
    match root:
        case Tree() if root.get("plugin") is not None:
            raise OnlyAnsibleError(place, "is the configuration of an inventory plugin")
        case Tree():
            read_groups(root, graph)
        case _ if is_ini:
            read_ini(file, text, graph)
        case None | Leaf(value=None):
            raise place.error(_EMPTY)
        case _:
            raise root.place.error(f"must be a mapping of groups, such as 'all:', and is {kind(root)}")
