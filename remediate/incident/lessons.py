"""Lessons from an incident's record: what went well, what went wrong, and actions to take.

Every sentence follows from events. Nothing else is praised or blamed.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from remediate.core.few import few
from remediate.core.playbook import Severity
from remediate.incident.clock import span
from remediate.incident.queue import Delivery, State
from remediate.incident.record import Incident
from remediate.incident.run_events import RunLanded
from remediate.incident.settings import IncidentSettings
from remediate.incident.sla import late_to_claim, missed, silences, updates
from remediate.incident.vocabulary import Detection

SLOW: Final = timedelta(minutes=5)
"""A longer fix is worth an action item."""
_DAYS: Final = {Severity.SEV1: 7, Severity.SEV2: 7, Severity.SEV3: 14, Severity.SEV4: 30}
HEALTHY: Final = "healthy"
_FAILED: Final = frozenset({"not_fixed", "unknown", "unreachable", "mixed"})


class Action(NamedTuple):
    """An action item: the task, its owner and its due date."""

    what: str
    owner: str
    due: date


def went_well(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> tuple[str, ...]:
    """Return what worked, one sentence each."""
    return tuple(_well(incident, deliveries, settings, now))


def went_wrong(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> tuple[str, ...]:
    """Return what did not work, one sentence each."""
    return tuple(_wrong(incident, deliveries, settings, now))


def actions(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> tuple[Action, ...]:
    """Return the action items, each once, with a person or role and a working day."""
    by = working_day((incident.resolved_at or now) + timedelta(days=_DAYS[incident.severity]), settings)
    suggested = dict(_suggested(incident, deliveries, settings, now))
    if not suggested:
        suggested = {f"Decide whether {incident.title} needs an action at all": incident.commander}
    return tuple(Action(what, owner, by) for what, owner in suggested.items())


def working_day(moment: datetime, settings: IncidentSettings) -> date:
    """Return the local day of a moment; at a weekend, the next Monday."""
    day = settings.local(moment).date()
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= _SATURDAY else 0)


def working_days_later(moment: datetime, days: int, settings: IncidentSettings) -> date:
    """Return the working day that is `days` working days after a moment.

    For 0 days it is the same day, or the next Monday if that is at a weekend.
    """
    day = settings.local(moment).date() if days else working_day(moment, settings)
    for _ in range(days):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    return day


_SATURDAY: Final = 5


def _well(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> Iterator[str]:
    if incident.detection is Detection.MONITORING:
        yield "Monitoring noticed it before anybody reported it."
    if incident.acknowledged_at is not None and late_to_claim(incident, settings, now) is None:
        yield f"It was claimed {span(incident.acknowledged_at - incident.started_at)} after it was noticed."
    said = updates(incident, deliveries)
    in_time = not silences(incident, settings, deliveries, for_everybody=True)
    if said and in_time and all(each.everywhere is not None for each in said):
        yield f"Everybody was told in time ({len(said)} update{'s' if len(said) > 1 else ''})."
    if incident.escalations and not list(missed(incident, settings, deliveries)):
        yield "Every escalation was in time."
    for action in incident.containments:
        yield f"The harm was kept from spreading: {_line(action)}."
    for run in incident.fixes:
        took = run.serving_again_seconds if run.serving_again_seconds is not None else run.seconds
        again = f", serving again after {took:g} s" if took is not None else ""
        yield f"{run.playbook} fixed it and proved it{again} (run {run.shown})."
    refused = {step.code for run in incident.runs for step in run.refusals if step.code}
    if refused:
        yield f"Guards stopped what would not have been safe: {', '.join(sorted(refused))}."


def _wrong(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> Iterator[str]:
    if incident.detection is Detection.USER:
        yield "Users noticed it before monitoring did."
    if late := late_to_claim(incident, settings, now):
        what = "claimed" if incident.acknowledged_at else "still not claimed"
        yield f"It was {what} {span(late[0])} later than {late[1].value} allows."
    for silence in silences(incident, settings, deliveries):
        yield f"No update arrived for {span(silence.length)}; one every {span(silence.promised)} is promised."
    for why, whom, delay in missed(incident, settings, deliveries):
        yield f"{whom} {'was never called in' if delay is None else f'was called in {span(delay)} late'} ({why})."
    yield from _undelivered(deliveries)
    for run in incident.runs:
        yield from _wrong_with(run)
    if _unexplained(incident):
        yield "No cause that a playbook knows explained the symptom."
    if blind := _unread(incident):
        yield f"Something that had to be known could not be read: {blind[0]}."
    doubts = [
        f"{one.playbook} on {one.host} said {one.verdict}" for one in incident.confirmed if one.verdict != HEALTHY
    ]
    if incident.override:
        although = few(doubts, "; ") or "no check could say that it is over"
        yield f"It was resolved although {although}: {_line(incident.override)}."


def _undelivered(deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Yield the channels on which a message has not arrived."""
    for channel in dict.fromkeys(one.channel for one in deliveries):
        of = [one for one in deliveries if one.channel == channel]
        failed = [one for one in of if one.state is State.FAILED]
        waiting = [one for one in of if one.state in {State.QUEUED, State.SENDING}]
        if failed:
            yield f"{len(failed)} of {len(of)} messages to {channel} never arrived: {_line(failed[0].note)}."
        if waiting:
            yield f"{len(waiting)} of {len(of)} messages to {channel} had not arrived when this was written."


