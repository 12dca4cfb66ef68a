"""`new.remedy` and `new.playbook`: what they write passes at once, and nothing is overwritten."""

import subprocess
import sys
from pathlib import Path

import pytest

from remediate.commands.scaffold import scaffold
from remediate.commands.scaffold.scaffold import new_playbook, new_remedy
from remediate.commands.terminal import opened
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from support.command_box import REMEDIATE, Box

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    (made.root / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0"\n\n[tool.remediate]\n')
    return made


def passes(box: Box, program: str, *words: str) -> None:
    said = box(*words, program=BIN / program)
    assert said.code == 0, f"{program} {words}: {said.out}{said.err}"


def test_what_is_written_passes_in_a_project_of_ones_own(box: Box) -> None:
    said = box("new.remedy", "--name", "gunicorn.restart")
    assert said.code == 0, said
    assert [line.split()[-1] for line in said.out.splitlines()[:3]] == [
        *("playbooks/gunicorn_restart.py", "tests/test_gunicorn_restart.py", "docs/playbooks/gunicorn-restart.md"),
    ]
    assert "remediate rehearse.gunicorn-restart" in said.out
    assert box("new.playbook", "--name", "web-down").code == 0

    passes(box, "ruff", "check", "--isolated", ".")
    # As wide as ruff's default, and as wide as here.
    for width in ("88", "120"):
        passes(box, "ruff", "format", "--isolated", "--check", "--line-length", width, ".")
    passes(box, "mypy", "--strict", ".")
    passes(box, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    listed = box("--list").out
    assert {"gunicorn-restart", "web-down"} <= {*listed.replace(".", " ").split()}
    page = (box.root / "docs/playbooks/gunicorn-restart.md").read_text()
    assert "| gunicorn-restart-needed | nginx is stopped | fixed |" in page
    assert "do.gunicorn.restart" not in page  # a project's own remedy has no such command


def test_in_this_project_a_remedy_goes_where_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scaffold, "_is_checkout", lambda _: True)
    with opened() as terminal:
        assert new_remedy({"name": "gunicorn.restart"}, Project(tmp_path), terminal, program="invoke") == 0
    assert "invoke docs.build" in capsys.readouterr().out
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py"))
    assert written == [
        *("remediate/rehearsal/faults/gunicorn_restart.py", "remediate/remedies/gunicorn_restart.py"),
        "tests/remedies/test_gunicorn_restart.py",
    ]
    for name in written:
        for words in (("check",), ("format", "--check")):
            # Modules that are not there yet are taken for other people's.
            ours = ("--config", "lint.isort.known-first-party=['remediate']")
            argv = (BIN / "ruff", *words, "--no-cache", *ours, "--stdin-filename", ROOT / name, "-")
            subprocess.run(argv, cwd=ROOT, input=(tmp_path / name).read_bytes(), check=True, timeout=60)
    with opened() as terminal:
        assert new_playbook({"name": "web-down"}, Project(tmp_path), terminal, program="invoke") == 0
    assert (tmp_path / "tests/playbooks/test_web_down.py").is_file()


@pytest.mark.parametrize("name", ["gunicorn", "a.b.c", "Web.Start", "web.", "web_1.start", "w" * 60 + ".x", "é.x"])
def test_a_name_that_no_remedy_can_have_is_one_line(box: Box, name: str) -> None:
    box("new.remedy", "--name", name).usage("--name takes TOOL.VERB, such as gunicorn.restart", name)


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        ("new.remedy", "nginx.restart", "there is a remedy nginx.restart already: do.nginx.restart"),
        ("new.remedy", "unit.masked", "UnitMasked is a name that the module itself uses"),
        ("new.remedy", "app.down", "there is a playbook app-down already"),
        ("new.playbook", "app-down", "there is a playbook app-down already"),
        ("new.playbook", "all", "rehearse.all means every one"),
        ("new.playbook", "class", "class is a word of Python's own"),
        ("new.playbook", "json", "json is a module that Python imports elsewhere"),
        ("new.playbook", "remediate", "remediate is a module that Python imports elsewhere"),
        ("new.playbook", "playbook", "playbook is a name that the module itself uses"),
        ("new.playbook", "web_down", "--name takes words with dashes, such as web-down"),
    ],
)
def test_a_name_that_is_taken_or_unusable_is_one_line(box: Box, command: str, name: str, said: str) -> None:
    box(command, "--name", name).usage(said)
    assert list((box.root / "playbooks").iterdir()) == []


def test_a_name_is_needed_and_a_project_too(box: Box) -> None:
    box("new.remedy").usage("--name is missing: TOOL.VERB")
    box("new.playbook").usage("--name is missing: words with dashes")
    (box.root / "pyproject.toml").unlink()
    box("new.playbook", "--name", "web-down").usage("mark a directory with [tool.remediate]")


@pytest.mark.parametrize("there", ["tests/test_web_down.py", "docs/playbooks/web-down.md"])
def test_nothing_is_written_if_one_file_exists(box: Box, there: str) -> None:
    path = box.root / there
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    box("new.playbook", "--name", "web-down").usage(f"{path} exists, and is not overwritten: nothing was written")
    assert path.read_text() == "mine"
    assert list((box.root / "playbooks").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "playbooks").write_text("a file")
    with opened() as terminal, pytest.raises(ConfigurationError, match=r"web_down\.py cannot be written: File exists"):
        new_playbook({"name": "web-down"}, Project(tmp_path), terminal, program=REMEDIATE.name)
