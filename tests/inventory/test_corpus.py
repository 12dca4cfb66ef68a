"""Inventories in the shapes that people have, read by remediate and by Ansible: the same, or a difference explained.

Each file of `corpus/` is one shape: a sentence, `inventory: PATH`, and its files. `differs:` says why remediate reads
it otherwise on purpose, and each `ours:` what it reads; `only:` says what only Ansible can read. `ansible.json` is what
`ansible-inventory` says of every shape. It is compared again with the pinned Ansible where the bench has installed it
(tests/bench/requirements/ansible.txt), and written with `REWRITE_GOLDEN=1`.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remediate.errors import ConfigurationError
from remediate.inventory.ansible_program import AnsiblePrograms
from remediate.inventory.ansible_source import read_source
from remediate.inventory.ansible_values import Leaf, Listing, Sealed, Tree, Value
from remediate.inventory.ansible_vars import VarsFiles, combine

_ROOT = Path(__file__).parents[2]
_CORPUS = Path(__file__).parent / "corpus"
_SAID = _CORPUS / "ansible.json"
_ANSIBLE = _ROOT / ".bench/env/ansible/bin"

Read = dict[str, dict[str, Any]]
"""Groups and variables by host."""


@dataclass(frozen=True)
class Shape:
    """One file of the corpus."""

    name: str
    inventory: str
    differs: str | None
    ours: tuple[str, ...]
    only: str | None
    files: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "Shape":
        head, *parts = re.split(r"^-- (.+?) --\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        said = re.findall(r"^(inventory|differs|ours|only): (.+)$", head, re.MULTILINE)
        first = dict(reversed(said))
        ours = tuple(text for key, text in said if key == "ours")
        files = dict(zip(parts[::2], parts[1::2], strict=True))
        return cls(path.stem, first["inventory"], first.get("differs"), ours, first.get("only"), files)

    def write(self, folder: Path) -> Path:
        """Write its files, and return the inventory's path."""
        for name, text in self.files.items():
            path = folder / name.removesuffix(" +x")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if name.endswith(" +x"):
                path.chmod(0o755)
        return folder / self.inventory


SHAPES = {path.stem: Shape.read(path) for path in sorted(_CORPUS.glob("*.txt"))}


def _said() -> dict[str, Read | None]:
    said: dict[str, Read | None] = json.loads(_SAID.read_text(encoding="utf-8"))
    return said


def _by_ansible(listing: dict[str, Any] | None) -> Read | None:
    """Return the hosts of what `ansible-inventory --list` prints. What it cannot read is no host, with a warning."""
    if listing is None:
        return None
    variables = listing.pop("_meta")["hostvars"]
    groups: dict[str, set[str]] = {}

    def visit(group: str, above: frozenset[str]) -> None:
        content = listing.get(group, {})
        within = above | {group}
        for host in content.get("hosts", ()):
            groups.setdefault(host, set()).update(within)
        for child in content.get("children", ()):
            visit(child, within)

    visit("all", frozenset())
    return {host: {"groups": sorted(groups[host]), "vars": variables.get(host, {})} for host in sorted(groups)} or None


def _by_us(path: Path, programs: AnsiblePrograms) -> Read:
    source, files = read_source(path, programs), VarsFiles()
    read: Read = {}
    for machine in sorted(source.machines, key=lambda machine: machine.name):
        variables = _plain(combine(files.layers(source, machine), machine.place))
        variables.pop("ansible_group_priority", None)  # Ansible takes it out of the variables.
        read[machine.name] = {"groups": sorted(machine.groups), "vars": variables}
    return read


def _tried(path: Path) -> tuple[Read | None, str]:
    """Return what remediate reads, or its message."""
    try:
        return _by_us(path, AnsiblePrograms()), ""
    except ConfigurationError as error:
        return None, str(error)


def _plain(value: Value) -> Any:
    match value:
        case Leaf(value=leaf, literal=literal):
            return {"__ansible_unsafe": leaf} if literal else leaf
        case Sealed(tag="!vault", text=text):
            return {"__ansible_vault": text}
        case Sealed(tag=tag):
            return f"tagged {tag}"
        case Listing(items=items):
            return [_plain(item) for item in items]
        case Tree(entries=entries):
            return {entry.key: _plain(entry.value) for entry in entries}


def _differences(theirs: Read | None, ours: Read | None) -> Iterator[str]:
    """Yield a line for each difference, as the corpus writes it."""
    if theirs is None or ours is None:
        if theirs != ours:
            yield "refuses" if ours is None else "reads it"
        return
    for host in sorted(theirs.keys() | ours.keys()):
        if host not in ours or host not in theirs:
            yield f"{host} is no host" if host in theirs else f"{host} is a host"
            continue
        if theirs[host]["groups"] != ours[host]["groups"]:
            yield f"{host} is in {', '.join(ours[host]['groups'])}"
        mine, other = ours[host]["vars"], theirs[host]["vars"]
        for name in sorted(mine.keys() | other.keys()):
            # Python calls 1 and True equal.
            if repr(_sorted(mine.get(name, ...))) != repr(_sorted(other.get(name, ...))):
                text = json.dumps(mine[name], sort_keys=True) if name in mine else "absent"
                yield f"{host} {name} = {text}"


def _sorted(value: Any) -> Any:
    """Return a value whose `repr` does not depend on the order of keys."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("corpus\n")
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "ansible.cfg").touch()
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "ansible"))
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(tmp_path / "password"))


def test_the_corpus_is_large_enough() -> None:
    assert len(SHAPES) >= 60
    assert SHAPES.keys() == _said().keys()


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.only is None])
def test_a_shape_is_read_as_by_ansible_or_the_difference_is_explained(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    path = shape.write(tmp_path / "shape")
    ours, message = _tried(path)
    assert tuple(_differences(_said()[name], ours)) == shape.ours
    if ours is None:
        assert message.isprintable()
        assert re.match(rf"{tmp_path}/shape/[^:]+:[0-9]+: ", message)
        assert "hunter2" not in message
    assert (shape.differs is None) == (shape.ours == ())


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.only is not None])
def test_what_only_ansible_reads_is_not_run_without_a_project(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    with pytest.raises(ConfigurationError, match=f"is {shape.only}, which ansible-inventory reads, and only for"):
        read_source(shape.write(tmp_path), AnsiblePrograms())


_installed = pytest.mark.skipif(not (_ANSIBLE / "ansible-inventory").exists(), reason="`make bench` installs Ansible")


@_installed
def test_what_ansible_says_is_what_is_committed(tmp_path: Path) -> None:
    paths = [str(shape.write(tmp_path / name)) for name, shape in SHAPES.items()]
    script = _ROOT / "tests/bench/scripts/list_inventories.py"
    argv = (str(_ANSIBLE / "python"), str(script), *paths)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    said = {name: _by_ansible(each) for name, each in zip(SHAPES, json.loads(done.stdout), strict=True)}
    if os.environ.get("REWRITE_GOLDEN"):
        _SAID.write_text(json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    assert said == _said()


@_installed
@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.only is not None])
def test_what_only_ansible_reads_is_read_with_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{_ANSIBLE}:{os.environ['PATH']}")
    path = SHAPES[name].write(tmp_path)
    assert list(_differences(_said()[name], _by_us(path, AnsiblePrograms(tmp_path)))) == []
    assert read_source(path, AnsiblePrograms(tmp_path)).read_with == ("ansible-inventory",)
