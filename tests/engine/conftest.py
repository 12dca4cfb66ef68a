"""Fixtures: an engine that waits for nothing, and a journal of the test's own."""

from pathlib import Path

import pytest


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
    monkeypatch.setattr("remediate.engine.surveyor.LOOK_AGAIN", 0.02)


@pytest.fixture
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
