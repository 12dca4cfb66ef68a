"""Missed deadlines, by the severity in force then, with one minute's grace."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from remediate.core.playbook import Severity
from remediate.incident.clock import Due, due
from remediate.incident.events import Declared, Escalated, Messaged, SeverityChanged
from remediate.incident.record import TELLING, Incident
from remediate.incident.settings import IncidentSettings

_GRACE: Final = timedelta(minutes=1)
"""Nobody is blamed for a minute."""


class Period(NamedTuple):
    """While it had one severity."""

    severity: Severity
    begin: datetime
    end: datetime


class Late(NamedTuple):
    """Something that did not happen in time."""

    by: datetime
    severity: Severity
    """The one that demanded it, at that time."""


class Silence(NamedTuple):
    """How long nobody was told anything, longer than was promised at that time."""

    length: timedelta
    promised: timedelta


def _periods(incident: Incident) -> Iterator[Period]:
    """Yield which severity it had when: each is to be judged by its own limits."""
    severity, begin = incident.severity, incident.started_at
    for event in incident.timeline:
        if isinstance(event.data, Declared):
            severity = event.data.severity
        elif isinstance(event.data, SeverityChanged) and event.data.severity is not severity:
            yield Period(severity, begin, event.at)
            severity, begin = event.data.severity, event.at
    yield Period(severity, begin, datetime.max.replace(tzinfo=UTC))


def _late(
    incident: Incident,
    since: datetime,
    until: datetime,
    within: Callable[[Severity], timedelta | None],
    grace: timedelta = _GRACE,
) -> Late | None:
    """Say by when it should have happened, when until then it had not; a new severity is no older than it is."""
    for period in _periods(incident):
        allowed = within(period.severity)
        by = None if allowed is None else max(since + allowed, period.begin)
        if by is not None and by + grace < min(until, period.end):
            return Late(by, period.severity)
    return None


def silences(incident: Incident, settings: IncidentSettings) -> tuple[Silence, ...]:
    """Silences that lasted longer than was promised, until it was resolved; what was not sent breaks none."""
    heard = [incident.declared_at, *told(incident)]
    end = incident.resolved_at or heard[-1]
    found: list[Silence] = []
    for earlier, later in pairwise([*(each for each in heard if each <= end), end]):
        late = _late(incident, earlier, later, settings.update_every)
        promised = None if late is None else settings.update_every(late.severity)
        if promised is not None:
            found.append(Silence(later - earlier, promised))
    return tuple(found)


def told(incident: Incident) -> tuple[datetime, ...]:
    """When it was sent how it stands: one update to several audiences is one."""
    sent = (
        event.at
        for event in incident.timeline
        if isinstance(event.data, Messaged) and event.data.message_kind in TELLING
    )
    return tuple(dict.fromkeys(at for at in sent if at > incident.declared_at))


def late_to_claim(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[timedelta, Severity] | None:
    """How late it was claimed, or has not been by now, and which severity demanded that; None when in time."""
    claimed = incident.acknowledged_at or incident.resolved_at or now
    late = _late(incident, incident.started_at, claimed, settings.respond_within, timedelta())
    return None if late is None else (claimed - late.by, late.severity)


def missed(incident: Incident, settings: IncidentSettings) -> Iterator[tuple[str, str, timedelta | None]]:
    """Yield escalations that came too late, or never (None): their reason, whom, how late."""
    end = incident.resolved_at or incident.timeline[-1].at
    wanted: dict[str, Due] = {}
    for period in _periods(incident):
        without = {"escalations": (), "resolved_at": None, "severity": period.severity}
        for one in due(incident.model_copy(update=without), settings, end):
            by = max(one.at, period.begin)
            if one.roles and by + _GRACE <= min(end, period.end) and one.key not in wanted:
                wanted[one.key] = one.model_copy(update={"at": by})
    for one in wanted.values():
        whom = ", ".join(settings.contacts[role].name for role in one.roles)
        answered = _all_called(incident, one)
        if answered is None:
            yield one.why, whom, None
        elif answered > one.at + _GRACE:
            yield one.why, whom, answered - one.at


def _all_called(incident: Incident, one: Due) -> datetime | None:
    """When the last of those whom a row of the matrix wants had been called in, one after the other perhaps."""
    called: set[str] = set()
    for event in incident.timeline:
        if isinstance(event.data, Escalated) and event.data.situation in {one.situation, None}:
            called.update(event.data.roles)
            if called.issuperset(one.roles):
                return event.at
    return None
