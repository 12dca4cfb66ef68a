"""A dry run: what a policy would have done with what is recorded."""

from datetime import timedelta
from pathlib import Path

import pytest

from remediate.alerts.authentication import at_a_terminal
from remediate.alerts.decision import AlertDecision, Suppression
from remediate.alerts.policy import PolicyMode
from remediate.alerts.replay import replayed
from support.alerting import NOON, Desk, alert, over, policy

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def test_it_decides_as_it_did(desk: Desk) -> None:
    before: list[AlertDecision] = []
    for minutes, by in ((0, None), (1, None), (12, None), (12, at_a_terminal("grafana")), (12, None), (1, None)):
        one = alert(pod=str(len(before)))
        before.append(desk.one(one, later=minutes) if by is None else desk.one(one, by=by, later=minutes))
        if len(before) % 2:
            desk.one(over(one), later=1)
    events = desk.store.recorded(NOON)
    again = [each.decision for each in replayed(desk.intake, events) if each.alert.status.value == "firing"]
    assert again == before
    assert {each.suppressed_by for each in again} >= {None, Suppression.COOL_DOWN}


def test_another_policy_decides_otherwise_and_nothing_is_recorded(desk: Desk, tmp_path: Path) -> None:
    desk.take(alert(), alert("CacheDown", severity="page"))
    before = desk.store.recorded(NOON)
    desk.policy = policy(
        tmp_path, "rules:\n  - {name: a, match: {alertname: SiteDown}, host: {label: host}, action: triage}\n"
    )
    first, second = (each.decision for each in replayed(desk.intake, before))
    assert (first.mode, first.action) == (PolicyMode.PROPOSE, "triage")
    assert second.suppressed_by is Suppression.NO_RULE
    assert desk.store.recorded(NOON) == before
    assert desk.one(alert(), later=1).suppressed_by is Suppression.REPEATED


def test_limits_count_at_the_times_at_which_the_alerts_came(desk: Desk) -> None:
    for _ in range(4):
        desk.one(alert(), later=20)
        desk.one(over(alert()), later=1)
    desk.now += timedelta(days=30)
    modes = [each.decision.mode for each in replayed(desk.intake, desk.store.recorded(NOON)) if each.decision.mode]
    assert modes == [PolicyMode.AUTO, PolicyMode.AUTO, PolicyMode.PROPOSE, PolicyMode.AUTO]


def test_without_records_there_is_nothing(desk: Desk) -> None:
    assert replayed(desk.intake, ()) == ()
