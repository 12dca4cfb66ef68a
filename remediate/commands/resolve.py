"""incident.resolve and incident.postmortem: end an incident, and write its post-mortem.

An incident ends only after its checks pass, or with an override.
"""

from datetime import datetime
from pathlib import Path
from threading import Event

from remediate.commands.given import inventory_of, text_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.parsing import made, moment_of
from remediate.commands.terminal import stoppable
from remediate.core.home import at_home
from remediate.core.outcome import RunVerdict
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.incident.clock import REVIEWED
from remediate.incident.delivery import deliver_due
from remediate.incident.events import Confirmed, Resolved
from remediate.incident.messages import MessageKind
from remediate.incident.postmortem import mended_by
from remediate.incident.record import Incident
from remediate.incident.resolution import checks, confirmed, draft, review_at
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText
from remediate.journal.incident_ids import RESOLVED


def resolve(room: IncidentContext) -> int:
    """Resolve an incident as in 7.1.

    Returns 5 and leaves it open if a check is not healthy, or there is none, and --override is missing.
    """
    # If none is open, the newest resolved one is meant: after an interruption its messages can still be sent.
    incident = room.incident(or_newest=True)
    if incident.resolved_at is not None:
        room.say(f"        it was resolved already, at {room.when(incident.resolved_at)}")
        code = _walk(room, incident)
        room.document(room.store.load(incident.id))
        return code
    override = room.text("override").strip()
    review = _review_at(room, incident)
    deliver_due(room.store, notifier=room.notifier)
    with stoppable() as stop:  # so that an interrupted check is recorded with an end
        found = _confirmed(room, incident, stop)
        if stop.is_set():
            room.say("NOT RESOLVED: interrupted")
            return RunVerdict.INTERRUPTED.exit_code
    doubts = [one for one in found if one.verdict != RunVerdict.HEALTHY.value]
    if (doubts or not found) and not override:
        room.say("NOT RESOLVED: " + _doubt(doubts))
        for line in _instead(room, incident, doubts):
            room.say(line)
        room.document(room.store.load(incident.id))
        return FAILED_EXIT_CODE
    resolved = made(
        Resolved,
        summary=room.text("summary") or mended_by(room.store.load(incident.id)),
        confirmed=found,
        override=override if doubts or not found else "",
        postmortem_at=review,
    )
    room = room.later()
    if room.store.append(incident.id, room.who, room.now, resolved, once=RESOLVED) is None:
        room.say("        somebody else has just resolved it")
    incident = room.store.load(incident.id)
    code = _walk(room, incident)
    room.document(room.store.load(incident.id))
    return code


def _walk(room: IncidentContext, incident: Incident) -> int:
    """Take steps 2 to 5 of 7.1; the first has been taken. Returns 5 if the post-mortem could not be written."""
    shown = room.store.shown(incident.id)
    room.say(f"RESOLVED {incident.severity.value} {incident.title}   incident {shown}")
    sent = True
    if room.is_public(incident):
        words = MessageText(text=room.text("public"))
        key = f"resolution:{incident.id}:public"
        sent = room.tell(incident, MessageKind.RESOLUTION, Audience.PUBLIC, key=key, words=words)
    sent &= room.tell(incident, MessageKind.RESOLUTION, Audience.INTERNAL, key=f"resolution:{incident.id}")
    if not sent:
        room.say(f"        not everybody was notified: {room.program} incident.resolve --incident {shown} --send does")
    room.say(f"timeline      {len(incident.timeline)} entries: {room.program} incident.timeline --incident {shown}")
    if incident.severity in REVIEWED:
        if incident.postmortem_at is not None:
            room.say(f"post-mortem   {room.settings.local(incident.postmortem_at):%Y-%m-%d %H:%M}")
        try:
            _write(room, incident)
        except ConfigurationError as error:  # the resolution holds without a post-mortem
            room.terminal.progress(f"no post-mortem written: {error}")
            room.say(f"next          {room.program} incident.postmortem --incident {shown} --output FILE")
            return FAILED_EXIT_CODE
    return 0


def postmortem(room: IncidentContext) -> int:
    """Write or update the post-mortem; people's edits stay."""
    _write(room, room.incident(or_newest=True))
    return 0


def _output(given: str) -> Path:
    try:
        return at_home(Path(given)).absolute()
    except ValueError as why:
        raise ConfigurationError(f"--output: {given} {why}") from None


def _write(room: IncidentContext, incident: Incident) -> None:
    given = text_of(room.flags, "output")
    named, kept = draft(
        incident,
        room.notifier.outbox.deliveries(incident=incident.id),
        store=room.store,
        settings=room.settings,
        root=room.root,
        who=room.who,
        now=room.now,
        output=None if given is None else _output(given),
    )
    room.say(f"written       {named}")
    if kept.edited:
        room.say(f"        left as people wrote it: {', '.join(kept.edited)}")
    if kept.deleted:
        room.say(f"        left out, as people deleted it: {', '.join(kept.deleted)}")


# -- services restored? ------------------------------------------------------------------------------------------------


def _confirmed(room: IncidentContext, incident: Incident, stop: Event) -> tuple[Confirmed, ...]:
    """Run the check of every used playbook, on the hosts where it was used."""
    shown = room.store.shown(incident.id)
    found: list[Confirmed] = []
    for check in checks(incident, room.project):
        if stop.is_set():
            break
        room.terminal.progress(f"check.{check.playbook} on {', '.join(check.hosts)}")
        found += confirmed(check, shown, room.project, inventory_of(room.flags, room.project), stop=stop)
    for one in found:
        room.say(f"services      {one.playbook} on {one.host}: {one.verdict}{f' ({one.note})' if one.note else ''}")
    return tuple(found)


def _doubt(doubts: list[Confirmed]) -> str:
    if not doubts:
        return "no playbook was used and none was named by triage, so no check can say that it is over"
    return "; ".join(f"{one.playbook} on {one.host} is {one.verdict.replace('_', ' ')}" for one in doubts)


def _instead(room: IncidentContext, incident: Incident, doubts: list[Confirmed]) -> list[str]:
    """Return the commands to type instead: fixes for pending faults, otherwise checks, or an override."""
    shown = room.store.shown(incident.id)
    verbs = {one: "fix" if one.verdict == RunVerdict.PENDING.value else "check" for one in doubts if one.run}
    commands = [
        f"{room.program} {verb}.{one.playbook} {room.on([one.host])} --incident {shown}" for one, verb in verbs.items()
    ]
    heads = ["next", *[""] * len(commands)]
    anyway = f'{room.program} incident.resolve --incident {shown} --override "why it is over"'
    override = f"or {anyway}" if commands else anyway
    return [f"{head:<8}{line}" for head, line in zip(heads, [*commands, override], strict=False)]


def _review_at(room: IncidentContext, incident: Incident) -> datetime | None:
    if given := room.text("postmortem_at"):
        return moment_of(given, "postmortem-at", room.settings, room.now, ahead=True)
    return review_at(incident, room.settings, room.now)
