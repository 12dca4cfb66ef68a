"""A service that must not start."""

import pytest

from remediate.errors import ConfigurationError
from remediate.service.dbos_engine import DbosEngine
from remediate.service.service import serving
from support.durable import ToyFleet
from support.toy_alerts import SECRETS


def demand_refused(toys: ToyFleet, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Demand that `serve` refuses a project in one line, before anything runs."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(DbosEngine, "launch", lambda _: pytest.fail("it was launched"))
    with pytest.raises(ConfigurationError, match=said) as refused, serving(toys.project):
        pass
    assert len(str(refused.value).splitlines()) == 1
