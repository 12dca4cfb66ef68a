"""incident.*: claims, contains, updates and shows an incident."""

import re
from collections.abc import Sequence
from typing import Final

from remediate.commands.given import text_of
from remediate.commands.incident_context import IncidentContext, IncidentList
from remediate.commands.parsing import made, severity_of
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.incident.clock import DueKind, due, named
from remediate.incident.delivery import deliver_due, failed, standing, told
from remediate.incident.events import (
    Acknowledged,
    CommandTaken,
    Contained,
    Data,
    Identified,
    Noted,
    SeverityChanged,
    SituationFound,
    Updated,
)
from remediate.incident.messages import MessageKind
from remediate.incident.queue import State
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText
from remediate.incident.timeline import entries, headline, markdown_lines, terminal_lines
from remediate.incident.update_text import next_step, state_of
from remediate.incident.vocabulary import IncidentStatus, Situation

_LISTED: Final = 20


def acknowledge(room: IncidentContext) -> int:
    """Claim an incident, so that everybody sees who has it.

    Returns 5 if another person has it and --take-over is missing.
    """
    incident = room.open_incident()
    commander = room.text("commander") or room.who.partition("@")[0]
    claim = made(Acknowledged, commander=commander)
    if room.store.append(incident.id, room.who, room.now, claim, once="acknowledged") is None:
        has = room.store.load(incident.id)
        if has.commander != commander and not room.given("take_over"):
            at = f" since {room.when(has.acknowledged_at)}" if has.acknowledged_at else ""
            room.say(f"{has.commander} has it{at}: --take-over makes {commander} its commander")
            room.document(has)
            return FAILED_EXIT_CODE
        if has.commander != commander:
            room.record(incident, CommandTaken(commander=commander))
    incident = room.store.load(incident.id)
    late = ""
    within = room.settings.respond_within(incident.severity)
    if incident.acknowledged_at and within and incident.acknowledged_at > incident.started_at + within:
        late = f", after the {within.total_seconds() / 60:g} minutes that {incident.severity.value} allows"
    room.say(f"{incident.commander} has it{late}: {incident.severity.value} {incident.title}")
    room.document(incident)
    return 0


def contain(room: IncidentContext) -> int:
    """Record a containment.

    It stopped the harm from spreading, but is not the fix, and has to be undone one day.
    """
    incident = room.open_incident()
    room.record(incident, made(Contained, action=_needed(room, "action")))
    return _noted(room, incident, "contained")


def identify(room: IncidentContext) -> int:
    """Record the cause."""
    incident = room.open_incident()
    room.record(incident, made(Identified, cause=_needed(room, "cause")))
    return _noted(room, incident, "cause noted")


def note(room: IncidentContext) -> int:
    """Add a note; also to a resolved incident."""
    incident = room.incident(or_newest=True)
    room.record(incident, made(Noted, text=_needed(room, "text")))
    return _noted(room, incident, "noted")


def update(room: IncidentContext) -> int:
    """Record an update from the flags and the runs. The time to the next one starts then."""
    incident = room.open_incident()
    said = made(
        Updated,
        {"next_steps": "next"},
        status=_status(room, incident),
        state=room.text("state") or state_of(incident),
        actions=room.text("actions"),
        next_steps=room.text("next") or next_step(_status(room, incident)),
        eta=room.text("eta"),
        impact=room.text("impact"),
        public_title=room.text("public_title") or None,
    )
    changes: list[Data] = []
    if given := room.text("severity"):
        changes.append(made(SeverityChanged, severity=severity_of(given), reason=room.text("reason")))
    if cause := room.text("cause"):
        changes.append(made(Identified, cause=cause))
    found = [each for each in (Situation.BREACH, Situation.PROVIDER) if room.given(each.value)]
    changes += [made(SituationFound, situation=each) for each in found if each not in incident.situations]
    words = MessageText(text=room.text("public"))
    # A message that cannot be rendered fails here, before anything is written. Otherwise the next try would write
    # it again.
    foreseen = room.foreseen(incident, *changes, said)
    room.check(foreseen, MessageKind.UPDATE, Audience.INTERNAL)
    if room.is_public(foreseen):
        room.check(foreseen, MessageKind.STATUS, Audience.PUBLIC, words=words)
    deliver_due(room.store, notifier=room.notifier)
    for change in changes:
        room.record(incident, change)
    event = room.record(incident, said)
    incident = room.store.load(incident.id)
    room.tell(incident, MessageKind.UPDATE, Audience.INTERNAL, key=f"update:{event}")
    if room.is_public(incident):
        room.tell(incident, MessageKind.STATUS, Audience.PUBLIC, key=f"update:{event}:public", words=words)
    incident = room.store.load(incident.id)
    for one in due(incident, room.settings, room.now):
        if one.kind is DueKind.UPDATE:
            room.say(f"next    update by {room.when(one.at)}")
    room.document(incident)
    return 0


