"""Fixtures: a desk to type incident commands at."""

from pathlib import Path

import pytest

from support.incident_desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)
    desk = Desk(tmp_path / "project")
    desk.settings("")
    return desk
