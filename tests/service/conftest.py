"""Fixtures: a state directory of a test's own, and a fleet of toys."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.durable import ToyFleet


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(directory))
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)
    return directory


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[ToyFleet]:
    with closing(ToyFleet(tmp_path / "fleet", 3)) as fleet:
        yield fleet.build()
