"""Playbooks are found without an import; a broken one affects no other."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.project.project import Project

STOCK = list(Project(None).playbooks())
IMPORTS = "from remediate import Severity\nfrom remediate.core.playbook import playbook\n"
SHOP = """

@playbook(severity=Severity.SEV2, symptoms=lambda host: ())
def shop(host, *, {parameter} = "x"):
    \"\"\"Wake the shop.\"\"\"
    return ()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "playbooks").mkdir()
    return Project(tmp_path)


def write(project: Project, text: str, name: str = "shop.py") -> Path:
    path = project.demand_root() / "playbooks" / name
    path.write_text(text)
    return path


def refusal(project: Project, name: str = "shop") -> str:
    with pytest.raises(ConfigurationError) as caught:
        project.load(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BROKEN: Mapping[str, tuple[str, str]] = {
    "raises": ("\nraise RuntimeError('two\\nlines')\ndef shop(host): ...", "shop.py:2: RuntimeError: two lines"),
    "raises deeper": ("import json\njson.loads('{')\ndef shop(host): ...", "shop.py:2: Expecting property name"),
    "ends": ("import sys\nsys.exit(3)\ndef shop(host): ...", "shop.py:2: SystemExit: 3"),
    "cannot import": ("import nowhere\ndef shop(host): ...", "shop.py:1: ModuleNotFoundError: No module named"),
    "syntax": ("x = 1\ndef shop(:", "cannot be read: invalid syntax (shop.py, line 2)"),
    "too deep": (f"x = {'-' * 100_000}1\ndef shop(host): ...", "cannot be read: "),
    "no text": ("\x00", "cannot be read: "),
    "nothing": ("x = 1", "defines no playbook shop (@playbook def shop)"),
    "undecorated": ("def shop(host): ...", "does not define the playbook shop (@playbook def shop)"),
    "clash": (IMPORTS + SHOP.format(parameter="hold: int"), "its parameter hold would be --hold, which every run has"),
    "clash of a synonym": (IMPORTS + SHOP.format(parameter="dry_run: bool"), "would be --dry-run, which every run"),
    "underscore": (IMPORTS + SHOP.format(parameter="_x: str"), "its parameter _x cannot be a flag"),
    "annotation": (
        f"from __future__ import annotations\n{IMPORTS}{SHOP.format(parameter='php: Unheard')}",
        "NameError: name 'Unheard' is not defined",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_playbook_is_named_when_it_is_asked_for(project: Project, case: str) -> None:
    text, said = BROKEN[case]
    path = write(project, text)

    assert list(project.playbooks()) == sorted([*STOCK, "shop"])
    message = refusal(project)
    assert str(path) in message
    assert said in message
    playbooks, broken = project.usable()
    assert [playbook.name for playbook in playbooks] == STOCK
    assert broken == (message,)


def test_a_sound_one_is_listed_with_its_flags(project: Project) -> None:
    write(project, IMPORTS + SHOP.format(parameter="php: str"))
    listed = project.playbooks()["shop"]
    assert (listed.summary, listed.error) == ("Wake the shop.", None)
    assert [flag.name for flag in listed.flags] == ["php"]
    assert project.load("shop").name == "shop"
    assert project.usable()[1] == ()


def test_no_playbook_is_called_all(project: Project) -> None:
    write(project, IMPORTS + SHOP.format(parameter="php: str").replace("shop(", "all("), "all.py")
    assert "no playbook can be called all" in refusal(project, "all")


def test_what_an_editor_leaves_is_no_playbook(project: Project) -> None:
    (project.demand_root() / "playbooks" / ".#shop.py").symlink_to("nowhere")
    assert list(project.playbooks()) == STOCK


@pytest.mark.parametrize("text", ["tool = 3\n", "tool = [", "x = 1 # \ud800", "[" * 5000])
def test_a_pyproject_that_cannot_be_read_marks_nothing_and_is_named(tmp_path: Path, text: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_bytes(text.encode(errors="surrogatepass"))
    found = Project.find(inner)
    assert found.root is None
    with pytest.raises(ConfigurationError, match=f"{inner}/pyproject.toml cannot be "):
        found.inventories()
    with pytest.raises(ConfigurationError, match=f"{inner}/pyproject.toml cannot be "):
        found.demand_root()

    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    assert Project.find(inner).root == tmp_path
