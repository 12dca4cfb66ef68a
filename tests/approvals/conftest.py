"""Fixtures: a state directory, and a team whose plans have to be approved."""

from pathlib import Path

import pytest

from support.approving import Team


@pytest.fixture(autouse=True)
def state(state: Path) -> Path:
    return state


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "shop", "ana", "bob")


@pytest.fixture
def shared(tmp_path: Path, url: str) -> Team:
    """A team whose journal is in SQLite or in PostgreSQL."""
    return Team(tmp_path / "shop", "ana", "bob", "cleo", url=url)
