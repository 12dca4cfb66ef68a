"""Fixtures: a policy with a store of its own, in SQLite or PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.alerts.store import AlertStore
from support.alerting import Desk, policy


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[Desk]:
    with AlertStore.open(url, project="shop") as store:
        yield Desk(store, policy(tmp_path))
