"""incident.declare: opens an incident, with the questions of 3.2 answered as far as known."""

from collections.abc import Iterator, Sequence
from typing import Final

from remediate.commands.given import inventory_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.incident_evidence import (
    assessment_of,
    hosts_of,
    newest_triage,
    playbook_of,
    runs_of,
    severity_with_reason,
)
from remediate.commands.parsing import made, moment_of
from remediate.engine.fleet import select
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.incident.clock import due, named
from remediate.incident.delivery import deliver_due
from remediate.incident.events import Acknowledged, Declared, Event
from remediate.incident.messages import MessageKind
from remediate.incident.record import Incident, fold
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText
from remediate.incident.vocabulary import Detection, Situation
from remediate.journal.run_id import new_run_id
from remediate.triage.assessment import Assessment


def declare(room: IncidentContext) -> int:
    """Declare an incident from the newest triage, the runs since then, and the flags."""
    hosts = hosts_of(room)
    report = newest_triage(room, hosts)
    assessment = assessment_of(room, report)
    severity, reason = severity_with_reason(room, report, assessment)
    first_alert = room.text("first_alert")
    noticed = moment_of(first_alert, "first-alert", room.settings, room.now) if first_alert else None
    hosts = hosts or (tuple(host.name for host in report.hosts) if report else ())
    runs = runs_of(room, hosts, noticed or (report.started if report else None))
    playbook = playbook_of(report, runs)
    hosts = hosts or tuple(dict.fromkeys(name for run in runs for name in run.hosts))
    me = room.who.partition("@")[0]
    commander = room.text("commander") or me
    title = room.text("title")
    declared = made(
        Declared,
        {"detected_by": "source", "customers": "internal-only", "first_alert_at": "first-alert"},
        title=title or _title(playbook, hosts),
        # The public title leaves out host names, which are internal.
        public_title=room.text("public_title") or (None if title else _title(playbook, ())),
        triaged_at=report.started if report else None,
        severity=severity,
        severity_reason=reason,
        answers=assessment.answers,
        impact=room.text("impact") or _impact(assessment),
        commander=commander,
        detection=_detection(room.text("detected")),
        detected_by=room.text("source"),
        first_alert_at=noticed,
        customers=not room.given("internal_only"),
        situations=tuple(each for each in (Situation.BREACH, Situation.PROVIDER) if room.given(each.value)),
        hosts=hosts,
        playbook=playbook,
    )
    # Declaring also claims it, which saves a command in an emergency. Nobody is made to claim it in another's
    # name.
    claim = made(Acknowledged, commander=commander) if commander == me and not room.given("unclaimed") else None
    _check(room, declared, claim)
    if not _another(room):
        room.say("        nothing was declared")
        return FAILED_EXIT_CODE
    deliver_due(room.store, notifier=room.notifier)
    incident = room.store.declare(room.who, room.now, declared, runs=[run.id for run in runs])
    if claim is not None:
        room.store.append(incident.id, room.who, room.now, claim, once="acknowledged")
        incident = room.store.load(incident.id)
    _told(room, incident)
    return 0


def _check(room: IncidentContext, declared: Declared, claim: Acknowledged | None) -> None:
    """Raise ConfigurationError if a message cannot be rendered or sent, before anything is declared.

    After a failure the next try would otherwise declare the incident twice.
    """
    new = new_run_id()
    happened = [each for each in (declared, claim) if each is not None]
    incident = fold(Event(id=new_run_id(), incident=new, at=room.now, who=room.who, data=each) for each in happened)
    room.check(incident, MessageKind.DECLARATION, Audience.INTERNAL)
    if room.is_public(incident):
        room.check(incident, MessageKind.STATUS, Audience.PUBLIC, words=MessageText(text=room.text("public")))


def _another(room: IncidentContext) -> bool:
    """Show the open incidents, and ask a person whether this is another one."""
    found = room.store.open_incidents()
    say = room.terminal.progress if room.given("json") else room.terminal.say
    for one in found:
        say(f"already open: {room.store.shown(one.id)} {one.severity.value} {one.title}")
    if not found or not room.terminal.interactive or room.given("json"):
        return True
    return room.terminal.ask("Declare another one? [y/N]").lower() in {"y", "yes"}


def _told(room: IncidentContext, incident: Incident) -> None:
    shown = room.store.shown(incident.id)
    claimed = "" if incident.acknowledged_at else ", who has not claimed it yet"
    holder = f"commander {incident.commander}{claimed}"
    room.say(f"{incident.severity.value} {incident.title}   incident {shown}   {holder}")
    if incident.severity_reason:
        room.say(f"        because {incident.severity_reason}")
    for run in incident.runs:
        room.say(f"        run {run.shown} ({run.playbook}: {run.verdict}) belongs to it")
    sent = room.tell(incident, MessageKind.DECLARATION, Audience.INTERNAL, key=f"declaration:{incident.id}")
    if room.is_public(incident):
        words = MessageText(text=room.text("public"))
        room.tell(incident, MessageKind.STATUS, Audience.PUBLIC, key=f"declaration:{incident.id}:public", words=words)
    first = (
        f"fix.{incident.playbook} --host {','.join(incident.hosts)}" if incident.playbook and incident.hosts else None
    )
    if first:
        room.say(f"next    {room.program} {first} --incident {shown}")
    if not sent:
        room.say(f"        nothing was sent: {room.program} incident.update --send tells everybody")
    for one in due(incident, room.settings, room.now)[:2]:
        room.say(f"        {named(one, room.settings)} by {room.when(one.at)}: {one.why}")
    for title, url in dict.fromkeys(_links(room, incident)):
        room.say(f"link    {title}: {url}")
    room.document(incident)


def _links(room: IncidentContext, incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield useful links: the team's pages, and the error tracking of these hosts."""
    yield from ((title, str(url)) for title, url in room.settings.links.items())
    try:
        hosts = select(",".join(incident.hosts), inventory_of(room.flags, room.project)) if incident.hosts else ()
    except ConfigurationError:  # the declaration holds even if the inventory cannot be read
        return
    for host in hosts:
        if (url := host.settings.links.error_tracking) is not None:
            yield "error tracking", str(url)


def _title(playbook: str | None, hosts: Sequence[str]) -> str:
    if playbook is None:
        raise ConfigurationError("what is it called? Give --title, or run triage before")
    where = f" on {', '.join(hosts)}" if hosts else ""
    return f"{playbook.replace('-', ' ').capitalize()}{where}"


_IMPACT: Final = {
    ("accessible", "no"): "the service cannot be used",
    ("accessible", "partial"): "the service can only be used in part",
    ("users", "all"): "all users are affected",
    ("users", "many"): "many users are affected",
    ("users", "few"): "few users are affected",
}
"""Wording of the answers for the impact; customers may read it."""


def _impact(assessment: Assessment) -> str:
    answers = ((name, answer.value) for name, answer in assessment.answers.items())
    text = ", ".join(_IMPACT[each] for each in answers if each in _IMPACT)
    return text[:1].upper() + text[1:]


def _detection(text: str) -> Detection:
    try:
        return Detection(text or Detection.INTERNAL.value)
    except ValueError:
        accepted = ", ".join(each.value for each in Detection)
        raise ConfigurationError(f"--detected takes {accepted}, not {text!r}") from None
