"""Alerts over time: repetitions, ends, storms and limits, on both databases."""

import tracemalloc
from datetime import timedelta

import pytest

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.decision import SuppressedBy
from remediate.alerts.policy import PolicyMode
from remediate.errors import JournalError
from support.alerting import BEARER, NOON, SIGNED, TYPED, Desk, alert, over

CACHE = alert("CacheDown", severity="page")


def test_a_repeated_alert_starts_nothing(desk: Desk) -> None:
    assert desk.one(CACHE).mode is PolicyMode.PROPOSE
    for number in range(2, 5):
        decision = desk.one(CACHE, later=60)
        assert (decision.mode, decision.suppressed_by) == (None, SuppressedBy.REPEATED)
        assert f"reported {number} times; propose was decided {number - 1} h ago" in decision.reason
        assert (decision.rule, decision.host) == ("cache", "web1")


def test_a_resolved_alert_withdraws_its_proposal_and_can_come_again(desk: Desk) -> None:
    desk.one(CACHE)
    decision = desk.one(over(CACHE), later=5)
    assert (decision.mode, decision.suppressed_by) == (None, SuppressedBy.RESOLVED)
    assert decision.reason.startswith("over after 5 min; the proposal is withdrawn")
    assert "it resolves no incident by itself" in decision.reason
    assert desk.one(over(CACHE)).reason == "no such alert is firing here"
    assert desk.one(CACHE, later=1).mode is PolicyMode.PROPOSE


def test_what_was_started_is_not_withdrawn(desk: Desk) -> None:
    assert desk.one(alert()).mode is PolicyMode.AUTO
    assert "withdrawn" not in desk.one(over(alert())).reason


def test_a_storm_is_one(desk: Desk) -> None:
    many = [alert("CacheDown", severity="page", pod=str(number)) for number in range(50)]
    first, *others = desk.take(*many)
    assert first.mode is PolicyMode.PROPOSE
    assert {(each.mode, each.suppressed_by) for each in others} == {(None, SuppressedBy.STORM)}
    assert others[-1].reason == "one of 50 alerts that are one; propose was decided 0 s ago"
    # Of another host it is another one, and so it is after the window.
    assert desk.one(alert("CacheDown", host="web2", severity="page")).mode is PolicyMode.PROPOSE
    assert desk.one(alert("CacheDown", severity="page", pod="x"), later=9).suppressed_by is SuppressedBy.STORM
    assert desk.one(alert("CacheDown", severity="page", pod="y"), later=2).mode is PolicyMode.PROPOSE


def test_a_proposal_of_a_storm_is_withdrawn_with_its_last_alert(desk: Desk) -> None:
    many = [alert("CacheDown", severity="page", pod=str(number)) for number in range(3)]
    desk.take(*many)
    first, second, last = desk.take(*map(over, many), later=1)
    assert "still firing: 2 more of the same decision" in first.reason
    assert "still firing: 1 more of the same decision" in second.reason
    assert "the proposal is withdrawn" in last.reason
    assert desk.one(alert("CacheDown", severity="page", pod="new")).mode is PolicyMode.PROPOSE


def test_a_terminal_does_not_hide_a_signed_alert(desk: Desk) -> None:
    """Neither as the same alert, nor as its storm; and it does not end it."""
    typed = Authentication(how=Means.TERMINAL, source="grafana")
    assert desk.one(alert(), by=typed).suppressed_by is SuppressedBy.NOT_AUTHENTICATED
    assert desk.one(alert()).mode is PolicyMode.AUTO
    assert desk.one(over(alert()), by=typed).suppressed_by is SuppressedBy.RESOLVED
    assert desk.one(alert()).suppressed_by is SuppressedBy.REPEATED


def test_a_proposal_at_a_terminal_does_not_hide_a_signed_one(desk: Desk) -> None:
    typed = Authentication(how=Means.TERMINAL, source="grafana")
    assert desk.one(CACHE, by=typed).mode is PolicyMode.PROPOSE
    assert desk.one(CACHE, later=1).mode is PolicyMode.PROPOSE
    other = alert("CacheDown", severity="page", pod="2")
    assert desk.one(other, later=1).suppressed_by is SuppressedBy.STORM
    assert desk.one(other, by=typed).suppressed_by is SuppressedBy.STORM


