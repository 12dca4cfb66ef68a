"""Fixtures: an engine that waits for nothing."""

import pytest


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
    monkeypatch.setattr("remediate.engine.surveyor.LOOK_AGAIN", 0.02)
