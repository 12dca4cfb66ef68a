"""A text plot of a trend: measurements, forecast and limit.

It is drawn here because plotting libraries use Braille, which a mail's font may lack, or take seconds to import.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from remediate.maintenance.item import Point
from remediate.maintenance.trend import Forecast

_WIDTH: Final = 66
_ROWS: Final = (5, 21)
"""Minimum and maximum number of rows."""
_STEPS: Final = (1, 5)
"""Percentage points from one row to the next. The usual limits then have their own row."""
_EVERY: Final = 14
"""Columns between two dates."""
_MEASURED, _AHEAD, _LIMIT = "•", "·", "┈"


class _Window(NamedTuple):
    """The drawn range of time and percent; 100 % is always at the top."""

    start: datetime
    end: datetime
    rows: int
    step: int

    def column(self, at: datetime) -> int:
        return round((at - self.start) / (self.end - self.start) * (_WIDTH - 1))

    def moment(self, column: int) -> datetime:
        return self.start + (self.end - self.start) * (column / (_WIDTH - 1))

    def row(self, value: float) -> int:
        return min(self.rows - 1, max(0, round((100 - value) / self.step)))


def plotted(title: str, points: Sequence[Point], forecast: Forecast | None, limit: float) -> tuple[str, ...]:
    """Draw the measurements, and the forecast as far ahead as is useful.

    `points` are oldest first, at least one. Lines are at most 79 columns wide and have no colours, for terminals,
    documents and mails alike.
    """
    window = _window(points, forecast, limit)
    said = f"{_MEASURED} measured   {_LIMIT} {limit:g} % counts as full"
    ahead = "" if forecast is None else f"   {_AHEAD} if it goes on like this"
    return (title, f"{'':7}{said}{ahead}", *_rows(_drawn(points, forecast, limit, window), window), *_dates(window))


def _window(points: Sequence[Point], forecast: Forecast | None, limit: float) -> _Window:
    start, now = points[0].at, points[-1].at
    end = now
    if forecast is not None:
        # Show at most as much future as past: a distant date would squeeze the measurements together.
        end = now + max(now - start, timedelta(days=30))
        if forecast.likely is not None:
            likely = datetime.combine(forecast.likely, time(), tzinfo=now.tzinfo)
            end = max(now, min(end, likely + (likely - start) / 10))
    depth = 100 - min(*(point.value for point in points), limit)
    step = next(step for step in _STEPS if depth <= step * (_ROWS[1] - 1))
    rows = max(_ROWS[0], math.ceil(depth / step) + 1)
    return _Window(start, max(end, start + timedelta(days=1)), rows, step)


def _drawn(points: Sequence[Point], forecast: Forecast | None, limit: float, window: _Window) -> list[list[str]]:
    """Return the canvas; measurements are drawn over the forecast, and both over the limit."""
    canvas = [[" "] * _WIDTH for _ in range(window.rows)]
    canvas[window.row(limit)] = [_LIMIT] * _WIDTH
    now = points[-1].at
    if forecast is not None:
        for column in range(window.column(now) + 1, _WIDTH):
            if (value := forecast.at(window.moment(column))) <= 100:
                canvas[window.row(value)][column] = _AHEAD
    for point in points:
        canvas[window.row(point.value)][window.column(point.at)] = _MEASURED
    return canvas


def _rows(canvas: Sequence[Sequence[str]], window: _Window) -> Iterator[str]:
    for number, row in enumerate(canvas):
        label = f"{100 - number * window.step:3d} %" if number % 2 == 0 else ""
        yield f"{label:>5} ┤{''.join(row)}".rstrip()


def _dates(window: _Window) -> Iterator[str]:
    ticks = range(0, _WIDTH - len("2026-11-23"), _EVERY)
    yield f"{'':6}└{''.join('┬' if column in ticks else '─' for column in range(_WIDTH))}"
    yield f"{'':7}{''.join(f'{window.moment(column):%Y-%m-%d}'.ljust(_EVERY) for column in ticks)}".rstrip()
