"""The trend line: its forecasts, and the forecasts that it must not make."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.maintenance.item import Point
from remediate.maintenance.trend import FALL, MIN_DAYS, MIN_POINTS, fitted_line, trend

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def course(days: int, value: Callable[[int], float], *, every: int = 1) -> list[Point]:
    """A value each day up to now."""
    return [Point(NOW - timedelta(days=days - 1 - day), value(day)) for day in range(0, days, every)]


# -- the line ----------------------------------------------------------------------------------------------------------

slopes = st.floats(0.01, 3)
lengths = st.integers(MIN_DAYS, 60)


@given(slopes, lengths, st.floats(0, 50))
def test_a_straight_line_is_found_exactly(slope: float, days: int, start: float) -> None:
    line = fitted_line(course(days, lambda day: start + slope * day))
    assert line is not None
    for found in (line.per_day, line.low, line.high):
        assert found == pytest.approx(slope, abs=1e-6)
    assert line.level == pytest.approx(start + slope * (days - 1), abs=1e-6)
    assert (line.points, line.days, line.grows) == (days, days, True)
    assert line.spread == pytest.approx(0, abs=1e-6)


@given(slopes, st.integers(20, 60), st.data())
def test_one_day_in_six_may_be_anything(slope: float, days: int, data: st.DataObject) -> None:
    spoilt = data.draw(st.sets(st.integers(0, days - 1), max_size=days // 6))
    line = fitted_line(course(days, lambda day: 99.0 if day in spoilt else 20 + slope * day))
    assert line is not None
    # Of all pairs more than half have no spoilt day: (5/6)² is 69 %. Least squares would be anywhere.
    assert line.low <= slope + 1e-6
    assert line.high >= slope - 1e-6


@given(st.lists(st.floats(0, 100), min_size=MIN_POINTS, max_size=40), st.integers(2, 9))
def test_the_interval_holds_the_slope_whatever_comes(values: list[float], every: int) -> None:
    line = fitted_line([Point(NOW + timedelta(days=every * day), value) for day, value in enumerate(values)])
    assert line is not None
    assert line.low <= line.per_day <= line.high
    assert 0 <= line.fit <= 1
    assert line.spread >= 0


@given(st.lists(st.floats(0, 100), min_size=MIN_POINTS, max_size=30), st.floats(-20, 20))
def test_moving_everything_up_moves_the_line_up(values: list[float], by: float) -> None:
    def line(shift: float) -> tuple[float, float]:
        found = fitted_line([Point(NOW + timedelta(days=2 * n), value + shift) for n, value in enumerate(values)])
        assert found is not None
        return found.per_day, found.level

    (slope, level), (other, moved) = line(0), line(by)
    assert other == pytest.approx(slope, abs=1e-6)
    assert moved == pytest.approx(level + by, abs=1e-6)


def test_no_line_without_a_week_or_with_too_few_points() -> None:
    assert fitted_line(course(MIN_DAYS - 1, float)) is None
    assert fitted_line(course(30, float, every=8)) is None
    assert fitted_line(course(MIN_DAYS, float)) is not None
    assert fitted_line(course(33, float, every=8)) is not None
    # A look that begins some seconds earlier than the one a week ago is a week later all the same.
    first, *rest = course(MIN_DAYS, float)
    assert fitted_line([Point(first.at + timedelta(seconds=9), first.value), *rest]) is not None


# -- when it is full ---------------------------------------------------------------------------------------------------


@given(st.floats(0.05, 2), st.integers(MIN_DAYS, 27))
def test_a_disk_that_fills_steadily_is_full_on_that_day(slope: float, days: int) -> None:
    found = trend(course(days, lambda day: 30 + slope * day), 95)
    assert found.whole is not None
    left = (95 - 30 - slope * (days - 1)) / slope
    assert found.whole.likely is not None
    assert abs((found.whole.likely - NOW.date()).days - left) <= 1
    assert found.whole.earliest is not None
    assert found.whole.latest is not None
    assert found.whole.earliest <= found.whole.likely <= found.whole.latest


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(50, 100))
def test_no_date_is_in_the_past_and_dates_are_in_order(values: list[float], limit: float) -> None:
    found = trend(course(len(values), values.__getitem__), limit)
    for each in found.forecasts:
        given = [day for day in (each.earliest, each.likely, each.latest) if day is not None]
        assert given == sorted(given)
        assert all(day >= NOW.date() for day in given)
        if each.likely is None:
            assert each.latest is None


def test_after_a_cleanup_the_line_begins_anew() -> None:
    found = trend(course(40, lambda day: 50 + day if day < 20 else 30 + (day - 20)), 95)
    assert found.falls == (date(2026, 11, 4),)
    assert found.whole is not None
    assert found.whole.line.points == 20
    assert found.whole.line.per_day == pytest.approx(1)
    assert found.whole.likely == date(2027, 1, 8)
    # By all forty days it would seem to stand still.
    whole = fitted_line(course(40, lambda day: 50 + day if day < 20 else 30 + (day - 20)))
    assert whole is not None
    assert not whole.grows


def test_a_cleanup_of_today_is_one_even_when_this_morning_was_worse() -> None:
    points = [*course(30, lambda day: 60 + day), Point(NOW + timedelta(hours=1), 20.0)]
    found = trend(points, 95)
    assert found.falls == (NOW.date(),)
    assert found.whole is None


def test_where_room_is_made_again_and_again_the_heights_count() -> None:
    found = trend(course(70, lambda day: 50 + 2 * (day % 7) + day // 7), 95)
    assert found.peaks
    assert len(found.falls) == 9
    assert found.whole is not None
    assert found.whole.line.per_day == pytest.approx(1 / 7)
    assert not found.recent


def test_where_the_usual_cleanup_did_not_come_the_rise_since_the_last_one_counts() -> None:
    found = trend(course(84, lambda day: 40 + 2 * (day % 7) if day < 63 else 40 + 2.0 * (day - 63)), 95)
    assert found.peaks
    (since,) = found.recent
    assert since.line.grows
    assert found.higher(since)
    assert since.likely == date(2026, 11, 30)
    usual = trend(course(60, lambda day: 40 + 2 * (day % 7)), 95)
    assert usual.peaks
    assert usual.recent == ()


def test_what_began_lately_is_seen_beside_a_quiet_year() -> None:
    found = trend(course(365, lambda day: 30 if day < 350 else 30 + 2.0 * (day - 349)), 95)
    assert found.whole is not None
    assert found.whole.likely is None
    (_, lately) = found.recent
    assert lately.line.grows
    assert lately.likely == date(2026, 12, 10)


def test_many_looks_on_one_day_are_one_day() -> None:
    points = [Point(NOW + timedelta(minutes=number), 40.0 + number) for number in range(30)]
    found = trend(points, 95)
    assert found.points == (points[-1],)
    assert found.whole is None


@pytest.mark.parametrize("drop", [FALL, 4.9])
def test_a_small_fall_is_noise(drop: float) -> None:
    found = trend(course(20, lambda day: 40 + 0.1 * day - (drop + 0.1 if day >= 10 else 0)), 95)
    assert len(found.falls) == (1 if drop >= FALL else 0)
