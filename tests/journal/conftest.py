"""Fixtures: a state directory of a test's own, and a journal in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.journal.journal import Journal


@pytest.fixture(autouse=True)
def _own_state(state: Path) -> None:
    """Give every test a state directory."""


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal.open() as opened:
        yield opened
