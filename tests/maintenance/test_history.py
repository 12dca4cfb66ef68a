"""Stored results, separate by project, host and occasion, in SQLite and PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy

from remediate.journal.schema import maintenance
from remediate.maintenance.history import History
from remediate.maintenance.item import Past, Point
from remediate.maintenance.schedule import Occasion
from support.toy_maintenance import DAY, HOSTILE, NOW, numbers, report, result, used


@pytest.fixture
def history(url: str) -> Iterator[History]:
    with History.open(url, project="shop") as opened:
        yield opened


def past(history: History, host: str = "web1", *, days: int = 400) -> Past:
    return history.past(Occasion.MONTHLY, host, "capacity", since=NOW - days * DAY)


def test_of_what_was_never_looked_at_nothing_is_known(history: History) -> None:
    assert past(history) == Past()
    assert history.latest() == ()


def test_what_was_found_comes_back_with_its_numbers(history: History) -> None:
    kept = report(result(False, samples=(used(81.5),), evidence=("grows",), plot=("•",)), ago=DAY)
    history.keep(kept)
    found = past(history)
    assert (found.previous, found.previous_at) == (kept.subjects[0].results[0], NOW - DAY)
    assert found.samples == {"/": (Point(NOW - DAY, 81.5),)}
    assert history.latest() == (kept,)


def test_numbers_are_kept_at_every_look_and_come_oldest_first(history: History) -> None:
    for days in (3, 9, 1):
        history.keep(numbers("web1", NOW - days * DAY, used(90 - days), used(5, "/ inodes")))
    history.keep(numbers("web1", NOW))
    found = past(history)
    assert found.samples["/"] == tuple(Point(NOW - days * DAY, 90 - days) for days in (9, 3, 1))
    assert len(found.samples["/ inodes"]) == 3
    assert found.previous is None
    assert [point.value for point in past(history, days=3).samples["/"]] == [87, 89]


def test_a_host_an_item_an_occasion_and_a_project_have_their_own(history: History, url: str) -> None:
    history.keep(report(result(samples=(used(50),)), ago=DAY))
    history.keep(report(result(samples=(used(60),)), host="web2", ago=DAY))
    history.keep(report(result(item="backup", samples=(used(70),)), occasion=Occasion.WEEKLY))
    with History.open(url, project="other") as other:
        assert other.latest() == ()
        assert past(other) == Past()
    assert past(history).samples == {"/": (Point(NOW - DAY, 50),)}
    assert history.past(Occasion.WEEKLY, "web1", "capacity", since=NOW - DAY).previous is None
    assert [(each.occasion, each.subjects[0].name) for each in history.latest()] == [
        (Occasion.MONTHLY, "web1"),
        (Occasion.MONTHLY, "web2"),
        (Occasion.WEEKLY, "web1"),
    ]


def test_the_newest_of_each_is_the_latest(history: History) -> None:
    older, newer = report(result(True), ago=2 * DAY), report(result(False), ago=DAY)
    history.keep(newer)
    history.keep(older)
    assert history.latest() == (newer,)


def test_a_look_that_came_to_nothing_does_not_hide_the_answer_before_it(history: History) -> None:
    answered = report(result(False), ago=3 * DAY)
    for each in (answered, report(result(None), ago=2 * DAY), report(error="link lost", ago=DAY)):
        history.keep(each)
    assert past(history).previous_at == NOW - 3 * DAY
    assert history.latest()[0].subjects[0].error == "link lost"
    assert history.done() == {(Occasion.MONTHLY, "web1"): NOW - 2 * DAY}, "who was not reached was not looked at"


def rewrite(url: str, report: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(maintenance.update().values(report=report))
    engine.dispose()


def test_a_report_of_a_newer_version_is_read_and_an_odd_one_is_left_out(history: History, url: str) -> None:
    kept = report(result(True), ago=DAY)
    history.keep(kept)
    text = kept.model_dump_json(by_alias=True)
    rewrite(url, text.replace('"seconds"', '"colour":"blue","seconds"'))
    assert history.latest() == (kept,)
    assert past(history).previous_at == NOW - DAY
    rewrite(url, '{"run": 1}')
    assert history.latest() == ()
    assert past(history).previous is None


def test_text_of_a_host_comes_back_as_it_came(history: History) -> None:
    kept = report(result(summary=HOSTILE, evidence=(HOSTILE,), samples=(used(1, "a' OR 1=1; --"),)))
    history.keep(kept)
    assert history.latest() == (kept,)
    assert list(past(history).samples) == ["a' OR 1=1; --"]


def test_of_many_who_remind_at_once_one_is_the_first(history: History, url: str) -> None:
    def remind(_: int) -> bool:
        with History.open(url, project="shop") as own:
            return own.remind(Occasion.WEEKLY, "web1", done=NOW - 9 * DAY, at=NOW)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(remind, range(6))) == [False] * 5 + [True]
    assert history.remind(Occasion.WEEKLY, "web1", done=NOW - DAY, at=NOW), "done again, overdue again: another one"
    assert history.remind(Occasion.WEEKLY, "web2", done=NOW - 9 * DAY, at=NOW)
