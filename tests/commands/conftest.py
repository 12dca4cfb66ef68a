"""Fixtures: a desk for incident commands, and a project whose rehearsals are asked for."""

from pathlib import Path

import pytest

from remediate.commands import rehearse as command
from remediate.project.project import Project
from support.incident_desk import Desk
from support.rehearsals import Asked


@pytest.fixture
def project(state: Path) -> Project:
    """No project: its defaults, and the journal of this test."""
    return Project(root=None)


@pytest.fixture
def desk(tmp_path: Path, state: Path) -> Desk:
    return Desk(tmp_path / "project")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    def never(*_: object, **__: object) -> object:
        pytest.fail("nothing may be started")

    monkeypatch.setattr(command, "rehearse", never)
    monkeypatch.setattr("remediate.transport.dialing.open_link", never)
    return Asked(tmp_path)
