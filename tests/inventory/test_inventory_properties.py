"""Any document, bytes, pattern or arguments: hosts, or one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from remediate.core.host import Host
from remediate.errors import ConfigurationError
from remediate.inventory.ansible_settings import read_settings
from remediate.inventory.ansible_values import Leaf, Listing, MappingEntry, Sealed, Tree, Value
from remediate.inventory.ansible_vars import merge
from remediate.inventory.selection import Inventory
from support.inventories import FLEET, HERE

leaves: st.SearchStrategy[Value] = st.one_of(st.none(), st.integers(0, 3), st.text("ab", max_size=2)).map(
    lambda value: Leaf(value, HERE)
)


def _tree(children: dict[str, Value]) -> Value:
    return Tree(tuple(MappingEntry(key, value, HERE) for key, value in children.items()), HERE)


sealed: st.SearchStrategy[Value] = st.just(Sealed("!vault", HERE))
listings: st.SearchStrategy[Value] = st.lists(leaves, max_size=2).map(lambda items: Listing(tuple(items), HERE))
values: st.SearchStrategy[Value] = st.recursive(
    leaves | sealed | listings,
    lambda children: st.dictionaries(st.sampled_from("abc"), children, max_size=3).map(_tree),
    max_leaves=8,
)


def _comparable(value: Value) -> object:
    match value:
        case Tree():
            return {entry.key: _comparable(entry.value) for entry in value.entries}
        case Listing():
            return [_comparable(item) for item in value.items]
        case Leaf():
            return (type(value.value), value.value)
        case Sealed():
            return value.tag


@given(values, values, values)
def test_merging_is_associative(a: Value, b: Value, c: Value) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(values, values)
def test_merging_keeps_what_the_upper_layer_says(a: Value, b: Value) -> None:
    merged = merge(a, b)
    if not isinstance(b, Tree):
        assert merged == b
        return
    assert isinstance(merged, Tree)
    for entry in b.entries:
        value = merged.get(entry.key)
        assert value is not None
        if not isinstance(entry.value, Tree):
            assert value == entry.value
    assert _comparable(merge(b, b)) == _comparable(b)
    assert _comparable(merge(Tree((), HERE), b)) == _comparable(b)


@given(values)
def test_settings_from_any_value_are_settings_or_one_line(value: Value) -> None:
    try:
        read_settings(value, Path("/"))
    except ConfigurationError as error:
        message = str(error)
    else:
        return
    assert message.isprintable()


KEYS: tuple[str, ...] = (
    "all",
    "hosts",
    "children",
    "vars",
    "web",
    "h1",
    "remediate",
    "database",
    "port",
    "site_url",
    "site_ca",
)
KEYS += ("ansible_host", "ansible_port", "ansible_ssh_common_args", "ansible_connection", "ansible_group_priority")
keys = st.sampled_from(KEYS) | st.text(max_size=6)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.binary(max_size=4)
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)
sections = {"hosts": st.dictionaries(keys, documents, max_size=3), "vars": documents}
inventories = st.fixed_dictionaries({"all": st.fixed_dictionaries({}, optional=sections)})


INI_LINES: tuple[str, ...] = (
    "[web]",
    "[web:vars]",
    "[web:children]",
    "[db]",
    "h1",
    "h[1:3] ansible_port=22",
    "h1 x='a b' y=[1]",
    "db",
)
INI_LINES += ("ansible_user=ana", "ansible_host = b", "[all:vars]", "remediate={'php': 'php8.3'}", "h2 x='", "# c")


def _one_line_or_hosts(file: Path, pattern: str) -> None:
    hosts: tuple[Host, ...] = ()
    message = ""
    try:
        hosts = Inventory.load([file]).select(pattern)
    except ConfigurationError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 3000
    assert bool(hosts) != bool(message)
    assert len({host.name for host in hosts}) == len(hosts)


@settings(deadline=None)
@given(document=documents | inventories, pattern=st.sampled_from(["all", "*", "h1", "web"]))
def test_any_yaml_is_an_inventory_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, document: object, pattern: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    _one_line_or_hosts(file, pattern)


@settings(deadline=None)
@given(data=st.binary(max_size=60) | st.text("ab:{}[]&*!|>-'\"#\n\t <%,?", max_size=40).map(str.encode))
def test_any_bytes_are_an_inventory_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.yml"
    file.write_bytes(data)
    _one_line_or_hosts(file, "all")


@settings(deadline=None)
@given(lines=st.lists(st.sampled_from(INI_LINES) | st.text(max_size=12), max_size=8))
def test_any_lines_are_an_ini_inventory_or_one_line(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.getbasetemp() / "lines.ini"
    file.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    _one_line_or_hosts(file, "all")


@given(pattern=st.text(max_size=20) | st.text("web12*?[]!,db- ", max_size=12))
def test_any_pattern_selects_hosts_or_is_one_line(tmp_path_factory: pytest.TempPathFactory, pattern: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fleet.yml"
    if not file.exists():
        file.write_text(FLEET)
    _one_line_or_hosts(file, pattern)


@given(arguments=st.text("-oJ=ProxyJump ab,@:'\"", max_size=30))
def test_any_ssh_arguments_are_jumps_or_one_line(tmp_path_factory: pytest.TempPathFactory, arguments: str) -> None:
    file = tmp_path_factory.getbasetemp() / "arguments.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": {"h": {"ansible_ssh_common_args": arguments}}}}))
    _one_line_or_hosts(file, "h")
