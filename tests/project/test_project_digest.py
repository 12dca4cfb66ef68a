"""The digest of a project: what decides about a run is in it, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.project.project_digest import project_digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "inventories/group_vars").mkdir(parents=True)
    (tmp_path / "playbooks/shop_down.py").write_text("# a playbook\n")
    (tmp_path / "inventories/prod.yml").write_text("all:\n")
    (tmp_path / "inventories/group_vars/all.yml").write_text("a: 1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n\n[tool.remediate]\nssh = 'auto'\n")
    return tmp_path


CHANGES: dict[str, Callable[[Path], object]] = {
    "a playbook": lambda root: (root / "playbooks/shop_down.py").write_text("# another\n"),
    "a new playbook": lambda root: (root / "playbooks/more.py").write_text(""),
    "a renamed one": lambda root: (root / "playbooks/shop_down.py").rename(root / "playbooks/shop_up.py"),
    "an inventory": lambda root: (root / "inventories/prod.yml").write_text("all: {}\n"),
    "a variable": lambda root: (root / "inventories/group_vars/all.yml").write_text("a: 2\n"),
    "a setting": lambda root: (root / "pyproject.toml").write_text("[tool.remediate]\nssh = 'fabric'\n"),
}
OTHERS: dict[str, Callable[[Path], object]] = {
    "another file": lambda root: (root / "README.md").write_text("read me"),
    "compiled code": lambda root: (root / "playbooks/shop_down.pyc").write_bytes(b"\0"),
    "the package": lambda root: (root / "pyproject.toml").write_text(
        "[project]\nname = 'shop'\nversion = '2'\n\n[tool.remediate]\nssh = 'auto'\n"
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_about_a_run_changes_it(root: Path, what: str) -> None:
    first = project_digest(root)
    CHANGES[what](root)
    assert project_digest(root) != first


@pytest.mark.parametrize("what", OTHERS)
def test_the_rest_does_not(root: Path, what: str) -> None:
    first = project_digest(root)
    OTHERS[what](root)
    assert project_digest(root) == first


def test_where_it_lies_does_not_count(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = project_digest(root)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "checkout"
    root.rename(elsewhere)
    assert project_digest(elsewhere) == first


def test_the_version_counts_with_and_without_a_project(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {project_digest(root), project_digest(None)}
    monkeypatch.setattr("remediate.project.project_digest.__version__", "9.9")
    assert {project_digest(root), project_digest(None)}.isdisjoint(first)
    assert len(first) == 2


def test_a_file_that_cannot_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(self: Path) -> bytes:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", no)
    with pytest.raises(ConfigurationError, match=r"shop_down.py cannot be read: Permission denied"):
        project_digest(root)
