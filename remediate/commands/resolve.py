"""incident.resolve and incident.postmortem: end an incident, and write its post-mortem.

An incident ends only after its checks pass, or with an override.
"""

from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from remediate.commands.given import inventory_of, text_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.parsing import made, moment_of
from remediate.commands.terminal import stoppable
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict
from remediate.engine.fleet import run, select
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.incident.clock import REVIEWED
from remediate.incident.delivery import deliver_due
from remediate.incident.events import Confirmed, Resolved, Reviewed
from remediate.incident.lessons import working_days_later
from remediate.incident.messages import MessageKind
from remediate.incident.postmortem import file_name, mended_by, sections
from remediate.incident.postmortem_file import save
from remediate.incident.record import Incident
from remediate.incident.settings import Audience, IncidentSettings, within
from remediate.incident.template_context import MessageText
from remediate.journal.incident_ids import RESOLVED
from remediate.journal.journal import state_directory

_HOUR: Final = 10
"""Default hour of post-mortems, local time."""


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
    review_at = _review_at(room, incident)
    deliver_due(room.store, notifier=room.notifier)
    with stoppable() as stop:  # so that an interrupted check is recorded with an end
        confirmed = _confirmed(room, incident, stop)
        if stop.is_set():
            room.say("NOT RESOLVED: interrupted")
            return RunVerdict.INTERRUPTED.exit_code
    doubts = [one for one in confirmed if one.verdict != RunVerdict.HEALTHY.value]
    if (doubts or not confirmed) and not override:
        room.say("NOT RESOLVED: " + _doubt(doubts))
        for line in _instead(room, incident, doubts):
            room.say(line)
        room.document(room.store.load(incident.id))
        return FAILED_EXIT_CODE
    resolved = made(
        Resolved,
        summary=room.text("summary") or mended_by(room.store.load(incident.id)),
        confirmed=confirmed,
        override=override if doubts or not confirmed else "",
        postmortem_at=review_at,
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
        room.say(f"        not everybody was told: {room.program} incident.resolve --incident {shown} --send does")
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


def _write(room: IncidentContext, incident: Incident) -> None:
    shown = room.store.shown(incident.id)
    path = _path(room, incident, shown)
    deliveries = room.notifier.outbox.deliveries(incident=incident.id)
    kept = save(path, sections(incident, deliveries, room.settings, room.now, incident.commander))
    # Inside the project the path is relative, so that it is right in every checkout.
    home = _home(room)
    named = str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
    written = bool(kept.edited)
    if incident.postmortem_path != named or written > incident.postmortem_written:
        room.store.append(incident.id, room.who, room.now, Reviewed(path=named, edited=written))
    room.say(f"written       {named}")
    if kept.edited:
        room.say(f"        left as people wrote it: {', '.join(kept.edited)}")
    if kept.deleted:
        room.say(f"        left out, as people deleted it: {', '.join(kept.deleted)}")


def _path(room: IncidentContext, incident: Incident, shown: str) -> Path:
    given = text_of(room.flags, "output")
    if given is not None:
        return Path(given).expanduser().absolute()
    if incident.postmortem_path is not None:
        return _home(room) / incident.postmortem_path
    return within(room.root, state_directory(), room.settings.postmortems) / file_name(incident, shown)


def _home(room: IncidentContext) -> Path:
    return room.root or state_directory()


# -- services restored? ------------------------------------------------------------------------------------------------


class _Check(NamedTuple):
    playbook: str
    hosts: tuple[str, ...]


def _confirmed(room: IncidentContext, incident: Incident, stop: Event) -> tuple[Confirmed, ...]:
    """Run the check of every used playbook, on the hosts where it was used.

    A check that cannot be run is a doubt, not a yes.
    """
    shown = room.store.shown(incident.id)
    found: list[Confirmed] = []
    for check in _checks(room, incident):
        if stop.is_set():
            break
        room.terminal.progress(f"check.{check.playbook} on {', '.join(check.hosts)}")
        try:
            runnable = room.project.load(check.playbook)
            hosts = select(",".join(check.hosts), inventory_of(room.flags, room.project))
            report = run(
                runnable,
                hosts,
                options=Options(plan=True, incident=shown),
                journal=room.project.journal(),
                project=room.store.project,
                stop=stop,
            )
        except ConfigurationError as error:
            found.append(
                Confirmed(
                    playbook=check.playbook, host=", ".join(check.hosts), verdict="not asked", run="", note=str(error)
                )
            )
            continue
        found += _answers(check, report)
    for one in found:
        room.say(f"services      {one.playbook} on {one.host}: {one.verdict}{f' ({one.note})' if one.note else ''}")
    return tuple(found)


def _answers(check: _Check, report: Report) -> list[Confirmed]:
    if not report.hosts:
        note = report.error.message if report.error else "no host answered"
        return [
            Confirmed(
                playbook=check.playbook, host=", ".join(check.hosts), verdict="not asked", run=report.run, note=note
            )
        ]
    return [
        Confirmed(
            playbook=check.playbook,
            host=host.name,
            verdict=host.verdict.value,
            run=report.run,
            note="" if host.error is None else host.error.message,
        )
        for host in report.hosts
    ]


def _checks(room: IncidentContext, incident: Incident) -> tuple[_Check, ...]:
    """Return the used playbooks with their hosts, and the one that triage named.

    The triage's playbook is checked on the incident's hosts, unless a run has used it.
    """
    where: dict[str, dict[str, None]] = {}
    known = room.project.playbooks()
    for one in incident.runs:
        if one.playbook in known:
            where.setdefault(one.playbook, {}).update(dict.fromkeys(one.hosts))
    suspected = incident.playbook
    if suspected is not None and suspected in known and suspected not in where and incident.hosts:
        where[suspected] = dict.fromkeys(incident.hosts)
    return tuple(_Check(playbook, tuple(hosts)) for playbook, hosts in where.items())


def _doubt(doubts: list[Confirmed]) -> str:
    if not doubts:
        return "no playbook was used and none was named by triage, so no check can say that it is over"
    return "; ".join(f"{one.playbook} on {one.host} is {one.verdict.replace('_', ' ')}" for one in doubts)


def _instead(room: IncidentContext, incident: Incident, doubts: list[Confirmed]) -> list[str]:
    """Return the commands to type instead: fixes for pending faults, otherwise checks, or an override."""
    shown = room.store.shown(incident.id)
    verbs = {one: "fix" if one.verdict == RunVerdict.PENDING.value else "check" for one in doubts if one.run}
    commands = [
        f"{room.program} {verb}.{one.playbook} --host {one.host} --incident {shown}" for one, verb in verbs.items()
    ]
    heads = ["next", *[""] * len(commands)]
    override = 'or add --override "why it is over"'
    return [f"{head:<8}{line}" for head, line in zip(heads, [*commands, override], strict=False)]


def _review_at(room: IncidentContext, incident: Incident) -> datetime | None:
    if given := room.text("postmortem_at"):
        return moment_of(given, "postmortem-at", room.settings, room.now, ahead=True)
    return scheduled(room.settings, room.now) if incident.severity in REVIEWED else None


def scheduled(settings: IncidentSettings, now: datetime) -> datetime:
    """Return when the post-mortem is held: in the morning, `postmortem_days` working days later."""
    day = working_days_later(now, settings.postmortem_days, settings)
    morning = datetime(day.year, day.month, day.day, _HOUR, tzinfo=None)  # noqa: DTZ001  # local; zone set below
    if settings.timezone is not None:
        return morning.replace(tzinfo=ZoneInfo(settings.timezone))
    return morning.astimezone()
