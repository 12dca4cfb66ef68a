"""A state directory for every test."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_state(state: Path) -> None:
    """Give every test a state directory."""
