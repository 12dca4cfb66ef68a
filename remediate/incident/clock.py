"""Due actions of an incident: acknowledgement (1.1), updates (5.1), escalation (6), review (7.1).

Pure: the caller passes the time; nothing sleeps or sends.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from pydantic import Field

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Severity
from remediate.incident.events import Escalated, SituationFound
from remediate.incident.record import Incident
from remediate.incident.settings import IncidentSettings, Rule
from remediate.incident.vocabulary import Moment, Situation

REVIEWED: Final = frozenset({Severity.SEV1, Severity.SEV2})
"""Severities that have a post-mortem (7.1)."""


class DueKind(Enum):
    """The kinds of due action."""

    ACKNOWLEDGE = "acknowledge"
    UPDATE = "update"
    ESCALATE = "escalate"
    POSTMORTEM = "postmortem"


class Due(FrozenModel):
    """An action with a deadline, in the future or already missed."""

    key: str = Field(description="stable: the same thing due at the same time has the same one")
    kind: DueKind
    at: Moment
    why: str = Field(description="in the words of the runbook")
    situation: Situation | None = Field(default=None, description="of an escalation: which row of the matrix")
    roles: tuple[str, ...] = Field(default=(), description="of an escalation: whom to call in")

    def over(self, now: datetime) -> bool:
        """Return whether the deadline has been reached."""
        return self.at <= now


def due(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[Due, ...]:
    """Return what is overdue and what is due next, soonest first.

    Missed updates give one entry, due since the first missed one, because nobody catches up on the others. Its key
    changes with every further missed update, so that each is announced.
    """
    found = [*_reviews(incident)]
    if incident.open:
        found += [*_acknowledgements(incident, settings), *_updates(incident, settings, now)]
        found += [*_escalations(incident, settings)]
    return tuple(sorted(found, key=lambda one: (one.at, one.key)))


def _acknowledgements(incident: Incident, settings: IncidentSettings) -> Iterator[Due]:
    within = settings.respond_within(incident.severity)
    if incident.acknowledged_at is None and within is not None:
        yield Due(
            key=f"acknowledge:{incident.severity.value}",
            kind=DueKind.ACKNOWLEDGE,
            at=incident.started_at + within,
            why=f"{incident.severity.value} is claimed within {span(within)}",
        )


def _updates(incident: Incident, settings: IncidentSettings, now: datetime) -> Iterator[Due]:
    every = settings.update_every(incident.severity)
    if every is None:
        return
    # A preview notifies nobody, so only updates that were sent count.
    last = max(incident.told_at or incident.declared_at, incident.declared_at)
    missed = max(1, (now - last) // every)
    yield Due(
        key=f"update:{last:%Y%m%dT%H%M%S}:{every.total_seconds():g}:{missed}",
        kind=DueKind.UPDATE,
        at=last + every,
        why=f"{incident.severity.value} gets an update every {span(every)}",
    )


def _escalations(incident: Incident, settings: IncidentSettings) -> Iterator[Due]:
    for rule in settings.escalation:
        since = _since(incident, rule)
        if since is None or _done(incident, rule):
            continue
        within = timedelta(minutes=rule.after)
        yield Due(
            key=f"escalate:{rule.situation.value}:{','.join(rule.to)}",
            kind=DueKind.ESCALATE,
            at=since + within,
            why=_reason(rule.situation, within),
            situation=rule.situation,
            roles=rule.to,
        )


def _reason(situation: Situation, within: timedelta) -> str:
    """Return the reason as the matrix words it.

    For example: not resolved in 30 min, customer-facing impact for over 1 h.
    """
    if not within:
        return situation.words
    if situation is Situation.UNRESOLVED:
        return f"not resolved in {span(within)}"
    return f"{situation.words} for over {span(within)}"


def _since(incident: Incident, rule: Rule) -> datetime | None:
    """Return when a row of the matrix began to apply; None if it does not."""
    if incident.severity not in rule.severities:
        return None
    match rule.situation:
        case Situation.UNRESOLVED:
            return incident.started_at
        case Situation.CUSTOMERS:
            return incident.started_at if incident.customers else None
        case Situation.BREACH | Situation.PROVIDER:
            if rule.situation not in incident.situations:
                return None
            found = (
                event.at
                for event in incident.timeline
                if isinstance(event.data, SituationFound) and event.data.situation is rule.situation
            )
            return next(found, incident.declared_at)


def _done(incident: Incident, rule: Rule) -> bool:
    called = {role for one in incident.escalations if _answers(one, rule) for role in one.roles}
    return called.issuperset(rule.to)


def _answers(escalation: Escalated, rule: Rule) -> bool:
    """Return whether an escalation satisfies a row: made for it, or made by judgement."""
    return escalation.situation in {rule.situation, None}


def _reviews(incident: Incident) -> Iterator[Due]:
    if incident.resolved_at is None or incident.postmortem_at is None or incident.postmortem_written:
        return
    if incident.severity in REVIEWED:
        yield Due(
            key="postmortem",
            kind=DueKind.POSTMORTEM,
            at=incident.postmortem_at,
            why=f"{incident.severity.value} has a post-mortem",
        )


def named(one: Due, settings: IncidentSettings) -> str:
    """Return the name of a due action: `update`, or `escalate to Tech Lead`."""
    whom = f" to {', '.join(settings.contacts[role].name for role in one.roles)}" if one.roles else ""
    return f"{one.kind.value}{whom}"


def when(moment: datetime, settings: IncidentSettings, now: datetime) -> str:
    """Return a time for the terminal: `14:02 (13:02Z)`, with the date unless it is today."""
    local, utc = settings.local(moment), moment.astimezone(UTC)
    day = "" if local.date() == settings.local(now).date() else f"{local:%Y-%m-%d} "
    return f"{day}{utc:%H:%MZ}" if settings.is_utc(moment) else f"{day}{local:%H:%M} ({utc:%H:%MZ})"


def span(length: timedelta) -> str:
    """Return a duration as people say it. For example: 45 s, 30 min, 2 h 5 min, 3 d 4 h."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"
