"""The plot of a trend: everything measured is on it, where it belongs."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from remediate.maintenance.item import Point
from remediate.maintenance.plot import plotted
from remediate.maintenance.trend import trend

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)

STEADY = """\
/
       • measured   ┈ 95 % counts as full   · if it goes on like this
100 % ┤                                                                 ·
      ┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈········┈
 90 % ┤                                                  ·······
      ┤                                          ········
 80 % ┤                                  • ••• •·
      ┤                           • ••• •
 70 % ┤                   •• •• ••
      ┤            • ••• •
 60 % ┤    •• •• ••
      ┤•• •
      └┬─────────────┬─────────────┬─────────────┬───────────────────────
"""


def points(values: list[float]) -> list[Point]:
    return [Point(NOW - timedelta(days=len(values) - 1 - day), value) for day, value in enumerate(values)]


def test_a_disk_that_fills_steadily_as_a_person_sees_it() -> None:
    measured = points([55 + 0.9 * day for day in range(30)])
    drawn = plotted("/", measured, trend(measured, 95).whole, 95)
    assert "\n".join(drawn[:-1]) + "\n" == STEADY
    assert drawn[-1].split() == ["2026-10-25", "2026-11-04", "2026-11-15", "2026-11-25"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=400), st.integers(50, 100))
def test_whatever_was_measured_it_fits_on_a_terminal(values: list[float], limit: int) -> None:
    measured = points(values)
    drawn = plotted("/srv", measured, trend(measured, limit).whole, limit)
    assert 9 <= len(drawn) <= 25
    assert max(map(len, drawn)) <= 73, "with a margin of six, a terminal of 80 columns"
    assert any("•" in line for line in drawn[2:-2])
    assert all(line == line.rstrip() for line in drawn)


def test_without_a_forecast_none_is_drawn() -> None:
    drawn = plotted("/", points([40, 41]), None, 95)
    assert "·" not in "".join(drawn)
