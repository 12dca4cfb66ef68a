"""new.remedy and new.playbook: write a module, its test and its page, all of which pass."""

import ast
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

import remediate
from remediate.commands.given import Flags, text_of
from remediate.commands.terminal import Terminal
from remediate.core.source import parse
from remediate.errors import ConfigurationError
from remediate.project.listing import RESERVED
from remediate.project.project import Project
from remediate.remedies import catalogue

_WORD: Final = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_PLAYBOOK: Final = re.compile(_WORD)
_KIND: Final = re.compile(rf"{_WORD}\.{_WORD}")
_LONGEST: Final = 50
_IMPORTED: Final = frozenset({*sys.stdlib_module_names, "conftest", "remediate"})
"""Modules that one in `playbooks/` would hide from tests and type checkers, which have that directory in their path."""


class NewFile(NamedTuple):
    """A file to write: its path below the project, and its template."""

    path: str
    template: str


def new_remedy(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Write a remedy with fault and test; in a project also a playbook with its page."""
    kind = _named(flags, _KIND, "TOOL.VERB, such as gunicorn.restart")
    if kind in catalogue.listed():
        raise ConfigurationError(f"--name: there is a remedy {kind} already: do.{kind}")
    name = kind.replace(".", "-")
    root, module = project.demand_root(), name.replace("-", "_")
    names = {"kind": kind, "name": name, "module": module, "remedy": _camel(name), "fault": f"{_camel(name)}Needed"}
    if _is_checkout(root):
        packaged = (
            NewFile(f"remediate/remedies/{module}.py", "remedy.py.j2"),
            NewFile(f"remediate/rehearsal/faults/{module}.py", "fault.py.j2"),
            NewFile(f"tests/remedies/test_{module}.py", "test_remedy.py.j2"),
        )
        _write(root, packaged, names, terminal)
        terminal.say(f"next:   pytest {packaged[-1].path}")
        terminal.say(f"        yield {names['remedy']} in a playbook, with a rehearsal case for {names['fault']}")
        terminal.say(f"        {program} docs.build")
        return 0
    _refuse_existing(project, name)
    files = (
        NewFile(f"playbooks/{module}.py", "remedy_in_playbook.py.j2"),
        NewFile(f"tests/test_{module}.py", "test_remedy_in_playbook.py.j2"),
    )
    return _with_page(project, files, names, terminal, program)


def new_playbook(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Write a playbook with its rehearsal cases, its test and its page."""
    name = _named(flags, _PLAYBOOK, "words with dashes, such as web-down")
    if name in RESERVED:
        raise ConfigurationError(f"--name: no playbook can be called {name}: rehearse.{name} means every one")
    root, module = project.demand_root(), name.replace("-", "_")
    if module in _IMPORTED:
        raise ConfigurationError(f"--name: {name} is a module that Python imports elsewhere: choose another one")
    _refuse_existing(project, name)
    tests = "tests/playbooks" if _is_checkout(root) else "tests"
    files = (
        NewFile(f"playbooks/{module}.py", "playbook.py.j2"),
        NewFile(f"{tests}/test_{module}.py", "test_playbook.py.j2"),
    )
    return _with_page(project, files, {"name": name, "module": module}, terminal, program)


def _named(flags: Flags, form: re.Pattern[str], words: str) -> str:
    """Return --name. Raises ConfigurationError if it cannot be a name."""
    name = text_of(flags, "name")
    if name is None:
        raise ConfigurationError(f"--name is missing: {words}")
    if not form.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigurationError(f"--name takes {words}, of lower-case letters and digits, not {name!r}")
    if keyword.iskeyword(name.replace("-", "_").replace(".", "_")):
        raise ConfigurationError(f"--name: {name} is a word of Python's own: choose another one")
    return name


def _refuse_existing(project: Project, name: str) -> None:
    listed = project.playbooks().get(name)
    if listed is not None:
        raise ConfigurationError(f"--name: there is a playbook {name} already: {listed.path}")


def _is_checkout(root: Path) -> bool:
    """Return whether the project is remediate itself, whose remedies are in its package."""
    return Path(remediate.__file__).parent == root.resolve() / "remediate"


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _with_page(
    project: Project, files: Sequence[NewFile], names: Mapping[str, str], terminal: Terminal, program: str
) -> int:
    from remediate.commands.docs.pages import page

    root, name = project.demand_root(), names["name"]
    place = root / "docs" / "playbooks" / f"{name}.md"
    _write(root, files, names, terminal, also=place)
    _create(place, page(project.load(name), project.playbooks()[name], project))
    terminal.say(f"        {place.relative_to(root)}")
    terminal.say(f"next:   pytest {files[-1].path}")
    terminal.say(f"        {program} check.{name} --host HOST")
    terminal.say(f"        {program} rehearse.{name}    # breaks a host in a container, and proves the fix")
    return 0


def _write(
    root: Path, files: Sequence[NewFile], names: Mapping[str, str], terminal: Terminal, also: Path | None = None
) -> None:
    """Write all files, or none if one exists. Raises ConfigurationError."""
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.commands.scaffold"),
        undefined=StrictUndefined,
        autoescape=False,
    )
    texts = {root / each.path: environment.get_template(each.template).render(names) + "\n" for each in files}
    for path in (*texts, *(() if also is None else (also,))):
        if path.exists():
            raise ConfigurationError(f"{path} exists, and is not overwritten: nothing was written")
    for text in texts.values():
        _refuse_clash(text, names)
    for number, (path, text) in enumerate(texts.items()):
        _create(path, text)
        terminal.say(f"{'WROTE   ' if number == 0 else '        '}{path.relative_to(root)}")


def _refuse_clash(text: str, names: Mapping[str, str]) -> None:
    """Reject a name that the module itself imports or defines. Raises ConfigurationError."""
    taken: list[str] = []
    for node in parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            taken += [each.asname or each.name for each in node.names]
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            taken.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            taken += [each.id for each in targets if isinstance(each, ast.Name)]
    for own in {names[key] for key in ("module", "remedy", "fault") if key in names}:
        if taken.count(own) > 1:
            raise ConfigurationError(f"--name: {own} is a name that the module itself uses: choose another one")


def _create(path: Path, text: str) -> None:
    """Write a new file. Raises ConfigurationError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
