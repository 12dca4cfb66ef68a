"""Due and overdue maintenance, on a fake clock."""

from datetime import timedelta

import pytest

from remediate.maintenance import status as module
from remediate.maintenance.catalogue import of_occasion
from remediate.maintenance.report import TEAM, MaintenanceReport, Subject
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import MaintenanceSettings
from remediate.maintenance.status import Standing, overdue_line, status, status_lines
from support.toy_maintenance import DAY, NOW, looked, report, result

SETTINGS = MaintenanceSettings()


@pytest.fixture(autouse=True)
def _duties(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is told of every occasion, whatever the catalogue has for it."""
    monkeypatch.setattr(module, "of_occasion", lambda occasion: of_occasion(occasion) or of_occasion(Occasion.MONTHLY))


def standing(*latest: MaintenanceReport, occasion: Occasion, settings: MaintenanceSettings = SETTINGS) -> Standing:
    (found,) = (each for each in status(latest, looked(*latest), settings, NOW).standings if each.occasion is occasion)
    return found


@pytest.mark.parametrize(
    ("occasion", "period"),
    [
        (Occasion.DAILY, DAY),
        (Occasion.WEEKLY, 7 * DAY),
        (Occasion.MONTHLY, 31 * DAY),
        (Occasion.QUARTERLY, 92 * DAY),
    ],
)
def test_overdue_is_what_is_late_by_a_tenth_of_its_period(occasion: Occasion, period: timedelta) -> None:
    def late(ago: timedelta) -> float | None:
        host = TEAM if occasion is Occasion.QUARTERLY else "web1"
        return standing(report(result(), host=host, occasion=occasion, ago=ago), occasion=occasion).overdue_seconds

    second = timedelta(seconds=1)
    assert late(period - second) is None
    assert late(period + period / 10 - second) is None
    assert late(period + period / 10) == (period / 10).total_seconds()
    assert late(3 * period) == (2 * period).total_seconds()


def test_the_checklist_has_no_frequency_and_is_never_overdue() -> None:
    done = standing(report(result(), occasion=Occasion.CHECKLIST, ago=999 * DAY), occasion=Occasion.CHECKLIST)
    assert (done.due, done.overdue_seconds) == (None, None)


def test_what_was_never_done_has_one_line_that_says_what_to_type() -> None:
    never = standing(occasion=Occasion.MONTHLY)
    assert (never.done, never.well, never.due, never.overdue) == (None, None, None, None)
    shown = list(status_lines(status([], {}, SETTINGS, NOW), "remediate"))
    assert (
        "monthly     -                         never done (Tech Lead): remediate maintain.monthly --host NAME" in shown
    )
    assert "quarterly   the team                  never done (Team): remediate maintain.quarterly" in shown


def test_an_occasion_without_duties_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "of_occasion", lambda _: ())
    assert status([report(result(), ago=40 * DAY)], {}, SETTINGS, NOW).standings == ()


def test_each_host_has_its_line_with_what_is_open() -> None:
    latest = [
        report(result(True), host="web1", ago=2 * DAY),
        report(result(False), result(True, "b"), result(None, "c"), host="web2", ago=40 * DAY),
        report(error="gone", host="web3", ago=DAY),
    ]
    found = [
        each for each in status(latest, looked(*latest), SETTINGS, NOW).standings if each.occasion is Occasion.MONTHLY
    ]
    assert [(each.subject, each.well, [item.item for item in each.open]) for each in found] == [
        ("web1", True, []),
        ("web2", False, ["capacity", "c"]),
        ("web3", False, []),
    ]
    shown = [
        line
        for line in status_lines(status(latest, looked(*latest), SETTINGS, NOW), "invoke")
        if line.startswith("monthly")
    ]
    assert shown == [
        "monthly     web1                      2026-11-21 18:00Z  all well; next 2026-12-22 18:00Z",
        (
            "monthly     web2                      2026-10-14 18:00Z  open: capacity, c (Tech Lead); OVERDUE by 9 d "
            "(Tech Lead): invoke maintain.monthly --host web2"
        ),
        "monthly     web3                      not reached; never looked at",
    ]


def test_a_host_that_is_not_reached_is_due_since_it_last_was() -> None:
    before, tried = report(result(True), ago=60 * DAY), report(error="no route to host", ago=DAY)
    now = status([tried], looked(before, tried), SETTINGS, NOW)
    (found,) = (each for each in now.standings if each.occasion is Occasion.MONTHLY)
    assert (found.reached, found.well, found.done) == (False, False, NOW - 60 * DAY)
    assert found.overdue == 29 * DAY
    shown = next(
        line for line in status_lines(status([tried], looked(before), SETTINGS, NOW), "invoke") if "web1" in line
    )
    assert "not reached; last looked at 2026-09-24 18:00Z; OVERDUE by 29 d" in shown


def test_hosts_of_the_inventory_that_nobody_looked_at_share_a_line_and_those_that_are_gone_are_not_due() -> None:
    latest = [report(result(True), host="web1", ago=DAY), report(result(True), host="gone", ago=300 * DAY)]
    hosts = ("web1", *(f"new{number}" for number in range(7)))
    found = status(latest, looked(*latest), SETTINGS, NOW, hosts=hosts)
    shown = [line for line in status_lines(found, "invoke") if line.startswith("monthly")]
    assert shown == [
        "monthly     gone                      2026-01-27 18:00Z  all well",
        "monthly     web1                      2026-11-22 18:00Z  all well; next 2026-12-23 18:00Z",
        (
            "monthly     new0, new1, new2, new3, new4 and 2 more  never done (Tech Lead): "
            "invoke maintain.monthly --host new0"
        ),
    ]


def test_owners_are_those_of_the_configuration() -> None:
    own = MaintenanceSettings(owners={"capacity": "Ana"})
    assert standing(occasion=Occasion.MONTHLY, settings=own).owners == ("Ana",)
    seen = report(result(False), result(None, "c"), ago=40 * DAY)
    (line,) = (
        line for line in status_lines(status([seen], looked(seen), own, NOW), "invoke") if line.startswith("monthly")
    )
    assert "open: capacity (Ana); c (Tech Lead); OVERDUE" in line


def test_whoever_watches_is_told_whose_it_is_and_what_to_type() -> None:
    late = standing(report(result(), ago=40 * DAY), occasion=Occasion.MONTHLY)
    assert overdue_line(late, "remediate") == (
        "maintenance monthly of web1 is overdue by 9 d (Tech Lead): remediate maintain.monthly --host web1"
    )
    review = MaintenanceReport.of(
        "1", Occasion.QUARTERLY, "ana", NOW - 200 * DAY, NOW, (Subject(name=TEAM, results=(result(),)),)
    )
    team = standing(review, occasion=Occasion.QUARTERLY)
    assert overdue_line(team, "remediate").endswith("(Team): remediate maintain.quarterly")


def test_the_document_says_the_same_as_the_lines() -> None:
    late = report(result(False), ago=40 * DAY)
    document = status([late], looked(late), SETTINGS, NOW).model_dump(mode="json", by_alias=True)
    assert document["schema"] == "remediate.maintenance-status/1"
    (monthly,) = (each for each in document["standings"] if each["occasion"] == "monthly")
    assert (monthly["subject"], monthly["overdue_seconds"]) == ("web1", 9 * 86400)
    assert monthly["open"] == [{"item": "capacity", "owner": "Tech Lead"}]
