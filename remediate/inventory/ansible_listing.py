"""The groups and hosts that `ansible-inventory --list --export` prints."""

from pathlib import Path

from remediate.inventory.ansible_graph import GroupGraph
from remediate.inventory.ansible_values import Leaf, Listing, SourceLocation, Tree, Value, kind, value_of


def read_listing(path: Path, listed: object, graph: GroupGraph) -> None:
    """Add the groups and hosts to the graph. Raises ConfigurationError if it is no listing."""
    place = SourceLocation(path, 1)
    root = value_of(listed, place)
    if not isinstance(root, Tree):
        raise place.error(f"ansible-inventory printed {kind(root)} and no groups")
    variables = _below(root, "_meta", "hostvars")
    for group in root.entries:
        if group.key == "_meta" or not isinstance(group.value, Tree):
            continue
        graph.group(group.key, group.place)
        for name in _texts(group.value.get("children")):
            graph.group(name, group.place, group.key)
        for name in _texts(group.value.get("hosts")):
            of_host = None if variables is None else variables.get(name)
            its = of_host if isinstance(of_host, Tree) else None
            graph.hosts(name, group.key, its, place.below(name, 1), exact=True)
        if isinstance(own := group.value.get("vars"), Tree):
            graph.set_vars(group.key, own)


def _below(tree: Tree, *keys: str) -> Tree | None:
    for key in keys:
        value = tree.get(key)
        if not isinstance(value, Tree):
            return None
        tree = value
    return tree


def _texts(value: Value | None) -> list[str]:
    items = value.items if isinstance(value, Listing) else ()
    return [item.value for item in items if isinstance(item, Leaf) and isinstance(item.value, str)]
