"""A health test: every host of the inventory is healthy, as `check.app-down` sees it. It changes nothing.

Put it beside `inventories/`, and run `pytest test_health.py` there: after a deploy, or on a schedule.
"""

from pathlib import Path
from typing import Final

import pytest

import remediate
from remediate.playbooks.app_down import app_down

INVENTORY: Final = Path("inventories/prod.yml")


@pytest.mark.parametrize("host", remediate.Inventory.load([INVENTORY]).host_names)
def test_the_application_is_healthy(host: str) -> None:
    """Fail for anything else than healthy, with what was seen: unknown and unreachable are failures, too."""
    report = remediate.run(app_down, host, inventory=INVENTORY, options=remediate.Options(plan=True, timeout=60))
    (outcome,) = report.hosts
    wrong = [f"{reading.label}: {reading.note}" for reading in outcome.before if reading.ok is False]
    why = [] if outcome.error is None else [outcome.error.message]
    assert outcome.verdict is remediate.RunVerdict.HEALTHY, "; ".join([outcome.verdict.value, *why, *wrong])
