"""Alerts that declare an incident or join one, as the store records it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from remediate.incident.events import Alerted, SeverityChanged
from remediate.incident.store import IncidentStore
from remediate.incident.timeline import entries
from remediate.journal.run_id import new_run_id
from support.toy_incidents import NOON, declared, minutes

SINCE = NOON - timedelta(minutes=10)


@pytest.fixture
def store(url: str) -> Iterator[IncidentStore]:
    with IncidentStore.open(url, project="shop") as opened:
        yield opened


def alert(host: str = "web1", rule: str = "site-down", decision: str | None = None) -> Alerted:
    return Alerted(
        state="declares",
        decision=decision or new_run_id(),
        rule=rule,
        source="prometheus",
        fingerprint="f1",
        name="SiteDown",
        host=host,
    )


def test_a_decision_is_in_one_incident_however_many_take_it_at_once(store: IncidentStore, url: str) -> None:
    decisions = [new_run_id() for _ in range(3)]

    def take(number: int) -> tuple[str, bool]:
        with IncidentStore.open(url, project="shop") as own:
            one = alert(decision=decisions[number % 3])
            return own.alerted("service", NOON, declared(), one, SINCE)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(12)))
    (incident,) = store.incidents()
    assert {of for of, _ in taken} == {incident.id}
    assert sum(new for _, new in taken) == 3
    assert sorted(each.decision for each in incident.alerts) == sorted(decisions)
    assert [each.state for each in incident.alerts].count("declares") == 1


@pytest.mark.parametrize(
    ("second", "later", "joins"),
    [
        (alert(), 60, True),
        (alert(rule="disk"), 60, True),
        (alert("web2"), 5, True),
        (alert("web2"), 60, False),
        (alert("web2", "disk"), 5, False),
    ],
    ids=["the same", "another rule on the host", "a storm on another host", "too late for a storm", "another fault"],
)
def test_what_joins(store: IncidentStore, second: Alerted, later: float, joins: bool) -> None:
    at = minutes(later)
    first, _ = store.alerted("service", NOON, declared(), alert(), SINCE)
    of, new = store.alerted("service", at, declared(), second, at - timedelta(minutes=10))
    assert new
    assert (of == first) is joins


def test_another_project_s_incident_is_not_joined(store: IncidentStore, url: str) -> None:
    with IncidentStore.open(url, project="other") as other:
        theirs, _ = other.alerted("service", NOON, declared(), alert(), SINCE)
    ours, _ = store.alerted("service", NOON, declared(), alert(), SINCE)
    assert ours != theirs


def test_a_severity_that_a_person_lowered_is_not_raised(store: IncidentStore) -> None:
    first, _ = store.alerted("service", NOON, declared("SEV-3"), alert(), SINCE)
    store.append(first, "ana", minutes(1), SeverityChanged(severity=declared("SEV-4").severity))
    store.alerted("service", minutes(2), declared("SEV-1"), alert(rule="disk"), SINCE)
    assert store.load(first).severity.value == "SEV-4"


def test_the_timeline_names_rule_source_and_fingerprint(store: IncidentStore) -> None:
    first, _ = store.alerted("service, rule site-down", NOON, declared(), alert(), SINCE)
    (told,) = [entry for entry in entries(store.load(first)) if entry.title == "alert: SiteDown on web1"]
    assert told.who == "service, rule site-down"
    assert told.details == ("rule site-down, source prometheus, fingerprint f1",)