def _wrong_with(run: RunLanded) -> Iterator[str]:
    if run.abandoned:
        yield f"{run.playbook} on {few(run.hosts)} never finished (run {run.shown})."
    elif run.verdict in _FAILED:
        yield f"{run.playbook} came out {run.verdict.replace('_', ' ')} (run {run.shown})."
    if (took := _slow(run)) is not None:
        yield f"{run.playbook} took {span(took)} (run {run.shown})."


def _slow(run: RunLanded) -> timedelta | None:
    took = timedelta(seconds=run.seconds or 0)
    return took if run.mode == "fix" and took > SLOW else None


def _suggested(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime
) -> Iterator[tuple[str, str]]:
    commander, devops = incident.commander, _owner("devops", settings)
    if incident.detection is not Detection.MONITORING:
        symptom = incident.playbook or incident.title
        yield f"Add monitoring that notices {symptom} before people do", devops
    for run in incident.runs:
        yield from _from_run(run, commander, devops)
    if _unexplained(incident):
        yield f"Find the cause, and teach it to {incident.playbook or 'a playbook'} with a rehearsal case", commander
    if late := late_to_claim(incident, settings, now):
        yield f"Make sure that a {late[1].value} reaches the engineer on call", _owner("on-call", settings)
    if silences(incident, settings, deliveries):
        yield "Run incident.watch as a service, so that updates are not forgotten", commander
    for why, whom, _ in missed(incident, settings, deliveries):
        yield f"Find out why {whom} was not called in time ({why})", commander
    for name in _unnamed(incident, settings):
        yield f"Name a {name} in the contacts", commander
    for action in incident.containments:
        yield f"Undo or make permanent what contained it: {_line(action)}", commander
    if incident.cause is None and incident.fixes:
        yield f"Find out what was behind it: {_line(_mended(incident))}", commander


def _unnamed(incident: Incident, settings: IncidentSettings) -> Iterator[str]:
    """Yield the roles that were called in although nobody is named for them."""
    for role in dict.fromkeys(role for each in incident.escalations for role in each.roles):
        contact = settings.contacts.get(role)
        if contact is not None and not (contact.primary or contact.rotation):
            yield contact.name


def _from_run(run: RunLanded, commander: str, devops: str) -> Iterator[tuple[str, str]]:
    for step in run.human_steps:
        yield f"Decide who does this the next time, and how: {_line(step.why)}", commander
    for step in run.refusals:
        if step.code not in {"unexplained", "consent-missing", "too-many-hosts", "earlier-host-failed"}:
            yield f"Clear up on {step.host} what {step.remedy} refused for: {_line(step.why)} [{step.code}]", devops
    if run.verdict in _FAILED:
        yield f"Find out why {run.playbook} came out {(run.verdict or '').replace('_', ' ')} (run {run.shown})", devops
    if run.abandoned:
        yield f"Look what run {run.shown} ({run.playbook}) left behind: it never finished", devops
    if (took := _slow(run)) is not None:
        yield f"Make {run.playbook} faster than the {span(took)} it took", devops


def _owner(role: str, settings: IncidentSettings) -> str:
    contact = settings.contacts.get(role)
    return role if contact is None or contact.primary is None else contact.primary


def _unexplained(incident: Incident) -> bool:
    return any("unexplained" in run.codes for run in incident.runs)


def _unread(incident: Incident) -> list[str]:
    return [_line(step.why) for run in incident.runs for step in run.steps if step.code == "unreadable"]


def _mended(incident: Incident) -> str:
    return few((step.why for run in incident.fixes for step in run.changes), "; ") or incident.title


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
