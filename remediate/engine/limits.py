"""Limits that leave a change to a person: cool-down, recurrence, a cause that hosts share.

They are asked once a run, after all hosts were surveyed and before anything is changed. What a limit suppresses is
refused and reported. It is never queued.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from remediate.core.host import Host
from remediate.core.host_names import names_of
from remediate.core.verdict import COMMON_CAUSE, COOL_DOWN, HISTORY_UNKNOWN, RECURRING, RefusalCode
from remediate.errors import JournalError
from remediate.journal.models import PastFix
from remediate.project.run_limits import RunLimits

_IMPLICIT: Final = frozenset({"all", "ungrouped"})
"""Groups that exist without anybody creating them. `all` counts for hosts that are in no other."""
_SEVERAL: Final = 2
"""The least number of unhealthy hosts that may share a cause."""


class Limit(NamedTuple):
    """The limit that a host has reached."""

    code: RefusalCode
    why: str


class Surveyed(NamedTuple):
    """One host of the run, and whether it is known to be healthy."""

    host: Host
    well: bool


Decide = Callable[[Host, Limit], "str | None"]
"""Asks a person whether to change a host in spite of a limit. Returns the reason, None to leave the host alone."""
History = Callable[[Host, datetime], Sequence[PastFix]]
"""Returns the fixes of the same on a host since a moment, oldest first. Raises JournalError."""


def nobody(host: Host, limit: Limit) -> str | None:  # noqa: ARG001  # There is no person to ask.
    """Decide without a terminal: the host is left alone."""
    return None


def reached(
    hosts: Iterable[Host], surveyed: Sequence[Surveyed], limits: RunLimits, history: History, now: datetime
) -> Mapping[str, Limit]:
    """Return the limit that each of these hosts has reached, by its name.

    The strongest one says everything: whoever decides about it has decided about the others. Disposable hosts have no
    limits, because they are broken and fixed on purpose.
    """
    shared = common_causes([each for each in surveyed if not each.host.settings.disposable], limits)
    found: dict[str, Limit] = {}
    for host in hosts:
        if host.settings.disposable:
            continue
        every = [
            *([Limit(COMMON_CAUSE, shared[host.name])] if host.name in shared else []),
            *_of_history(host, limits, history, now),
        ]
        if every:
            code, told = every[0].code, "; ".join(limit.why for limit in every)
            found[host.name] = Limit(code, f"{told}; add --override {code.name}='why' to go on")
    return found


def common_causes(surveyed: Sequence[Surveyed], limits: RunLimits) -> Mapping[str, str]:
    """Return why hosts may share a cause, by the name of each host of such a group."""
    groups: dict[str, list[Surveyed]] = {}
    for each in surveyed:
        for group in _groups(each.host):
            groups.setdefault(group, []).append(each)
    found: dict[str, str] = {}
    for group, members in groups.items():
        ill = [each.host for each in members if not each.well]
        if len(ill) >= _SEVERAL and len(ill) > limits.unhealthy_share * len(members):
            why = f"{len(ill)} of the {len(members)} hosts of {group} in this run are not healthy ({names_of(ill)})"
            found |= {host.name: why for host in ill if host.name not in found}
    return found


def history_limit(fixes: Sequence[PastFix], now: datetime, limits: RunLimits) -> Limit | None:
    """Return the limit that these fixes of the same on one host, oldest first, have reached."""
    if (recent := _recurring(fixes, now, limits)) is not None:
        runs = " and ".join(f"run {fix.shown} {_ago(fix, now)}" for fix in recent)
        span = f"{limits.recurring_minutes:g} minutes"
        return Limit(
            RECURRING, f"it would be the third fix in {span}: {runs} held under {limits.held_minutes:g} minutes"
        )
    if fixes and _since(fixes[-1], now) < timedelta(minutes=limits.cool_down_minutes):
        last = f"run {fixes[-1].shown} changed this host {_ago(fixes[-1], now)}"
        return Limit(COOL_DOWN, f"{last}, less than {limits.cool_down_minutes:g} minutes")
    return None


def _of_history(host: Host, limits: RunLimits, history: History, now: datetime) -> Iterable[Limit]:
    """Yield the limit of this host's own past, if it has reached one."""
    back = timedelta(minutes=max(limits.cool_down_minutes, limits.recurring_minutes))
    if not back:
        return
    try:
        limit = history_limit(history(host, now - back), now, limits)
    except JournalError as error:
        limit = Limit(HISTORY_UNKNOWN, f"when this host was last fixed is not known: {error}")
    if limit is not None:
        yield limit


def _recurring(fixes: Sequence[PastFix], now: datetime, limits: RunLimits) -> Sequence[PastFix] | None:
    """Return the last two fixes if they are recent and held too shortly, else None."""
    last = [fix for fix in fixes if _since(fix, now) < timedelta(minutes=limits.recurring_minutes)][-2:]
    if len(last) < _SEVERAL:
        return None
    ends = (last[1].began, now)
    held = (timedelta() if fix.failed else end - fix.ended for fix, end in zip(last, ends, strict=True))
    return last if all(each < timedelta(minutes=limits.held_minutes) for each in held) else None


def _since(fix: PastFix, now: datetime) -> timedelta:
    # A clock that was set back makes a fix lie in the future: it counts as just now.
    return max(timedelta(), now - fix.ended)


def _ago(fix: PastFix, now: datetime) -> str:
    minutes, seconds = divmod(round(_since(fix, now).total_seconds()), 60)
    return f"{minutes} min ago" if minutes else f"{seconds} s ago"


def _groups(host: Host) -> Sequence[str]:
    named = [group for group in host.groups if group not in _IMPLICIT]
    return named or [group for group in host.groups if group == "all"]
