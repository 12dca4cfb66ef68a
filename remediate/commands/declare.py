"""incident.declare: opens an incident, with the questions of 3.2 answered as far as known."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from remediate.commands.given import inventory_of, text_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.parsing import made, moment_of, severity_of
from remediate.commands.triage import asked, given_answers
from remediate.core.outcome import RunVerdict
from remediate.core.playbook import Severity
from remediate.core.verdict import HANDED_OVER
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
from remediate.journal.journal import Journal
from remediate.journal.models import RunSummary
from remediate.journal.run_id import new_run_id
from remediate.triage.assessment import QUESTIONS, Answers, Assessment, Known, assess, assess_again
from remediate.triage.triage import Candidate as Suspect
from remediate.triage.triage import TriageReport

_RUNS: Final = 200
_EVIDENCE: Final = 2


def declare(room: IncidentContext) -> int:
    """Declare an incident from the newest triage, the runs since then, and the flags."""
    hosts = _hosts(room)
    report = _triage(room, hosts)
    assessment = _assessment(room, report)
    severity, reason = _severity(room, report, assessment)
    first_alert = room.text("first_alert")
    noticed = moment_of(first_alert, "first-alert", room.settings, room.now) if first_alert else None
    hosts = hosts or (tuple(host.name for host in report.hosts) if report else ())
    runs = _runs(room, hosts, noticed or (report.started if report else None))
    playbook = _playbook(report, runs)
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


def _hosts(room: IncidentContext) -> tuple[str, ...]:
    target = text_of(room.flags, "host")
    if target is None:
        return ()
    return tuple(host.name for host in select(target, inventory_of(room.flags, room.project)))


def _triage(room: IncidentContext, hosts: Sequence[str]) -> TriageReport | None:
    """Return the newest unused triage that found something here; None if there is none.

    It must be recent enough, concern these hosts, and belong to no incident. If a host was triaged again later, only
    the later result counts for it, even if an incident used that one. With a title but without hosts no triage is used,
    because the title may be about something else.
    """
    if room.text("title") and not hosts:
        return None
    used = room.store.triages_used()
    since = room.now - timedelta(minutes=room.settings.lookback_minutes)
    later: set[str] = set()
    for text in room.store.triages_since(since):
        try:
            report = TriageReport.model_validate_json(text)
        except ValidationError:  # written by another version, so it is ignored
            continue
        names = {host.name for host in report.hosts}
        found = {host.name for host in report.hosts if host.matching or host.error}
        if (not hosts or names.intersection(hosts)) and found - later and report.started not in used:
            return report
        later |= names
    return None


def _assessment(room: IncidentContext, report: TriageReport | None) -> Assessment:
    answers = given_answers(room.flags)
    known = {name: answer for name, answer in answers if answer is not None}
    if report is not None:
        first = report.assessment
        return assess_again(first.model_copy(update={"from_facts": _unsaid(first, known)}), known) if known else first
    assessment = assess(Known.UNKNOWN, answers, matches=False)
    if assessment.severity is None and not room.text("severity") and room.terminal.interactive:
        assessment = asked(assess(Known.UNKNOWN, Answers(), matches=True), room.terminal)
    return assessment


def _unsaid(assessment: Assessment, said: object) -> tuple[str, ...]:
    return tuple(name for name in assessment.from_facts if not isinstance(said, dict) or name not in said)


def _severity(room: IncidentContext, report: TriageReport | None, assessment: Assessment) -> tuple[Severity, str]:
    texts = {question.name: question.text for question in QUESTIONS}
    said = ", ".join(
        f"{texts[name]} {answer.value} ({_source(name, assessment)})" for name, answer in assessment.answers.items()
    )
    evidence = _evidence(report)
    said = "; ".join(part for part in (said, evidence) if part)
    if given := room.text("severity"):
        return severity_of(given), room.text("reason") or (f"it was given; {said}" if said else "it was given")
    if assessment.severity is not None:
        return assessment.severity, room.text("reason") or said
    matching = [each for host in report.hosts for each in host.matching] if report is not None else []
    if matching:
        worst = min(matching, key=lambda each: each.severity.value)
        return worst.severity, f"{worst.playbook} at worst; whether the site can be used could not be told"
    raise ConfigurationError(
        "how bad is it? Answer --accessible, --data, --revenue or --users, give --severity, or run triage before"
    )


def _source(name: str, assessment: Assessment) -> str:
    if name not in assessment.from_facts:
        return "said"
    return "seen" if name == "accessible" else "inferred"


def _evidence(report: TriageReport | None) -> str:
    found = [each for host in report.hosts for one in host.matching[:1] for each in one.evidence] if report else []
    return "; ".join(found[:_EVIDENCE])


def _runs(room: IncidentContext, hosts: Sequence[str], since: datetime | None) -> tuple[RunSummary, ...]:
    """Return the runs that led to it.

    These are the named runs, and the runs on its hosts since it was first noticed that belong to no incident yet.
    Raises ConfigurationError for a named run that belongs to another incident.
    """
    taken = room.store.attached()
    journal = Journal.open(room.project.journal())
    try:
        named = room.flags.get("run")
        wanted = [journal.find(str(prefix)) for prefix in named] if isinstance(named, list) else []
        found = journal.runs(limit=_RUNS) if since is not None and hosts else ()
    finally:
        journal.close()
    for run in wanted:
        if (other := _belongs(room, run, taken)) is not None:
            raise ConfigurationError(f"run {run.shown} belongs to incident {other} already")
    own = [run for run in found if since is not None and run.started >= since and {*run.hosts} & {*hosts}]
    picked = {run.id: run for run in [*own, *wanted] if run in wanted or _belongs(room, run, taken) is None}
    return tuple(sorted(picked.values(), key=lambda run: run.started))


def _belongs(room: IncidentContext, run: RunSummary, taken: Mapping[str, str]) -> str | None:
    """Return the short id of a run's incident; None if it has none.

    An id that is not in the store is returned as the run has it.
    """
    of = taken.get(run.id) or run.incident
    return room.store.shown(of) if of in room.store.ids() else of


def _playbook(report: TriageReport | None, runs: Sequence[RunSummary]) -> str | None:
    found = [_whose(each) for host in report.hosts for each in host.matching] if report is not None else []
    used = [run.playbook for run in reversed(runs) if not run.playbook.startswith("do.") and _sick(run)]
    return next(iter((*found, *used)), None)


def _whose(incident: Suspect) -> str:
    """Return the playbook that handles the incident: another one, if its own only hands over."""
    own = [code for code in incident.codes if code not in HANDED_OVER]
    return HANDED_OVER[incident.codes[0]] if incident.codes and not own and not incident.mends else incident.playbook


def _sick(run: RunSummary) -> bool:
    return run.verdict != RunVerdict.HEALTHY.value


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
