"""The groups and hosts of one YAML inventory file."""

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_graph import GroupGraph
from remediate.inventory.ansible_values import Leaf, MappingEntry, SourceLocation, Tree, Value, kind


def read_groups(root: Tree, graph: GroupGraph) -> None:
    """Add the groups and hosts of a file to the graph.

    Raises ConfigurationError, with file and line, for a section that is none.
    """
    for entry in root.entries:
        if isinstance(entry.value, Tree) or _is_null(entry.value):
            _group(entry, graph)
        else:
            graph.warn(entry.place.error(f"is no group: it is {kind(entry.value)}; ignored"))


def _group(entry: MappingEntry, graph: GroupGraph, parent: str | None = None) -> None:
    name = entry.key
    graph.group(name, entry.place, parent, text=entry.text)
    for section in _entries(entry.value, entry.place, "a group"):
        match section.key:
            case "vars":
                if isinstance(section.value, Tree):
                    graph.set_vars(name, section.value)
                else:
                    _entries(section.value, section.place, "vars")  # It raises unless the value is null.
            case "children":
                for child in _entries(section.value, section.place, "children"):
                    _group(child, graph, parent=name)
            case "hosts":
                for host in _entries(section.value, section.place, "hosts"):
                    _host(host, name, graph)
            case _:
                graph.warn(section.place.error("is ignored: a group holds hosts, children and vars"))


def _host(entry: MappingEntry, group: str, graph: GroupGraph) -> None:
    try:
        if not isinstance(entry.value, Tree):
            _entries(entry.value, entry.place, "a host's variables")  # It raises unless the value is null.
    except ConfigurationError as error:
        graph.warnings.append(f"{error}; ignored")
        return
    variables = entry.value if isinstance(entry.value, Tree) else None
    graph.hosts(entry.key, group, variables, entry.place, text=entry.text)


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


def _is_null(value: Value) -> bool:
    return isinstance(value, Leaf) and value.value is None
