"""The store: deliveries are accepted once, also by other processes, and nothing sent is lost or shown."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.decision import SuppressedBy
from remediate.alerts.intake import Replayed
from remediate.alerts.policy import PolicyMode
from remediate.alerts.store import AlertStore
from remediate.errors import JournalError
from support.alerting import BEARER, HOSTILE, NOON, SIGNED, Desk, alert, over

ONE = SIGNED.model_copy(update={"delivery": "msg_1"})


def test_a_signature_counts_once(desk: Desk, url: str) -> None:
    desk.take(alert(), by=ONE)
    for minutes in (0, 4, 11):
        with pytest.raises(Replayed, match="grafana was accepted before"):
            desk.take(alert(pod="2"), by=ONE, later=minutes)
    desk.take(alert(), by=ONE.model_copy(update={"delivery": "msg_2"}))
    desk.take(alert(), by=ONE.model_copy(update={"source": "uptime"}))
    with AlertStore.open(url, project="shop") as again, pytest.raises(Replayed):
        Desk(again, desk.policy).take(alert(), by=ONE)
    with AlertStore.open(url, project="other") as other:
        Desk(other, desk.policy).take(alert(), by=ONE)
    assert [kept.alert.labels.get("pod") for kept in desk.store.recorded(NOON)] == [None, None]


def test_it_is_remembered_for_longer_than_it_is_accepted(desk: Desk) -> None:
    desk.take(alert(), by=ONE)
    with pytest.raises(Replayed):
        desk.take(alert(), by=ONE, later=24 * 60)
    desk.take(alert(), by=ONE, later=1)


def test_a_bearer_s_delivery_has_no_id(desk: Desk) -> None:
    assert [desk.one(alert(source="prometheus"), by=BEARER).suppressed_by for _ in range(2)] == [
        None,
        SuppressedBy.REPEATED,
    ]


def test_a_delivery_that_failed_is_accepted_when_it_is_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard Webhooks repeats it with the same id."""

    def fails(*_: object, **__: object) -> None:
        raise JournalError("the journal is full")

    monkeypatch.setattr("remediate.alerts.ledger.Ledger.begin", fails)
    with pytest.raises(JournalError):
        desk.take(alert(), by=ONE)
    monkeypatch.undo()
    assert desk.one(alert(), by=ONE).mode is PolicyMode.AUTO


def test_of_many_at_once_one_is_the_first(desk: Desk) -> None:
    def accepted(number: int) -> bool:
        try:
            desk.take(alert(pod=str(number)), by=ONE)
        except Replayed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(accepted, range(8))).count(True) == 1
    assert len(desk.store.recorded(NOON)) == 1


def test_of_many_at_once_one_decides(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: desk.one(alert(pod=str(number))), range(8)))
    assert [each.mode for each in found].count(PolicyMode.AUTO) == 1
    assert [each.suppressed_by for each in found].count(SuppressedBy.STORM) == 7


def test_texts_are_recorded_as_they_were_sent(desk: Desk) -> None:
    labels = {f"l{number}": value for number, value in enumerate(HOSTILE)}
    one = alert(labels=labels).model_copy(update={"annotations": {"summary": "\x00\x1b[2J{{ 7 * 7 }}"}, "starts": NOON})
    desk.take(one)
    desk.take(over(one), later=3)
    begun, ended = desk.store.recorded(NOON)
    assert begun.alert == one
    assert (ended.alert, ended.at) == (over(one), NOON + timedelta(minutes=3))
    assert begun.authentication == SIGNED


def test_a_secret_is_not_stored(desk: Desk, tmp_path: Path, url: str) -> None:
    one = alert(dsn="mysql://root:hunter2@db/x").model_copy(
        update={"annotations": {"summary": "DB_PASSWORD=hunter2", "token": "Authorization: Bearer hunter2hunter2"}}
    )
    one = one.model_copy(update={"labels": {**one.labels, "password": "hunter2", "api_key": 'hunter2"\n'}})
    desk.take(one)
    (kept,) = desk.store.recorded(NOON)
    assert "hunter2" not in repr(kept)
    assert kept.alert.labels["host"] == "web1"


@pytest.mark.parametrize("value", ["-----BEGIN RSA PRIVATE KEY-----\nhunter2", 'password="hunter2', "{'token': '"])
def test_half_a_secret_can_be_recorded(desk: Desk, value: str) -> None:
    desk.take(alert(token="a", trailing=value, z="b"))
    (kept,) = desk.store.recorded(NOON)
    assert "hunter2" not in repr(kept)
    assert kept.alert.labels.keys() == alert(token="a", trailing=value, z="b").labels.keys()


def test_importing_it_is_cheap() -> None:
    look = "import sys; import remediate.alerts.intake; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_what_is_recorded_says_how_it_came(desk: Desk) -> None:
    desk.take(alert(), by=Authentication(how=Means.TERMINAL, source="terminal"))
    (kept,) = desk.store.recorded(NOON)
    assert kept.authentication == Authentication(how=Means.TERMINAL, source="terminal")
    assert desk.store.recorded(NOON + timedelta(seconds=1)) == ()
