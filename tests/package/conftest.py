"""The package, built once, and the directory of a user who has never seen a checkout."""

from pathlib import Path

import pytest

from support.packaged import ROOT, UV, Package, carry_out, constraints


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The sdist, and the wheel that is built from it."""
    built = tmp_path_factory.mktemp("built")
    carry_out(UV, "build", "--quiet", "--out-dir", built, ROOT)
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    return Package(wheel, sdist, constraints(tmp_path_factory.mktemp("locked") / "constraints.txt"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one's own: a directory with one line."""
    root = tmp_path / "runbook"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.remediate]\n")
    return root
