"""Capacity planning (8.2): how full the disks are, and when they will be full."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.maintenance.item import Finding, Item, Point, Sample, Seen
from remediate.maintenance.items.capacity_course import Course
from remediate.maintenance.plot import plotted
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.trend import trend
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


def _courses(seen: Seen, state: DiskSpaceState, by: date) -> Iterator[Course]:
    for system in state.systems:
        for name, value in _values(system):
            past = (point for point in seen.past.samples.get(name, ()) if point.at < seen.now)
            points = (*past, Point(seen.now, value))
            full = system in (state.crowded if name.endswith(INODES) else state.full)
            yield Course(
                name=name,
                mount=system.mount,
                points=points,
                trend=trend(points, state.limit),
                full=full,
                by=by,
                limit=state.limit,
            )


def _gone(seen: Seen, state: DiskSpaceState, by: date) -> Iterator[Course]:
    """Yield file systems that were measured lately and are not mounted now.

    Nobody knows how full they are, or where they went.
    """
    there = {name for system in state.systems for name, _ in _values(system)}
    for name, past in seen.past.samples.items():
        points = tuple(point for point in past if point.at < seen.now)
        if name in there or name.endswith((INODES, FULL_AT)) or name.startswith(PASSING):
            continue
        if points and points[-1].at >= seen.now - _MISSED:
            yield Course(
                name=name,
                mount=name,
                points=points,
                trend=trend(points, state.limit),
                full=False,
                by=by,
                limit=state.limit,
                gone=True,
            )


def _badness(course: Course) -> tuple[int, date, float]:
    rank = {False: 0, None: 1, True: 2}[course.ok]
    likely = course.deciding.likely if course.deciding is not None else None
    return (rank, date.min if course.full else likely or date.max, -course.points[-1].value)


def _dull(course: Course) -> bool:
    return course.name.endswith(INODES) and course.points[-1].value < _WORTH_TELLING


def _summary(courses: Sequence[Course], state: DiskSpaceState, days: int) -> str:
    worst = [each for each in courses if each.ok is False] or [each for each in courses if each.ok is None]
    if not worst and state.trouble:
        return f"not all file systems were told of: {state.trouble}"
    if not worst:
        return f"no local file system reaches {state.limit} % within {days} days; fullest: {_fullest(courses)}"
    others = len(worst) - 1
    return f"{worst[0].summary}{f', and {others} more' if others else ''}"


def _fullest(courses: Sequence[Course]) -> str:
    most = max(courses, key=lambda each: each.points[-1].value)
    return f"{most.name}, {most.points[-1].value:.1f} %"


def _advice(courses: Sequence[Course], host: Host) -> Iterator[str]:
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


def _forecast_samples(course: Course) -> Iterator[Sample]:
    if not course.gone and course.deciding is not None and course.deciding.likely is not None:
        when = datetime.combine(course.deciding.likely, time(), tzinfo=UTC)
        yield Sample(name=f"{course.name}{FULL_AT}", value=when.timestamp(), unit="Unix time")


_PLOT_DAYS: Final = 3


def _plots(courses: Sequence[Course]) -> tuple[str, ...]:
    """Return plots of those whose answer is not yes, or of the first one.

    With measurements on too few days a plot would show nothing.
    """
    shown = [each for each in courses if len({point.at.date() for point in each.points}) >= _PLOT_DAYS]
    wrong = [each for each in shown if each.ok is not True][:_PLOTS] or shown[:1]
    drawn = [plotted(each.name, each.points, each.deciding, each.limit) for each in wrong]
    return tuple(line for number, lines in enumerate(drawn) for line in ((("",) if number else ()) + lines))
