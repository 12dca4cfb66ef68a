"""Fixtures: a desk for incident commands, and a project whose rehearsals are asked for."""

from pathlib import Path

import pytest

from remediate.commands import rehearse as command
from support.incident_desk import Desk
from support.rehearsals import Asked


@pytest.fixture
def desk(tmp_path: Path, state: Path) -> Desk:
    desk = Desk(tmp_path / "project")
    desk.settings("")
    return desk


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    def never(*_: object, **__: object) -> object:
        pytest.fail("nothing may be started")

    monkeypatch.setattr(command, "rehearse", never)
    monkeypatch.setattr("remediate.transport.dialing.open_link", never)
    return Asked(tmp_path)
