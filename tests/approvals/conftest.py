"""Fixtures: a state directory, and a team whose plans have to be approved."""

from pathlib import Path

import pytest

from support.approving import Team


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(directory))
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)
    return directory


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "shop", "ana", "bob")


@pytest.fixture
def shared(tmp_path: Path, url: str) -> Team:
    """A team whose journal is in SQLite or in PostgreSQL."""
    return Team(tmp_path / "shop", "ana", "bob", "cleo", url=url)