def list_incidents(room: IncidentContext) -> int:
    """List the newest incidents, with their next due action and their unsent messages."""
    limit = text_of(room.flags, "limit") or str(_LISTED)
    if not re.fullmatch("0*[1-9][0-9]{0,5}", limit):
        raise ConfigurationError("--limit takes a number of incidents, from 1")
    found = room.store.open_incidents() if room.given("open") else room.store.incidents(limit=int(limit))
    found = found[: int(limit)]
    if room.given("json"):
        document = IncidentList(incidents=tuple(room.report(incident) for incident in found))
        room.terminal.say(document.model_dump_json(by_alias=True))
    else:
        _tell_list(room, found)
    return 0


def _tell_list(room: IncidentContext, found: Sequence[Incident]) -> None:
    waiting = [*room.notifier.outbox.deliveries(unfinished=True), *failed(room.notifier, found)]
    for incident in found:
        line = headline(incident, room.store.shown(incident.id), room.now)
        first = next(iter(due(incident, room.settings, room.now)), None)
        if first is not None:
            overdue = "OVERDUE" if first.over(room.now) else "due"
            line += f"   {named(first, room.settings)} {overdue} {room.settings.local(first.at):%Y-%m-%d %H:%M}"
        room.say(line)
        for one in waiting:
            if one.message.incident == incident.id:
                room.say(f"        {told(one, room.now)}")
    if not found:
        room.say("no incident is open" if room.given("open") else "no incidents yet")
    listed = {incident.id for incident in found}
    for one in waiting:
        if one.message.incident not in listed:
            room.say(f"{room.store.shown(one.message.incident)}  not listed here: {told(one, room.now)}")
    if any(one.state is not State.FAILED and one.channel in room.notifier.channels for one in waiting):
        room.say(f"        {room.still_trying}")


def timeline(room: IncidentContext) -> int:
    """Show everything that happened, oldest first."""
    incident = room.incident(or_newest=True)
    room.document(incident)
    entered = entries(incident, standing(room.notifier.outbox.deliveries(incident=incident.id), room.now))
    if room.given("markdown"):
        room.say(f"# Timeline: {' '.join(incident.title.split())}\n")
        for line in markdown_lines(entered, room.settings):
            room.say(line)
        return 0
    room.say(headline(incident, room.store.shown(incident.id), room.now))
    for line in terminal_lines(entered, room.settings):
        room.say(line)
    for one in due(incident, room.settings, room.now):
        state = "OVERDUE since" if one.over(room.now) else "due"
        room.say(f"{state} {room.when(one.at)}: {named(one, room.settings)}: {one.why}")
    return 0


# -- what several of them need -----------------------------------------------------------------------------------------


def _noted(room: IncidentContext, incident: Incident, what: str) -> int:
    incident = room.store.load(incident.id)
    room.say(f"{what}: {incident.severity.value} {incident.title}, {incident.status.value}")
    room.document(incident)
    return 0


def _needed(room: IncidentContext, flag: str) -> str:
    text = room.text(flag).strip()
    if not text:
        raise ConfigurationError(f"--{flag} is missing: say it in a few words")
    return text


def _status(room: IncidentContext, incident: Incident) -> IncidentStatus:
    text = room.text("status")
    if not text:
        identified = room.text("cause") and incident.status is IncidentStatus.INVESTIGATING
        return IncidentStatus.IDENTIFIED if identified else incident.status
    found = next((each for each in IncidentStatus if each.value.lower() == text.lower()), None)
    if found is None or found is IncidentStatus.RESOLVED:
        accepted = ", ".join(each.value for each in IncidentStatus if each is not IncidentStatus.RESOLVED)
        hint = "; incident.resolve looks first whether it is" if found else ""
        raise ConfigurationError(f"--status takes {accepted}, not {text!r}{hint}")
    return found
