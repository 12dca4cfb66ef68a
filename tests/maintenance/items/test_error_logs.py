"""Judgement of logged errors: new ones first, and no yes for unread logs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.item import Finding, Past, Point
from remediate.maintenance.items.error_logs import ErrorLogs
from remediate.probes.error_log import ErrorGroup, ErrorLogState
from support import daily_examples as ex
from support.this_machine import command_of
from support.toy_looks import NOW, host, judged, past

ITEM = ErrorLogs()
(PROBE,) = ITEM.probes(host())
PAY = r"ERROR App\Exceptions\Declined at app/Pay.php:12"


def look(state: ErrorLogState, before: Past | None = None) -> Finding:
    return judged(ITEM, {PROBE: state}, before=before)


def after(*groups: ErrorGroup, hours: float = 24) -> Past:
    """The record of a look that found these."""
    return past(ITEM, look(ex.errors(*groups)), hours=hours)


def test_no_errors() -> None:
    found = look(ex.errors())
    assert (found.ok, found.summary, found.samples) == (True, "no errors in 24 h", ())
    assert found.evidence == ("read: laravel.log (40 entries within 7 days)",)


def test_at_the_first_look_everything_is_new() -> None:
    found = look(ex.errors(ex.error(p0=3)))
    assert (found.ok, found.summary) == (False, "3 errors of 1 kind in 24 h, all of them new: this is the first look")
    assert found.evidence[0] == f"NEW {PAY}: 3, 3 a day, last 2026-11-23 17:00Z"
    assert [(sample.name, sample.value) for sample in found.samples] == [(PAY, 3)]
    assert found.advice == ("look at each that is new or more frequent: /srv/app/storage/logs",)


def test_what_is_known_and_steady_is_a_yes_with_the_list() -> None:
    found = look(ex.errors(ex.error(p0=4)), after(ex.error(p0=3)))
    assert (found.ok, found.advice) == (True, ())
    assert found.summary == "4 errors of 1 kind in 24 h, all known and none of them more often than before"
    assert found.evidence[0].startswith(f"{PAY}: 4, 4 a day")


def test_what_is_new_comes_first() -> None:
    found = look(ex.errors(ex.error(p0=90), ex.error(r"App\Gone", "app/B.php:1", p1=1)), after(ex.error(p0=80)))
    assert (found.ok, found.summary) == (False, "91 errors of 2 kinds in 24 h, 1 new")
    assert [line.split()[0] for line in found.evidence] == ["NEW", "ERROR", "read:"]


@pytest.mark.parametrize(("count", "ok"), [(20, True), (21, False)])
def test_growth(count: int, ok: bool) -> None:
    found = look(ex.errors(ex.error(p0=count)), after(ex.error(p0=10)))
    assert found.ok is ok
    assert ("1 more often than before" in found.summary) is not ok
    assert found.evidence[0].startswith("GREW (from 10 a day) ") is not ok


def test_a_bad_day_is_not_hidden_by_quiet_ones() -> None:
    busy_today = look(ex.errors(ex.error(p0=30)), after(ex.error(p0=10), hours=72))
    busy_on_saturday = look(ex.errors(ex.error(p14=100)), after(ex.error(p0=10), hours=72))
    assert [found.ok for found in (busy_today, busy_on_saturday)] == [False, False]
    assert [found.samples[0].value for found in (busy_today, busy_on_saturday)] == [30, 33.3]


def test_everything_since_the_last_look_counts() -> None:
    old = ex.error(r"App\Gone", "app/B.php:1", p20=1)
    assert look(ex.errors(old), after(ex.error(p0=1))).summary == "no errors in 24 h"
    assert look(ex.errors(old), after(ex.error(p0=1), hours=70)).summary == "1 error of 1 kind in 72 h, 1 new"


def test_what_comes_back_is_said_to() -> None:
    before = after(ex.error("Other", p0=1))
    known = {**before.samples, PAY: (Point(NOW - timedelta(days=3), 2.0),)}
    found = look(ex.errors(ex.error(p0=1)), replace(before, samples=known))
    assert (found.ok, found.evidence[0][:23]) == (False, "BACK (last 2026-11-20) ")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reaches": ex.NOW - 7200}, "the log was read back to 2026-11-23 15:00Z only (it is too long)"),
        ({"reaches": ex.NOW - 7200, "unread": ("a.gz",)}, "only (not read: a.gz)"),
        ({"strange": 2}, "2 lines in no format that is known"),
        ({"slip": 120, "future": 3}, "differ by 120 minutes: is it written in UTC, as app.timezone says?"),
        ({"future": 3}, "3 entries from the future"),
        ({"others": 7}, "7 further kinds not listed"),
        ({"writable": False}, "the log cannot be written by the user that reads it"),
        ({"files": (), "records": 0}, "no entry within 7 days: does the application log here?"),
    ],
)
def test_what_may_lack_something_is_never_a_yes(changed: dict[str, object], said: str) -> None:
    doubtful = ex.errors().model_copy(update=changed)
    found = look(doubtful, after(ex.error(p0=3)))
    assert (found.ok, found.summary.startswith("no errors in 24 h; "), said in found.evidence[0]) == (None, True, True)
    found = look(doubtful.model_copy(update={"groups": (ex.error(p0=1),)}))
    assert found.ok is False


def test_a_look_too_long_ago_is_never_a_yes() -> None:
    found = look(ex.errors(), after(ex.error(p0=3), hours=200))
    assert (found.ok, "longer ago than the 7 days" in found.summary) == (None, True)


def test_names_that_masking_makes_one_are_one() -> None:
    one, other = (ex.error(f"Invalid password: {word}", "", p0=2) for word in ("hunter2x", "hunter3x"))
    found = look(ex.errors(one, other))
    assert [(sample.name, sample.value) for sample in found.samples] == [("ERROR Invalid password: ********", 4)]


def test_the_link_of_error_tracking() -> None:
    at = host(links={"error_tracking": "https://flare.example.com/"})
    found = judged(ITEM, {PROBE: ex.errors(ex.error(p0=1))}, at=at)
    assert "https://flare.example.com/ or /srv/app" in found.advice[0]


def test_what_cannot_be_read_escapes() -> None:
    with pytest.raises(Unreadable):
        judged(ITEM, {PROBE: Unreadable("no log")})
    with pytest.raises(ConfigurationError, match="app_path"):
        ITEM.probes(host(app_path=None))


def test_its_only_privilege_is_reading_as_the_application() -> None:
    assert ITEM.privileges(host()) == (PROBE.command(),)
    run = command_of(PROBE)
    assert run.user == "forge"
