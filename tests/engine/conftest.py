"""Fixtures: an engine that waits for nothing, and a team whose plans have to be approved."""

from pathlib import Path

import pytest

from support.approving import Team


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
    monkeypatch.setattr("remediate.engine.surveyor.LOOK_AGAIN", 0.02)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "shop", "ana", "bob")
