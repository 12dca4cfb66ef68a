"""Capacity planning (8.2): how full the disks are, and when they will be full."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.maintenance.item import Finding, Item, Point, Sample, Seen
from remediate.maintenance.plot import plotted
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.trend import FALL, MIN_DAYS, MIN_POINTS, Forecast, Trend, spanned, trend
from remediate.probes.filesystems import PASSING, DiskSpace, DiskSpaceState, FileSystem

FULL_AT: Final = " full at"
"""Suffix of forecast samples. Their value is when the file system is full, in seconds of Unix time."""
INODES: Final = " inodes"
"""Suffix of the samples about inodes."""
_MISSED: Final = timedelta(days=7)
"""Time for which a file system that is no longer mounted is still reported."""
_PLOTS: Final = 2
_NAME: Final = 160
_WORTH_TELLING: Final = 50
"""Percent of inodes in use below which they are not shown, unless something is wrong."""


def _room(host: Host) -> DiskSpace:
    return DiskSpace(limit=host.settings.limits.disk)


def measured(host: Host, facts: Facts) -> tuple[Sample, ...]:
    """Return how full every file system is, in percent. Raises Unreadable.

    It is stored at every look, and judged once a month.
    """
    return tuple(
        Sample(name=name, value=value, unit="%") for each in facts[_room(host)].systems for name, value in _values(each)
    )


def _values(system: FileSystem) -> Iterator[tuple[str, float]]:
    """Yield the use of a file system, of space and of inodes.

    Both in percent; of space, it is the percentage of what ordinary users may use.
    """
    name = system.mount[:_NAME]  # a mount point may have any name and length
    if system.share is not None:
        yield name, system.share
    if system.inodes_percent is not None:
        yield f"{name}{INODES}", float(system.inodes_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
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
        """Whether it has room until that day; None if that cannot be known."""
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


class Capacity(Item):
    """Forecasts when the disks will be full, from how they filled so far."""

    name = "capacity"
    title = "Capacity planning"
    occasion = Occasion.MONTHLY
    owner = "Tech Lead"

    @override
    def probes(self, host: Host) -> Probes:
        return (_room(host),)

    def judge(self, seen: Seen) -> Finding:
        """Judge every file system by its present use and its forecast. See Item.

        The answer is no if a file system is full, or if a line that fits reaches the limit in time. A yes needs at
        least a week of measurements.
        """
        settings = seen.host.settings
        by = seen.now.date() + timedelta(days=settings.maintenance.capacity_days)
        state = seen.facts[_room(seen.host)]
        courses = sorted((*_courses(seen, state, by), *_gone(seen, state, by)), key=_badness)
        answers = {each.ok for each in courses} | ({None} if state.trouble else set())
        ok = None if None in answers else True
        forecasts = (sample for each in courses for sample in _forecast_samples(each))
        told = [each for each in courses if each.ok is False or not _dull(each)]
        return Finding(
            ok=False if False in answers else ok,
            summary=_summary(courses, state, settings.maintenance.capacity_days),
            evidence=(
                *(line for each in told for line in each.evidence()),
                *((f"not all file systems were told of: {state.trouble}",) if state.trouble else ()),
            ),
            advice=tuple(_advice(courses, seen.host)),
            samples=(*measured(seen.host, seen.facts), *forecasts),
            plot=_plots(courses),
        )


def _courses(seen: Seen, state: DiskSpaceState, by: date) -> Iterator[_Course]:
    for system in state.systems:
        for name, value in _values(system):
            past = (point for point in seen.past.samples.get(name, ()) if point.at < seen.now)
            points = (*past, Point(seen.now, value))
            full = system in (state.crowded if name.endswith(INODES) else state.full)
            yield _Course(
                name=name,
                mount=system.mount,
                points=points,
                trend=trend(points, state.limit),
                full=full,
                by=by,
                limit=state.limit,
            )


def _gone(seen: Seen, state: DiskSpaceState, by: date) -> Iterator[_Course]:
    """Yield file systems that were measured lately and are not mounted now.

    Nobody knows how full they are, or where they went.
    """
    there = {name for system in state.systems for name, _ in _values(system)}
    for name, past in seen.past.samples.items():
        points = tuple(point for point in past if point.at < seen.now)
        if name in there or name.endswith((INODES, FULL_AT)) or name.startswith(PASSING):
            continue
        if points and points[-1].at >= seen.now - _MISSED:
            yield _Course(
                name=name,
                mount=name,
                points=points,
                trend=trend(points, state.limit),
                full=False,
                by=by,
                limit=state.limit,
                gone=True,
            )


def _badness(course: _Course) -> tuple[int, date, float]:
    rank = {False: 0, None: 1, True: 2}[course.ok]
    likely = course.deciding.likely if course.deciding is not None else None
    return (rank, date.min if course.full else likely or date.max, -course.points[-1].value)


def _dull(course: _Course) -> bool:
    return course.name.endswith(INODES) and course.points[-1].value < _WORTH_TELLING


def _summary(courses: Sequence[_Course], state: DiskSpaceState, days: int) -> str:
    worst = [each for each in courses if each.ok is False] or [each for each in courses if each.ok is None]
    if not worst and state.trouble:
        return f"not all file systems were told of: {state.trouble}"
    if not worst:
        return f"no local file system reaches {state.limit} % within {days} days; fullest: {_fullest(courses)}"
    others = len(worst) - 1
    return f"{worst[0].summary}{f', and {others} more' if others else ''}"


def _fullest(courses: Sequence[_Course]) -> str:
    most = max(courses, key=lambda each: each.points[-1].value)
    return f"{most.name}, {most.points[-1].value:.1f} %"


def _advice(courses: Sequence[_Course], host: Host) -> Iterator[str]:
    if any(each.full for each in courses):
        yield f"remediate check.high-load --host {host.name} says what may go"
    growing = dict.fromkeys(each.mount for each in courses if each.ok is False and not each.full)
    for mount in growing:
        yield f"see what grows: du -xh --max-depth=2 {shlex.quote(mount)} | sort -h | tail -20"
    if growing:
        yield "make room for good, or order a larger disk before that day"
    for each in courses:
        if each.gone:
            yield f"mount {shlex.quote(each.mount)}, or wait a week where it is gone on purpose"
    if any(each.trend.whole is None for each in courses if not each.gone):
        yield "run maintain.daily: every look at the host keeps how full its disks are, whatever it is about"
    elif any(each.ok is None for each in courses if not each.gone):
        yield "look at the plot, and again in some weeks: no line through these numbers can be relied on"


def _forecast_samples(course: _Course) -> Iterator[Sample]:
    if not course.gone and course.deciding is not None and course.deciding.likely is not None:
        when = datetime.combine(course.deciding.likely, time(), tzinfo=UTC)
        yield Sample(name=f"{course.name}{FULL_AT}", value=when.timestamp(), unit="Unix time")


_PLOT_DAYS: Final = 3


def _plots(courses: Sequence[_Course]) -> tuple[str, ...]:
    """Return plots of those whose answer is not yes, or of the first one.

    With measurements on too few days a plot would show nothing.
    """
    shown = [each for each in courses if len({point.at.date() for point in each.points}) >= _PLOT_DAYS]
    wrong = [each for each in shown if each.ok is not True][:_PLOTS] or shown[:1]
    drawn = [plotted(each.name, each.points, each.deciding, each.limit) for each in wrong]
    return tuple(line for number, lines in enumerate(drawn) for line in ((("",) if number else ()) + lines))
