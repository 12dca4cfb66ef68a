"""Forecasts when a resource will be full, and how reliable the forecast is.

Pure arithmetic about days and percent, for any resource.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from remediate.maintenance.item import Point

MIN_DAYS: Final = 7
"""Days that a line must span. The use of many disks follows the days of the week."""
MIN_POINTS: Final = 5
"""Days with a measurement that a line needs. With fewer, Sen's slope has no interval."""
FALL: Final = 5.0
"""Drop within a day, in percentage points, that means a cleanup or a larger disk."""
_RECENT: Final = (28, 14)
"""Days of the additional recent fits, for recent changes; whole weeks, see MIN_DAYS."""
_Z: Final = 1.96
"""Normal deviate of the 95 % confidence interval."""
_FITS: Final = 0.5
"""Fraction of the variation that a line must explain before it gives a date."""
_HORIZON: Final = 3650
"""Days after which a forecast date means nothing."""


class TrendLine(NamedTuple):
    """A robust line through points: one odd day does not change it."""

    per_day: float
    """Slope, in percentage points a day."""
    low: float
    high: float
    """Bounds of the slope: 95 % confidence, if the days are independent."""
    level: float
    """The line's value on the last day, in percent."""
    spread: float
    """Median distance of the points from the line, in percentage points."""
    fit: float
    """Fraction of the variation that it explains, 0 to 1."""
    days: int
    """Days from the first point to the last, both included."""
    points: int

    @property
    def grows(self) -> bool:
        """Return whether its rise is more than chance, and the line explains the measurements."""
        return self.low > 0 and self.fit >= _FITS


class Forecast(NamedTuple):
    """The days on which a limit is reached."""

    line: TrendLine
    last: datetime
    """Time of the line's last point, where it has the value `level`."""
    likely: date | None
    """None if not within ten years."""
    earliest: date | None
    latest: date | None
    """None with a likely date: perhaps never."""

    def at(self, moment: datetime) -> float:
        """Return the line's value at a moment, in percent."""
        return self.line.level + self.line.per_day * _days(self.last, moment)


class Trend(NamedTuple):
    """The daily measurements, and the forecasts from them."""

    points: tuple[Point, ...]
    """The greatest value of each day since the last big drop; see also `peaks`."""
    falls: tuple[date, ...]
    """Days of cleanups."""
    peaks: bool
    """True if `points` are the peaks before each drop, because there were many drops."""
    whole: Forecast | None
    """From all points; None if they are too few."""
    recent: tuple[Forecast, ...]
    """From the last weeks alone, if there are points before them.

    If cleanups are regular, it is from the points since the last one, if that is longer ago than ever before.
    """

    @property
    def forecasts(self) -> tuple[Forecast, ...]:
        """All forecasts, the one from all points first."""
        return (*(() if self.whole is None else (self.whole,)), *self.recent)

    def higher(self, forecast: Forecast) -> bool:
        """Return whether the forecast's line has led higher than ever before.

        A rise to a height that was reached and left before may be a season.
        """
        start = forecast.last - timedelta(days=forecast.line.days)
        before = max((point.value for point in self.points if point.at < start), default=0.0)
        return min(forecast.line.level, self.points[-1].value) > before


