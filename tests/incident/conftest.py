"""Fixtures: a standing clock, and one incident with whoever announces it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.incident.notifier import Notifier
from remediate.incident.record import Incident
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.masking.masker import Masker
from support.announcements import SECRET
from support.clock import Clock
from support.toy_incidents import NOON, declared


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach this machine without a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(state: Path) -> Iterator[IncidentStore]:
    with IncidentStore.open() as opened:
        yield opened


@pytest.fixture
def incident(store: IncidentStore) -> Incident:
    return store.declare("ana", NOON, declared(impact="everybody"))


@pytest.fixture
def notifier(store: IncidentStore, clock: Clock) -> Notifier:
    return Notifier.of(IncidentSettings(), store, root=None, screen=None, masker=Masker([SECRET]), clock=clock)
