"""The history of one number of a file system, and the conclusion from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from remediate.maintenance.item import Point
from remediate.maintenance.trend import FALL, MIN_DAYS, MIN_POINTS, Forecast, Trend, spanned


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The history of one number of one file system, and the conclusion."""

    name: str
    mount: str
    points: tuple[Point, ...]
    trend: Trend
    full: bool
    by: date
    """The day until which nothing may be full."""
    limit: int
    gone: bool = False
    """True if it was mounted lately, and is not now."""

    @property
    def deciding(self) -> Forecast | None:
        """The forecast that decides the answer; None if there is none."""
        candidates = self._certain or self.trend.forecasts
        return min(candidates, key=lambda each: each.likely or date.max, default=None)

    @property
    def _certain(self) -> Sequence[Forecast]:
        """Forecasts that reliably reach the limit in time.

        The line grows and fits, has led higher than ever before (so it is no season), and no later forecast contradicts
        it.
        """
        forecasts = self.trend.forecasts
        return [
            each
            for number, each in enumerate(forecasts)
            if each.line.grows
            and self._soon(each.likely)
            and self.trend.higher(each)
            and all(self._soon(later.earliest) for later in forecasts[number + 1 :])
        ]

    def _soon(self, day: date | None) -> bool:
        return day is not None and day <= self.by

    @property
    def jumped(self) -> float:
        """An unusual distance of the last value above the line, in percentage points; else 0."""
        if (whole := self.trend.whole) is None:
            return 0
        line = self.trend.recent[-1].line if self.trend.recent else whole.line
        above = self.points[-1].value - line.level
        return above if above > max(FALL, 5 * line.spread) else 0

    @property
    def ok(self) -> bool | None:
        """Return whether it has room until that day; None if that cannot be known."""
        if self.gone:
            return None
        if self.full or self._certain:
            return False
        whole = self.trend.whole
        doubtful = whole is None or self._soon(whole.earliest) or self.jumped > 0
        return None if doubtful or any(self._soon(each.likely) for each in self.trend.recent) else True

    @property
    def summary(self) -> str:
        """The conclusion in one line."""
        now = self.points[-1].value
        if self.gone:
            return f"{self.name} is not mounted: {now:.1f} % on {self.points[-1].at:%Y-%m-%d}"
        if self.full:
            return f"{self.name} is full: {now:.1f} %"
        if self.trend.whole is None:
            return f"{self.name}: {now:.1f} %, and cannot know when it will be full: {self._too_few}"
        if self.jumped and self.ok is None:
            return (
                f"{self.name}: {now:.1f} %, {self.jumped:.0f} points more than expected: the further growth is unknown"
            )
        when = _when(self.deciding or self.trend.whole)
        return f"{self.name} {'may reach' if self.ok is None else 'reaches'} {self.limit} % {when}"

    @property
    def _too_few(self) -> str:
        known = self.trend.points
        since = f" since room was made on {self.trend.falls[-1]}" if self.trend.falls else ""
        return (
            f"measured on {len(known)} {'day' if len(known) == 1 else 'days'} of {spanned(known)}{since}, "
            f"and it takes {MIN_POINTS} over {MIN_DAYS} days"
        )

    def evidence(self) -> Iterator[str]:
        """Yield the evidence, one line each."""
        if self.gone:
            yield self.summary
            return
        now = f"{self.name}: {self.points[-1].value:.1f} %"
        if self.trend.whole is None:
            yield f"{now}; {self._too_few}"
        for number, each in enumerate(self.trend.forecasts):
            line = each.line
            on = f"{line.points} heights in" if self.trend.peaks else f"measured on {line.points} of"
            yield (
                f"{now if number == 0 else f'{self.name}, lately'}; {on} {line.days} days: "
                f"{line.per_day:+.2f} points a day ({line.low:+.2f} to {line.high:+.2f}), "
                f"{self.limit} % {_when(each)}; the line is typically {line.spread:.1f} points off "
                f"and explains {100 * line.fit:.0f} %"
            )
        if self.jumped:
            yield f"{self.name}: the last value is {self.jumped:.1f} points above the line"
        if self.trend.falls and not self.trend.peaks:
            yield f"{self.name}: room was made on {', '.join(map(str, self.trend.falls[-3:]))}; counted from there"


def _when(forecast: Forecast) -> str:
    if forecast.likely is None:
        early = "" if forecast.earliest is None else f", {forecast.earliest} at the earliest"
        return f"not within ten years{early}"
    latest = "perhaps never" if forecast.latest is None else f"{forecast.latest} at the latest"
    return f"about {forecast.likely} ({forecast.earliest} at the earliest, {latest})"
