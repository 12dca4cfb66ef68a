"""Review error logs (8.2): errors logged since the last look, new ones first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.errors import ConfigurationError
from remediate.maintenance.item import Finding, Item, Past, Sample, Seen
from remediate.maintenance.plural import counted
from remediate.maintenance.schedule import Occasion
from remediate.probes.error_log import PERIOD, PERIODS, ErrorGroup, ErrorLog, ErrorLogState

_DAY: Final = 24 * 3600 // PERIOD
"""Number of periods in a day."""


def _log(host: Host) -> ErrorLog:
    settings = host.settings
    if settings.php is None or settings.app_path is None:
        raise ConfigurationError("remediate.app_path and remediate.php are needed: whose log is it?")
    return ErrorLog(php=settings.php, path=settings.app_path, user=settings.app_user)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Errors of one kind since the last look, compared with earlier looks."""

    name: str
    total: int
    per_day: float
    last: datetime
    before: float | None
    """Errors a day at the last look; None if there were none."""
    ever: datetime | None
    """The last time that any earlier look saw one."""

    def grew(self, growth: float) -> bool:
        return self.before is not None and self.per_day > self.before * growth

    def describe(self, growth: float) -> str:
        mark = ""
        if self.before is None:
            mark = "NEW " if self.ever is None else f"BACK (last {self.ever:%Y-%m-%d}) "
        elif self.grew(growth):
            mark = f"GREW (from {self.before:g} a day) "
        return f"{mark}{self.name}: {self.total}, {self.per_day:g} a day, last {self.last:%Y-%m-%d %H:%MZ}"


class ErrorLogs(Item):
    """New errors in the log, and known ones that are far more frequent than before."""

    name = "error-logs"
    title = "Review error logs"
    occasion = Occasion.DAILY
    owner = "On-call"

    @override
    def probes(self, host: Host) -> Probes:
        return (_log(host),)

    @override
    def judge(self, seen: Seen) -> Finding:
        state = seen.facts[_log(seen.host)]
        growth = seen.host.settings.maintenance.error_growth
        periods, weeks = _window(seen)
        kinds = _kinds(state, periods, seen.past)
        fresh = [kind for kind in kinds if kind.before is None]
        grown = [kind for kind in kinds if kind.grew(growth)]
        doubts = tuple(_doubts(state, periods, unseen=weeks))
        well = None if doubts else True
        ordered = sorted(kinds, key=lambda kind: (kind.before is not None, not kind.grew(growth), -kind.per_day))
        return Finding(
            ok=False if fresh or grown else well,
            summary=_summary(kinds, fresh, grown, doubts, hours=periods * PERIOD // 3600, first=_first(seen.past)),
            evidence=(*doubts, *(kind.describe(growth) for kind in ordered), _read(state)),
            advice=_advice(seen.host, fresh, grown),
            samples=tuple(Sample(name=kind.name, value=kind.per_day, unit="per day") for kind in kinds),
        )


def _first(past: Past) -> bool:
    return past.previous is None


def _window(seen: Seen) -> tuple[int, bool]:
    """Return the number of periods to judge, and whether older errors may be missed.

    They may be missed if the last look is longer ago than the log is read back.
    """
    if seen.past.previous_at is None:
        return _DAY, False
    periods = ceil((seen.now - seen.past.previous_at).total_seconds() / PERIOD)
    return max(_DAY, min(PERIODS, periods)), periods > PERIODS


def _kinds(state: ErrorLogState, periods: int, past: Past) -> list[_Kind]:
    before = {sample.name: sample.value for sample in past.previous.samples} if past.previous is not None else {}
    # Masking, or a shortened name, may give two kinds the same name.
    alike: dict[str, list[ErrorGroup]] = {}
    for group in state.groups:
        if group.count(periods):
            alike.setdefault(group.name, []).append(group)
    return [_kind(name, groups, periods, before.get(name), past) for name, groups in alike.items()]


def _kind(name: str, groups: list[ErrorGroup], periods: int, before: float | None, past: Past) -> _Kind:
    total = sum(group.count(periods) for group in groups)
    # After many quiet days and one bad day, the mean alone would hide the present errors.
    per_day = max(total * _DAY / periods, sum(group.count(_DAY) for group in groups))
    until = past.previous_at
    seen = [point for point in past.samples.get(name, ()) if until is not None and point.at <= until]
    return _Kind(
        name=name,
        total=total,
        per_day=round(per_day, 1),
        last=datetime.fromtimestamp(max(group.last for group in groups), UTC),
        before=before,
        ever=seen[-1].at if seen else None,
    )


def _doubts(state: ErrorLogState, periods: int, *, unseen: bool) -> Iterator[str]:
    """Yield why the list of errors may be incomplete; then the answer is never yes."""
    if state.now - state.reaches < periods * PERIOD:
        reached = datetime.fromtimestamp(state.reaches, UTC)
        yield f"the log was read back to {reached:%Y-%m-%d %H:%MZ} only{_unread(state)}"
    if unseen:
        yield f"the last look is longer ago than the {PERIODS // _DAY} days that are looked back"
    if state.strange:
        yield f"{counted(state.strange, 'line')} in no format that is known: errors may be among them"
    if state.slip:
        yield (
            f"the log's newest entry and the file's time differ by {abs(state.slip)} minutes: is it written in"
            f" {state.zone}, as app.timezone says?"
        )
    elif state.future:
        yield f"{counted(state.future, 'entry', 'entries')} from the future: is {state.zone} the log's time zone?"
    if state.others:
        yield f"{counted(state.others, 'further kind')} not listed"
    if not state.writable:
        yield "the log cannot be written by the user that reads it: what goes wrong is not logged"
    if not (state.files or state.unread):
        yield f"no entry within {PERIODS // _DAY} days: does the application log here?"


def _unread(state: ErrorLogState) -> str:
    return f" (not read: {', '.join(state.unread)})" if state.unread else " (it is too long)"


def _summary(
    kinds: list[_Kind], fresh: list[_Kind], grown: list[_Kind], doubts: tuple[str, ...], *, hours: int, first: bool
) -> str:
    total = sum(kind.total for kind in kinds)
    said = (
        f"{counted(total, 'error')} of {counted(len(kinds), 'kind')} in {hours} h"
        if kinds
        else f"no errors in {hours} h"
    )
    if fresh and first:
        said += ", all of them new: this is the first look"
    elif fresh:
        said += f", {len(fresh)} new"
    if grown:
        said += f", {len(grown)} more often than before"
    if kinds and not fresh and not grown:
        said += ", all known and none of them more often than before"
    return f"{said}; {doubts[0]}" if doubts else said


def _read(state: ErrorLogState) -> str:
    files = ", ".join(state.files) or "no file that was written lately"
    return f"read: {files} ({state.records} entries within {PERIODS // _DAY} days)"


def _advice(host: Host, fresh: list[_Kind], grown: list[_Kind]) -> tuple[str, ...]:
    if not fresh and not grown:
        return ()
    tracking = host.settings.links.error_tracking
    where = f"{tracking} or " if tracking is not None else ""
    return (f"look at each that is new or more frequent: {where}{host.settings.app_path}/storage/logs",)
