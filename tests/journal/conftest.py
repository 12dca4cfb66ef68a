"""Fixtures: a state directory of a test's own, and a journal in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.journal.journal import Journal


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(directory))
    return directory


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal.open() as opened:
        yield opened
