"""Fixtures: a state directory of a test's own, and a fleet of toys."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from remediate.project.project import Project
from support.approval_door import Served
from support.durable import ToyFleet


@pytest.fixture(autouse=True)
def state(state: Path) -> Path:
    return state


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose messages go to `book.txt`."""
    channel = '[tool.remediate.incidents.channels.book]\nkind = "file"\npath = "book.txt"\n'
    (tmp_path / "pyproject.toml").write_text(f"[tool.remediate]\n{channel}")
    return Project(tmp_path)


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[ToyFleet]:
    with closing(ToyFleet(tmp_path / "fleet", 3)) as fleet:
        yield fleet.build()


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)
