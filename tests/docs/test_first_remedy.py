"""docs/first-remedy.md is carried out as it stands: its files are written, its commands are typed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from support.command_line import BIN
from support.doc_pages import ROOT

PAGE: Final = (ROOT / "docs/first-remedy.md").read_text()
FILES: Final = dict(re.findall(r"^`([\w./]+)`:\n\n```[a-z]+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


class Typed(NamedTuple):
    """A command of the page, and the lines that it shows of what is printed."""

    words: list[str]
    shown: list[str]


def commands() -> list[Typed]:
    typed = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            typed.append(Typed(shlex.split(line), shown))
    return typed


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runbook")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


def carry_out(project: Path, words: list[str]) -> str:
    environment = {**os.environ, "REMEDIATE_STATE_DIR": str(project / "state"), "MYPYPATH": "playbooks"}
    # The options are for the tests that run this one.
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_all_parts() -> None:
    assert list(FILES) == [
        *("pyproject.toml", "inventories/prod.yml", "playbooks/monitoring_down.py", "tests/test_monitoring_down.py")
    ]
    assert [" ".join(typed.words[:3]) for typed in commands()] == [
        *("remediate --list", "remediate sudoers --host", "python -m pytest", "remediate docs.build")
    ]


@pytest.mark.parametrize("typed", commands(), ids=lambda typed: " ".join(typed.words))
def test_each_command_prints_what_the_page_shows(project: Path, typed: Typed) -> None:
    printed = carry_out(project, typed.words)
    assert typed.shown
    assert [line for line in typed.shown if line not in printed] == []


def test_the_types_and_the_style_are_right(project: Path) -> None:
    code = [name for name in FILES if name.endswith(".py")]
    carry_out(project, ["mypy", "--strict", "--explicit-package-bases", *code])
    carry_out(project, ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "INP001", *code])
    carry_out(project, ["ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), *code])


def test_what_the_page_has_the_reader_break_is_noticed(project: Path) -> None:
    path = project / "playbooks/monitoring_down.py"
    whole = path.read_text()
    guard = '    def guard(self, _):\n        from remediate.core.verdict import skip\n\n        return skip("fine")\n'
    path.write_text(whole.replace("\n\n\ndef _symptoms", f"\n\n{guard}\n\ndef _symptoms"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=project, capture_output=True, text=True, timeout=300, check=False
    )
    path.write_text(whole)
    assert done.returncode == 1
    assert re.search(r"^\d failed", done.stdout, re.MULTILINE), done.stdout