def test_the_late_end_of_an_earlier_time_ends_nothing(desk: Desk) -> None:
    first = alert("CacheDown", severity="page", starts=NOON)
    second = first.model_copy(update={"starts": NOON + timedelta(minutes=20)})
    desk.one(first)
    assert desk.one(second, later=21).mode is PolicyMode.PROPOSE
    late = over(first).model_copy(update={"ends": NOON + timedelta(minutes=15)})
    assert desk.one(late, later=1).reason == "the end of an earlier time: it has begun again since"
    assert desk.one(second, later=1).suppressed_by is SuppressedBy.REPEATED
    # Two senders may give two beginnings; the end counts if it lies after what is known.
    ended = late.model_copy(update={"ends": NOON + timedelta(minutes=24)})
    assert "the proposal is withdrawn" in desk.one(ended, later=1).reason


def test_sources_do_not_answer_for_each_other(desk: Desk) -> None:
    unsigned = alert(source="prometheus")
    assert desk.one(alert()).mode is PolicyMode.AUTO
    assert desk.one(over(unsigned), by=BEARER).reason == "no such alert is firing here"
    assert desk.one(alert()).suppressed_by is SuppressedBy.REPEATED


def test_another_beginning_is_another_fire(desk: Desk) -> None:
    """Its end was never heard: a delivery was lost, or nobody listened."""
    first = alert("CacheDown", severity="page", starts=NOON)
    assert desk.one(first).mode is PolicyMode.PROPOSE
    assert desk.one(first, later=30).suppressed_by is SuppressedBy.REPEATED
    again = alert("CacheDown", severity="page", starts=NOON + timedelta(minutes=20))
    assert desk.one(again, later=1).mode is PolicyMode.PROPOSE
    assert desk.one(first, later=1).suppressed_by is SuppressedBy.REPEATED


def test_what_is_not_heard_of_for_long_is_over(desk: Desk) -> None:
    desk.one(CACHE)
    assert desk.one(CACHE, later=24 * 60 - 1).suppressed_by is SuppressedBy.REPEATED
    assert desk.one(CACHE, later=24 * 60).mode is PolicyMode.PROPOSE


def test_what_nothing_was_decided_about_is_decided_when_the_policy_knows_it(desk: Desk) -> None:
    policy, desk.policy = desk.policy, desk.policy.model_copy(update={"rules": ()})
    assert desk.one(CACHE).suppressed_by is SuppressedBy.NO_RULE
    assert desk.one(CACHE, later=1).suppressed_by is SuppressedBy.NO_RULE
    desk.policy = policy
    assert desk.one(CACHE, later=1).mode is PolicyMode.PROPOSE
    assert desk.one(CACHE, later=1).suppressed_by is SuppressedBy.REPEATED
    (kept,) = desk.store.recorded(NOON - timedelta(days=1))
    assert (kept.at, kept.repeated) == (NOON, 3)


def test_an_unknown_host_is_told_each_time(desk: Desk) -> None:
    for _ in range(2):
        decision = desk.one(alert("CacheDown", host="web9", severity="page"))
        assert (decision.mode, decision.suppressed_by) == (None, SuppressedBy.UNKNOWN_HOST)
        assert "hosts: web1, web2, db1" in decision.reason


def test_the_third_time_in_an_hour_is_for_a_person(desk: Desk) -> None:
    decisions = []
    for _ in range(3):
        decisions.append(desk.one(alert(), later=12))
        desk.one(over(alert()), later=1)
    assert [each.mode for each in decisions] == [PolicyMode.AUTO, PolicyMode.AUTO, PolicyMode.PROPOSE]
    decision = decisions[-1]
    assert decision.suppressed_by is SuppressedBy.HOST_LIMIT
    assert "third time in an hour on web1" in decision.reason
    assert desk.one(alert(host="web2")).mode is PolicyMode.AUTO
    # After an hour there is one more, and that is the last in a day.
    assert desk.one(alert(), later=61).mode is PolicyMode.AUTO
    desk.one(over(alert()))
    decision = desk.one(alert(), later=120)
    assert (decision.mode, decision.suppressed_by) == (PolicyMode.PROPOSE, SuppressedBy.HOST_LIMIT)
    assert "fourth" not in decision.reason
    assert "4th time in a day on web1" in decision.reason


