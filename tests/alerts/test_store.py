"""The store: deliveries are accepted once, also by other processes, and nothing sent is lost or shown."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.decision import Suppression
from remediate.alerts.policy import PolicyMode
from remediate.alerts.store import REMEMBERED, AlertStore
from support.alerting import BEARER, HOSTILE, NOON, SIGNED, Desk, alert, over

ONE = SIGNED.model_copy(update={"delivery": "msg_1"})


def test_a_signature_counts_once(desk: Desk, url: str) -> None:
    assert desk.store.is_new(ONE, NOON)
    assert not desk.store.is_new(ONE, NOON)
    assert desk.store.is_new(ONE.model_copy(update={"delivery": "msg_2"}), NOON)
    assert desk.store.is_new(ONE.model_copy(update={"source": "uptime"}), NOON)
    with AlertStore.open(url, project="shop") as again:
        assert not again.is_new(ONE, NOON + timedelta(minutes=11))
    with AlertStore.open(url, project="other") as other:
        assert other.is_new(ONE, NOON)


def test_it_is_remembered_for_longer_than_it_is_accepted(desk: Desk) -> None:
    assert desk.store.is_new(ONE, NOON)
    assert not desk.store.is_new(ONE, NOON + REMEMBERED)
    assert desk.store.is_new(ONE, NOON + REMEMBERED + timedelta(seconds=1))


def test_a_bearer_s_delivery_has_no_id(desk: Desk) -> None:
    assert desk.store.is_new(BEARER, NOON)
    assert desk.store.is_new(BEARER, NOON)


def test_of_many_at_once_one_is_the_first(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: desk.store.is_new(ONE, NOON), range(8)))
    assert found.count(True) == 1


def test_of_many_at_once_one_decides(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: desk.one(alert(pod=str(number))), range(8)))
    assert [each.mode for each in found].count(PolicyMode.AUTO) == 1
    assert [each.suppressed_by for each in found].count(Suppression.STORM) == 7


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
    desk.take(one)
    (kept,) = desk.store.recorded(NOON)
    assert "hunter2" not in repr(kept)
    assert kept.alert.labels["host"] == "web1"


def test_importing_it_is_cheap() -> None:
    look = "import sys; import remediate.alerts.intake; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_what_is_recorded_says_how_it_came(desk: Desk) -> None:
    desk.take(alert(), by=Authentication(how=Means.TERMINAL, source="terminal"))
    (kept,) = desk.store.recorded(NOON)
    assert kept.authentication == Authentication(how=Means.TERMINAL, source="terminal")
    assert desk.store.recorded(NOON + timedelta(seconds=1)) == ()
