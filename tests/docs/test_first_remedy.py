"""docs/first-remedy.md is carried out as it stands: its files are written, its commands are typed."""

import re
from pathlib import Path

import pytest

from support.doc_pages import ROOT
from support.first_remedy import FILES, Typed, carry_out, commands, write


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("runbook"))


def test_the_page_has_all_parts() -> None:
    assert list(FILES) == [
        *("pyproject.toml", "inventories/prod.yml", "playbooks/web_down.py", "tests/test_web_down.py")
    ]
    assert [" ".join(typed.words[:3]) for typed in commands()] == [
        *("remediate --list", "remediate sudoers --host", "python -m pytest", "remediate docs.build")
    ]


@pytest.mark.parametrize("typed", commands(), ids=lambda typed: " ".join(typed.words))
def test_each_command_prints_what_the_page_shows(project: Path, typed: Typed) -> None:
    printed = carry_out(project, *typed.words)
    assert typed.shown
    assert [line for line in typed.shown if line not in printed] == []


def test_the_types_and_the_style_are_right(project: Path) -> None:
    code = [name for name in FILES if name.endswith(".py")]
    ours = ("--config", str(ROOT / "pyproject.toml"))
    carry_out(project, "mypy", "--strict", "--explicit-package-bases", *code)
    carry_out(project, "ruff", "check", *ours, "--ignore", "INP001", *code)
    carry_out(project, "ruff", "format", "--check", *ours, *code)


def test_what_the_page_has_the_reader_break_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path) / "playbooks/web_down.py"
    guard = '    def guard(self, _):\n        from remediate.core.verdict import skip\n\n        return skip("fine")\n'
    path.write_text(path.read_text().replace("\n\n\ndef _symptoms", f"\n\n{guard}\n\ndef _symptoms"))
    assert re.search(r"^\d failed", carry_out(tmp_path, "python", "-m", "pytest", "-q", code=1), re.MULTILINE)
