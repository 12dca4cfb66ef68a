"""Missed deadlines, by the severity in force then.

Updates and escalations have one minute's grace. The claim of an incident has none.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from remediate.core.playbook import Severity
from remediate.incident.clock import Due, due
from remediate.incident.events import Declared, Escalated, Event, Messaged, SeverityChanged
from remediate.incident.messages import MessageKind
from remediate.incident.queue import Delivery, State
from remediate.incident.record import TELLING, Incident
from remediate.incident.settings import IncidentSettings

_GRACE: Final = timedelta(minutes=1)
"""Delay of an update or escalation that is not counted as late."""
_CALL: Final = MessageKind.ESCALATION.value


class Period(NamedTuple):
    """A time during which the incident had one severity."""

    severity: Severity
    begin: datetime
    end: datetime


class Late(NamedTuple):
    """A missed deadline."""

    by: datetime
    severity: Severity
    """The severity that set the deadline, at that time."""


class SentUpdate(NamedTuple):
    """The arrival of an update on its first channel and on all; None before it."""

    first: datetime | None
    everywhere: datetime | None


class Silence(NamedTuple):
    """A time without updates that was longer than the promise in force."""

    length: timedelta
    promised: timedelta


def _periods(incident: Incident) -> Iterator[Period]:
    """Yield each severity with its time. Each time is judged by its own limits."""
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
    """Return the deadline that was missed before `until`; None if none was.

    A new severity's deadline never lies before the severity itself began.
    """
    for period in _periods(incident):
        allowed = within(period.severity)
        by = None if allowed is None else max(since + allowed, period.begin)
        if by is not None and by + grace < min(until, period.end):
            return Late(by, period.severity)
    return None


def silences(
    incident: Incident, settings: IncidentSettings, deliveries: Sequence[Delivery], *, for_everybody: bool = False
) -> tuple[Silence, ...]:
    """Return the times without updates that were longer than promised, until the resolution.

    An update counts when it has arrived somewhere, or with `for_everybody` wherever it was sent.
    """
    arrived = [each.everywhere if for_everybody else each.first for each in updates(incident, deliveries)]
    heard = sorted([incident.declared_at, *(at for at in arrived if at is not None)])
    end = incident.resolved_at or heard[-1]
    found: list[Silence] = []
    for earlier, later in pairwise([*(each for each in heard if each <= end), end]):
        late = _late(incident, earlier, later, settings.update_every)
        promised = None if late is None else settings.update_every(late.severity)
        if promised is not None:
            found.append(Silence(later - earlier, promised))
    return tuple(found)


def updates(incident: Incident, deliveries: Sequence[Delivery]) -> tuple[SentUpdate, ...]:
    """Return its updates and when they arrived; one update to several audiences counts once."""
    sent: dict[datetime, list[datetime | None]] = {}
    for event in incident.timeline:
        if isinstance(event.data, Messaged) and event.data.message_kind in TELLING and event.at > incident.declared_at:
            sent.setdefault(event.at, []).extend(_arrivals(event.data.message, deliveries))
    return tuple(SentUpdate(_first(arrivals), _everywhere(arrivals)) for arrivals in sent.values())


def _arrivals(message: str, deliveries: Sequence[Delivery]) -> list[datetime | None]:
    """Return when a message arrived on each of its channels, None where it has not."""
    of = [one for one in deliveries if one.message.id == message]
    return [one.finished if one.state is State.SENT else None for one in of]


def _first(arrivals: Sequence[datetime | None]) -> datetime | None:
    return min((at for at in arrivals if at is not None), default=None)


def _everywhere(arrivals: Sequence[datetime | None]) -> datetime | None:
    known = [at for at in arrivals if at is not None]
    return max(known) if known and len(known) == len(arrivals) else None


def late_to_claim(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[timedelta, Severity] | None:
    """Return the delay of the claim and the severity in force; None if in time.

    An incident that nobody has claimed is measured until its resolution or until now.
    """
    claimed = incident.acknowledged_at or incident.resolved_at or now
    late = _late(incident, incident.started_at, claimed, settings.respond_within, timedelta())
    return None if late is None else (claimed - late.by, late.severity)


def missed(
    incident: Incident, settings: IncidentSettings, deliveries: Sequence[Delivery]
) -> Iterator[tuple[str, str, timedelta | None]]:
    """Yield escalations that arrived late or never: reason, roles, and delay (None: never)."""
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
        answered = _all_called(incident, one, deliveries)
        if answered is None:
            yield one.why, whom, None
        elif answered > one.at + _GRACE:
            yield one.why, whom, answered - one.at


def _all_called(incident: Incident, one: Due, deliveries: Sequence[Delivery]) -> datetime | None:
    """Return when the roles of a matrix row had all been reached; None if never.

    They may have been called in one after the other.
    """
    called: set[str] = set()
    last = incident.started_at
    for event in incident.timeline:
        if isinstance(event.data, Escalated) and event.data.situation in {one.situation, None}:
            reached = _reached(incident, event, deliveries)
            if reached is not None:
                called.update(event.data.roles)
                last = max(last, reached)
            if called.issuperset(one.roles):
                return last
    return None


def _reached(incident: Incident, escalation: Event, deliveries: Sequence[Delivery]) -> datetime | None:
    """Return when all messages of an escalation had arrived on a channel; None before that.

    They are recorded with its time.
    """
    arrived = [
        _first(_arrivals(event.data.message, deliveries))
        for event in incident.timeline
        if isinstance(event.data, Messaged) and event.data.message_kind == _CALL and event.at == escalation.at
    ]
    return _everywhere(arrived) if arrived else escalation.at
