"""Forecasts when a resource will be full, and how reliable the forecast is.

Pure arithmetic about days and percent. Nothing here knows what it is that fills up.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from remediate.maintenance.item import Point

MIN_DAYS: Final = 7
"""A line needs points over a whole week at least: many disks breathe with the days of the week."""
MIN_POINTS: Final = 5
"""Days on which something was measured; with fewer the interval of Sen's slope does not exist."""
FALL: Final = 5.0
"""Percentage points that are lost from one day to the next when somebody made room, or the disk grew."""
_RECENT: Final = (28, 14)
"""Days that are looked at by themselves as well, for what began lately; whole weeks, see MIN_DAYS."""
_Z: Final = 1.96
"""The normal deviate of an interval that holds the true slope 95 times in 100."""
_FITS: Final = 0.5
"""The part of all variation that a line has to explain before a date is read off it."""
_HORIZON: Final = 3650
"""Days after which a date says nothing any more."""


class TrendLine(NamedTuple):
    """A line through points: robust, so that one day's accident does not turn it."""

    per_day: float
    """Its slope, in percentage points a day."""
    low: float
    high: float
    """Between these the true slope is, 95 times in 100, were every day independent of the others."""
    level: float
    """Where the line stands on the last day."""
    spread: float
    """The median distance of the points from it."""
    fit: float
    """The part of all variation that it explains, 0 to 1."""
    days: int
    """From the first point to the last."""
    points: int

    @property
    def grows(self) -> bool:
        """Whether that it rises is more than chance, and explains what was measured."""
        return self.low > 0 and self.fit >= _FITS


class Forecast(NamedTuple):
    """When a limit is reached."""

    line: TrendLine
    last: datetime
    """When the line's last point was: there it is at its level."""
    likely: date | None
    """None: not within ten years."""
    earliest: date | None
    latest: date | None
    """None with a likely date: perhaps never."""

    def at(self, moment: datetime) -> float:
        """Where the line stands at a moment, in percent."""
        return self.line.level + self.line.per_day * _days(self.last, moment)


class Trend(NamedTuple):
    """What was measured, a value a day, and what follows from it."""

    points: tuple[Point, ...]
    """Since the last big fall; of each day the greatest value."""
    falls: tuple[date, ...]
    """On which days room was made."""
    peaks: bool
    """Whether the points are the heights before each fall, since there were many."""
    whole: Forecast | None
    """By all points; None when they are too few."""
    recent: tuple[Forecast, ...]
    """By the last weeks alone, where that is less than everything; where cleanups are the rule, since the last one,
    if that is longer ago than it ever was."""

    @property
    def forecasts(self) -> tuple[Forecast, ...]:
        """All of them, that of all points first."""
        return (*(() if self.whole is None else (self.whole,)), *self.recent)

    def higher(self, forecast: Forecast) -> bool:
        """Whether it has led higher than ever before; what rises to a height that it left before may be a season."""
        start = forecast.last - timedelta(days=forecast.line.days)
        before = max((point.value for point in self.points if point.at < start), default=0.0)
        return min(forecast.line.level, self.points[-1].value) > before


def trend(points: Sequence[Point], limit: float) -> Trend:
    """Look at what was measured, at least once, oldest first; `limit` is what must not be reached.

    A fall of several points ends what came before: after a cleanup the line begins anew, or it would promise that the
    next cleanup comes by itself. Where falls are the rule, the heights before them are what may reach the limit.
    """
    daily = _daily(points)
    cuts = [number for number, (one, other) in enumerate(pairwise(daily), 1) if one.value - other.value >= FALL]
    pieces = [daily[start:end] for start, end in zip([0, *cuts], [*cuts, len(daily)], strict=True)]
    heights = tuple(max(piece, key=lambda point: point.value) for piece in pieces if piece)
    if len(heights) > 1 and heights[-1].value < heights[-2].value:
        heights = heights[:-1]  # it is still on its way up
    peaks = len(heights) >= MIN_POINTS
    fitted = heights if peaks else tuple(pieces[-1])
    today = daily[-1]
    whole = _forecast(fitted, limit, today)
    parts: list[list[Point]] = []
    if not peaks:
        parts = [[point for point in fitted if point.at > today.at - timedelta(days=days)] for days in _RECENT]
    elif _length(pieces[-1]) > max(map(_length, pieces[:-1])):
        parts = [pieces[-1]]  # a cleanup was due, and did not come
    shorter = (part for part in parts if peaks or len(part) < len(fitted))
    recent = [found for part in shorter if (found := _forecast(part, limit, today)) is not None]
    return Trend(fitted, tuple(daily[number].at.date() for number in cuts), peaks, whole, tuple(recent))


def fitted_line(points: Sequence[Point]) -> TrendLine | None:
    """Return the line of Theil and Sen: the median of the slopes of all pairs; None where the points are too few.

    The interval is Sen's, by the normal approximation of Kendall's statistic (P. K. Sen, Estimates of the regression
    coefficient based on Kendall's tau, 1968). Equal values make it somewhat wider than it had to be.
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
    """How many days (UTC) there are from the first point to the last, both counted; at least one point."""
    return (points[-1].at.date() - points[0].at.date()).days + 1


def _forecast(points: Sequence[Point], limit: float, today: Point) -> Forecast | None:
    line = fitted_line(points)
    if line is None:
        return None
    # The line may be of heights that were reached before today, so it is carried on from its own last point.
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
    """Of each day (UTC) the greatest value, of the last one the newest.

    Who looks often on one day must not outweigh the others, and room that was made today is there.
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