def trend(points: Sequence[Point], limit: float) -> Trend:
    """Return the trend of measurements, oldest first, at least one. `limit` is in percent.

    A big drop ends what came before. After a cleanup the line starts again, or it would promise that the next cleanup
    comes without anybody's action. If drops are regular, the peaks before them are what may reach the limit.
    """
    daily = _daily(points)
    cuts = [number for number, (one, other) in enumerate(pairwise(daily), 1) if one.value - other.value >= FALL]
    pieces = [daily[start:end] for start, end in zip([0, *cuts], [*cuts, len(daily)], strict=True)]
    heights = tuple(max(piece, key=lambda point: point.value) for piece in pieces if piece)
    if len(heights) > 1 and heights[-1].value < heights[-2].value:
        heights = heights[:-1]  # the last peak is not reached yet
    peaks = len(heights) >= MIN_POINTS
    fitted = heights if peaks else tuple(pieces[-1])
    today = daily[-1]
    whole = _forecast(fitted, limit, today)
    parts: list[list[Point]] = []
    if not peaks:
        parts = [[point for point in fitted if point.at > today.at - timedelta(days=days)] for days in _RECENT]
    elif _length(pieces[-1]) > max(map(_length, pieces[:-1])):
        parts = [pieces[-1]]  # the usual cleanup did not happen
    shorter = (part for part in parts if peaks or len(part) < len(fitted))
    recent = [found for part in shorter if (found := _forecast(part, limit, today)) is not None]
    return Trend(fitted, tuple(daily[number].at.date() for number in cuts), peaks, whole, tuple(recent))


def fitted_line(points: Sequence[Point]) -> TrendLine | None:
    """Return the Theil-Sen line, the median of all pairs' slopes; None for too few points.

    The interval is Sen's, by the normal approximation of Kendall's statistic (P. K. Sen, Estimates of the regression
    coefficient based on Kendall's tau, 1968). Equal values make it somewhat wider than necessary.
    """
    if len(points) < MIN_POINTS or spanned(points) < MIN_DAYS:
        return None
    places = [(_days(points[-1].at, point.at), point.value) for point in points]
    slopes = sorted(
        (y2 - y1) / (x2 - x1) for number, (x1, y1) in enumerate(places) for x2, y2 in places[number + 1 :] if x2 > x1
    )
    slope = median(slopes)
    count = len(places)
    reach = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = slopes[max(0, math.floor((len(slopes) - reach) / 2))]
    high = slopes[min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))]
    level = median(y - slope * x for x, y in places)
    rest = [abs(y - slope * x - level) for x, y in places]
    spread, middle = median(rest), median(y for _, y in places)
    varied = sum(abs(y - middle) for _, y in places)
    return TrendLine(
        per_day=slope,
        low=low,
        high=high,
        level=level,
        spread=spread,
        fit=max(0.0, 1 - sum(rest) / varied) if varied else 1.0,
        days=spanned(points),
        points=count,
    )


def spanned(points: Sequence[Point]) -> int:
    """Return the number of days (UTC) from the first point to the last, both counted.

    There must be at least one point.
    """
    return (points[-1].at.date() - points[0].at.date()).days + 1


def _forecast(points: Sequence[Point], limit: float, today: Point) -> Forecast | None:
    line = fitted_line(points)
    if line is None:
        return None
    # The line may end at a peak before today, so it is continued from its own last point.
    last = points[-1].at.date()
    likely, latest = _reached(last, line.level, line.per_day, limit), _reached(last, line.level, line.low, limit)
    earliest = min(
        filter(None, (_reached(today.at.date(), today.value, line.high, limit), likely)),
        default=_reached(last, line.level, line.high, limit),
    )
    found = [None if each is None else max(each, today.at.date()) for each in (likely, earliest, latest)]
    return Forecast(line, points[-1].at, *found)


def _reached(start: date, level: float, per_day: float, limit: float) -> date | None:
    if level >= limit:
        return start
    days = (limit - level) / per_day if per_day > 0 else math.inf
    return start + timedelta(days=math.floor(days)) if days <= _HORIZON else None


def _daily(points: Sequence[Point]) -> list[Point]:
    """Return each day's greatest value (UTC), but the last day's newest one.

    Many looks on one day must not outweigh the other days, and a cleanup of today must count.
    """
    days: dict[date, Point] = {}
    for point in points:
        known = days.get(point.at.date())
        if known is None or point.value >= known.value:
            days[point.at.date()] = point
    days[points[-1].at.date()] = points[-1]
    return [days[day] for day in sorted(days)]


def _length(piece: Sequence[Point]) -> timedelta:
    return piece[-1].at - piece[0].at


def _days(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(days=1)