def test_an_alert_that_comes_again_at_once_is_for_a_person(desk: Desk) -> None:
    desk.one(alert())
    desk.one(over(alert()), later=1)
    decision = desk.one(alert(), later=1)
    assert (decision.mode, decision.suppressed_by) == (PolicyMode.PROPOSE, SuppressedBy.COOL_DOWN)
    assert "cool-down until 12:10:00Z" in decision.reason


def test_the_fleet_has_a_limit_of_its_own(desk: Desk) -> None:
    desk.policy = desk.policy.model_copy(
        update={"limits": desk.policy.limits.model_copy(update={"per_fleet_and_hour": 1})}
    )
    assert desk.one(alert()).mode is PolicyMode.AUTO
    assert desk.one(alert(host="web2")).suppressed_by is SuppressedBy.FLEET_LIMIT


def test_paused_and_unrehearsed_are_asked_for_what_could_start(desk: Desk) -> None:
    desk.paused, desk.doubts = "by ana: deploying", {"app-down": "never rehearsed"}
    decision = desk.one(alert())
    assert (decision.mode, decision.suppressed_by) == (PolicyMode.PROPOSE, SuppressedBy.PAUSED)
    assert "by ana: deploying" in decision.reason
    assert "app-down is never rehearsed" in decision.reason
    assert desk.one(CACHE).suppressed_by is None


def test_quiet_hours_are_local(desk: Desk) -> None:
    hours = {"quiet_hours": [{"start": "22:00", "end": "06:00"}]}
    desk.policy = type(desk.policy).model_validate({**desk.policy.model_dump(mode="json"), **hours})
    desk.local = lambda moment: moment + timedelta(hours=11)
    assert desk.one(alert()).suppressed_by is SuppressedBy.QUIET_HOURS


HOSTS = ("web1", "web2", "db1")


def test_a_thousand_alerts_are_one_decision_for_each_host_and_rule(desk: Desk) -> None:
    """In one loop, with 50 of them sent again."""
    different = [alert(host=HOSTS[number % 3], pod=str(number)) for number in range(950)]
    many = [*different, *different[:50]]
    decisions = [each for start in range(0, 1000, 10) for each in desk.take(*many[start : start + 10])]
    assert [each.host for each in decisions if each.mode is PolicyMode.AUTO] == list(HOSTS)
    assert [each.mode for each in decisions].count(None) == 997
    assert [each.suppressed_by for each in decisions].count(SuppressedBy.STORM) == 947
    kept = desk.store.recorded(NOON - timedelta(days=1))
    assert len(kept) == 950
    assert sum(each.repeated for each in kept) == 50


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_memory_stays_flat(desk: Desk) -> None:
    def loop(numbers: range) -> int:
        for number in numbers:
            desk.take(alert(host=HOSTS[number % 3], pod=str(number)))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        loop(range(50))
        assert loop(range(150, 250)) - loop(range(50, 150)) < 256 * 1024
    finally:
        tracemalloc.stop()


def test_if_it_cannot_be_recorded_nothing_is_decided(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.one(CACHE)
    desk.store.close()

    def fails(*_: object, **__: object) -> None:
        raise JournalError("the journal is full")

    monkeypatch.setattr("remediate.alerts.ledger.Ledger.begin", fails)
    with pytest.raises(JournalError):
        desk.take(alert("CacheDown", severity="page", pod="1"))
    monkeypatch.undo()
    assert len(desk.store.recorded(NOON - timedelta(days=1))) == 1


def test_decisions_of_other_projects_do_not_count(desk: Desk, url: str) -> None:
    with type(desk.store).open(url, project="other") as store:
        other = Desk(store, desk.policy)
        assert other.one(CACHE).mode is PolicyMode.PROPOSE
        assert desk.one(CACHE).mode is PolicyMode.PROPOSE
        other.one(over(CACHE))
        assert desk.one(CACHE).suppressed_by is SuppressedBy.REPEATED


@pytest.mark.parametrize("by", [SIGNED, TYPED], ids=["signed", "typed"])
def test_an_observed_alert_is_only_recorded(desk: Desk, by: Authentication) -> None:
    decision = desk.one(alert("Slow", host=None, instance="https://www.example.com/"), by=by)
    assert (decision.mode, decision.action, decision.host) == (PolicyMode.OBSERVE, "triage", "web1")
