"""What an incident teaches, from its record: what went well, what went wrong, and what somebody should do about it.

Every sentence follows from events; nothing is praised or blamed that is not there.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from remediate.incident.clock import due, span
from remediate.incident.events import Detection, Escalated, RunLanded, Updated
from remediate.incident.record import Incident
from remediate.incident.settings import IncidentSettings
from remediate.playbook import Severity

SLOW: Final = timedelta(minutes=5)
"""A fix that takes longer is worth a thought."""
_GRACE: Final = timedelta(minutes=1)
"""Nobody is blamed for a minute."""
_DAYS: Final = {Severity.SEV1: 7, Severity.SEV2: 7, Severity.SEV3: 14, Severity.SEV4: 30}
HEALTHY: Final = "healthy"
_FAILED: Final = frozenset({"not_fixed", "unknown", "unreachable", "mixed"})


class Action(NamedTuple):
    """Something that somebody should do, by when."""

    what: str
    owner: str
    due: date


def went_well(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[str, ...]:
    """What worked."""
    return tuple(_well(incident, settings, now))


def went_wrong(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[str, ...]:
    """What did not."""
    return tuple(_wrong(incident, settings, now))


def actions(incident: Incident, settings: IncidentSettings, now: datetime) -> tuple[Action, ...]:
    """What should be done, each thing once, with a person or role and a working day."""
    by = working_day((incident.resolved_at or now) + timedelta(days=_DAYS[incident.severity]), settings)
    suggested = dict(_suggested(incident, settings, now))
    if not suggested:
        suggested = {f"Decide whether {incident.title} needs an action at all": incident.commander}
    return tuple(Action(what, owner, by) for what, owner in suggested.items())


def working_day(moment: datetime, settings: IncidentSettings) -> date:
    """The day of a moment, Monday where that is at a weekend."""
    day = settings.local(moment).date()
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= _SATURDAY else 0)


_SATURDAY: Final = 5


def late_updates(incident: Incident, settings: IncidentSettings) -> tuple[timedelta, ...]:
    """How long each silence was that lasted longer than was promised, until it was resolved."""
    every = settings.update_every(incident.severity)
    if every is None:
        return ()
    told = [incident.declared_at, *(event.at for event in incident.timeline if isinstance(event.data, Updated))]
    end = incident.resolved_at or told[-1]
    moments = [*(each for each in told if each <= end), end]
    silences = (later - earlier for earlier, later in pairwise(moments))
    return tuple(silence for silence in silences if silence > every + _GRACE)


def _late_to_claim(incident: Incident, settings: IncidentSettings, now: datetime) -> timedelta | None:
    within = settings.respond_within(incident.severity)
    if within is None:
        return None
    late = (incident.acknowledged_at or incident.resolved_at or now) - incident.started_at - within
    return late if late > timedelta() else None


def _missed(incident: Incident, settings: IncidentSettings) -> Iterator[tuple[str, str, timedelta | None]]:
    """Yield escalations that came too late, or never (None): their reason, whom, how late."""
    events = [event for event in incident.timeline if isinstance(event.data, Escalated)]
    without = incident.model_copy(update={"escalations": (), "resolved_at": None})
    end = incident.resolved_at or incident.timeline[-1].at
    for one in due(without, settings, end):
        if not one.roles or one.at + _GRACE > end:
            continue
        answered = [
            event.at
            for event in events
            if isinstance(event.data, Escalated)
            and event.data.situation in {one.situation, None}
            and set(one.roles) <= set(event.data.roles)
        ]
        whom = ", ".join(settings.contacts[role].name for role in one.roles)
        if not answered:
            yield one.why, whom, None
        elif min(answered) > one.at + _GRACE:
            yield one.why, whom, min(answered) - one.at


def _well(incident: Incident, settings: IncidentSettings, now: datetime) -> Iterator[str]:
    if incident.detection is Detection.MONITORING:
        yield "Monitoring noticed it before anybody reported it."
    if incident.acknowledged_at is not None and _late_to_claim(incident, settings, now) is None:
        yield f"It was claimed {span(incident.acknowledged_at - incident.started_at)} after it was noticed."
    told = [event for event in incident.timeline if isinstance(event.data, Updated)]
    if told and not late_updates(incident, settings):
        yield f"Everybody was told in time ({len(told)} update{'s' if len(told) > 1 else ''})."
    if incident.escalations and not list(_missed(incident, settings)):
        yield "Whoever had to be called in was called in time."
    for action in incident.containments:
        yield f"The harm was kept from spreading: {_line(action)}."
    for run in incident.fixes:
        took = run.serving_again_seconds if run.serving_again_seconds is not None else run.seconds
        again = f", serving again after {took:g} s" if took is not None else ""
        yield f"{run.playbook} mended it and proved it{again} (run {run.shown})."
    refused = {step.code for run in incident.runs for step in run.refusals if step.code}
    if refused:
        yield f"Guards stopped what would not have been safe: {', '.join(sorted(refused))}."


def _wrong(incident: Incident, settings: IncidentSettings, now: datetime) -> Iterator[str]:
    if incident.detection is Detection.USER:
        yield "Users noticed it before monitoring did."
    if late := _late_to_claim(incident, settings, now):
        what = "claimed" if incident.acknowledged_at else "still not claimed"
        yield f"It was {what} {span(late)} later than {incident.severity.value} allows."
    for silence in late_updates(incident, settings):
        every = settings.update_every(incident.severity)
        yield f"Nobody was told anything for {span(silence)}; {span(every) if every else 'less'} is promised."
    for why, whom, delay in _missed(incident, settings):
        yield f"{whom} {'was never called in' if delay is None else f'was called in {span(delay)} late'} ({why})."
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
        although = "; ".join(doubts) or "no check could say that it is over"
        yield f"It was resolved although {although}: {_line(incident.override)}."


def _wrong_with(run: RunLanded) -> Iterator[str]:
    if run.verdict is None:
        yield f"{run.playbook} on {', '.join(run.hosts)} never finished (run {run.shown})."
    elif run.verdict in _FAILED:
        yield f"{run.playbook} came out {run.verdict.replace('_', ' ')} (run {run.shown})."
    if (took := _slow(run)) is not None:
        yield f"{run.playbook} took {span(took)} (run {run.shown})."


def _slow(run: RunLanded) -> timedelta | None:
    took = timedelta(seconds=run.seconds or 0)
    return took if run.mode == "fix" and took > SLOW else None


def _suggested(incident: Incident, settings: IncidentSettings, now: datetime) -> Iterator[tuple[str, str]]:
    commander, devops = incident.commander, _owner("devops", settings)
    if incident.detection is not Detection.MONITORING:
        symptom = incident.playbook or incident.title
        yield f"Add monitoring that notices {symptom} before people do", devops
    for run in incident.runs:
        yield from _from_run(run, commander, devops)
    if _unexplained(incident):
        yield f"Find the cause, and teach it to {incident.playbook or 'a playbook'} with a rehearsal case", commander
    if _late_to_claim(incident, settings, now):
        yield f"Make sure that a {incident.severity.value} reaches whoever is on call", _owner("on-call", settings)
    if late_updates(incident, settings):
        yield "Run incident.watch as a service, so that updates are not forgotten", commander
    for why, whom, _ in _missed(incident, settings):
        yield f"Find out why {whom} was not called in time ({why})", commander
    for name in _unnamed(incident, settings):
        yield f"Name a {name} in the contacts", commander
    for action in incident.containments:
        yield f"Undo or make permanent what contained it: {_line(action)}", commander
    if incident.cause is None and incident.fixes:
        yield f"Find out what was behind it: {_line(_mended(incident))}", commander


def _unnamed(incident: Incident, settings: IncidentSettings) -> Iterator[str]:
    """Yield roles that were called in, and nobody has."""
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
    if run.verdict is None:
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
    return "; ".join(dict.fromkeys(step.why for run in incident.fixes for step in run.changes)) or incident.title


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
