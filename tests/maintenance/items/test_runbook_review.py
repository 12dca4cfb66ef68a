"""Judgement of playbooks: unreliable ones, with the reason."""

from datetime import UTC, datetime, timedelta

import pytest

from remediate.maintenance.item import Finding
from remediate.maintenance.items.runbook_review import NEVER_ENDED, RunbookReview, Use

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
WITHIN = timedelta(days=92)
GOOD = Use(playbook="app-down", rehearsed=NOW - timedelta(days=5), current=True, passed=True)


def review(*uses: Use) -> Finding:
    return RunbookReview().review(uses, NOW, WITHIN)


def test_what_was_rehearsed_as_it_is_and_passed_can_be_relied_on() -> None:
    found = review(GOOD.model_copy(update={"used": NOW - timedelta(days=1), "verdicts": {"fixed": 3, "refused": 1}}))
    assert found.ok is True
    assert found.evidence == (
        "app-down: rehearsed on 2026-11-18, passed; last used on 2026-11-22 (fixed 3, refused 1)",
    )
    assert found.advice == ()


def test_never_used_is_told_and_is_nothing_against_it() -> None:
    found = review(GOOD)
    assert found.ok is True
    assert found.evidence[-1] == "never used: app-down"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rehearsed": None, "current": False, "passed": False}, "never rehearsed"),
        ({"current": False}, "changed since its last rehearsal on 2026-11-18"),
        ({"passed": False}, "its last rehearsal, on 2026-11-18, failed"),
        ({"rehearsed": NOW - timedelta(days=93)}, "not rehearsed for 93 days, since 2026-08-22"),
    ],
)
def test_each_way_not_to_be_rehearsed_is_a_no(change: dict[str, object], told: str) -> None:
    found = review(GOOD.model_copy(update=change), GOOD.model_copy(update={"playbook": "cache-down"}))
    assert found.ok is False
    assert found.summary == "1 of 2 playbooks: app-down"
    assert found.evidence[0] == f"app-down: {told}"
    assert found.advice == ("rehearse it: `rehearse.app-down`",)


def test_a_rehearsal_of_exactly_so_many_days_ago_still_counts() -> None:
    assert review(GOOD.model_copy(update={"rehearsed": NOW - WITHIN})).ok is True


@pytest.mark.parametrize(
    ("verdict", "count", "told"),
    [("not_fixed", 2, "not fixed 2 times"), ("unknown", 1, "unknown once"), (NEVER_ENDED, 1, "never ended once")],
)
def test_a_run_that_did_not_help_since_the_last_review_is_a_no(verdict: str, count: int, told: str) -> None:
    found = review(GOOD.model_copy(update={"used": NOW, "verdicts": {verdict: count, "fixed": 9}}))
    assert found.ok is False
    assert found.evidence[0].startswith(f"app-down: {told}; last used on 2026-11-23 (fixed 9")
    assert found.advice == ("see in runs.list and runs.show ID what app-down met, and teach it that",)


@pytest.mark.parametrize("verdict", ["fixed", "healthy", "refused", "unreachable", "interrupted"])
def test_a_run_that_was_refused_or_helped_is_nothing_against_it(verdict: str) -> None:
    assert review(GOOD.model_copy(update={"used": NOW, "verdicts": {verdict: 1}})).ok is True


def test_one_that_cannot_be_loaded_is_a_no_and_so_said() -> None:
    found = review(Use(playbook="shop-down", broken="shop_down.py:3: SyntaxError"), GOOD)
    assert found.ok is False
    assert found.evidence[0] == "shop-down: cannot be loaded: shop_down.py:3: SyntaxError"
    assert found.evidence[-1] == "never used: app-down"


def test_without_any_playbook_there_is_nothing_to_know() -> None:
    assert (review().ok, review().summary) == (None, "there is no playbook")
