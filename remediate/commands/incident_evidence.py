"""Evidence for a declaration: the hosts, the newest triage, the severity, the runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from remediate.commands.given import inventory_of, text_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.parsing import severity_of
from remediate.commands.triage import asked, given_answers
from remediate.core.outcome import RunVerdict
from remediate.core.playbook import Severity
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError
from remediate.incident.clock import span
from remediate.journal.journal import Journal
from remediate.journal.models import RunSummary
from remediate.triage.assessment import QUESTIONS, Answers, Assessment, Known, assess, assess_again
from remediate.triage.candidate import handled_by
from remediate.triage.triage import TriageReport

_RUNS: Final = 200
_EVIDENCE: Final = 2
FRESH: Final = timedelta(minutes=15)
"""Age up to which a triage is what can be seen now: the time in which a SEV-1 is claimed (1.1)."""
_REMEMBERED: Final = timedelta(days=1)
"""Age up to which a triage is mentioned that is too old to begin an incident with."""


def hosts_of(room: IncidentContext) -> tuple[str, ...]:
    """Return the names of the hosts given by `--host`, none without."""
    target = text_of(room.flags, "host")
    if target is None:
        return ()
    return tuple(host.name for host in select(target, inventory_of(room.flags, room.project)))


def newest_triage(room: IncidentContext, hosts: Sequence[str]) -> TriageReport | None:
    """Return the newest unused triage that found something here; None if there is none.

    It must be recent enough, concern these hosts, and belong to no incident. If a host was triaged again later, only
    the later result counts for it, even if an incident used that one. With a title but without hosts no triage is used,
    because the title may be about something else.
    """
    return _newest(room, hosts, timedelta(minutes=room.settings.lookback_minutes))


def unused_triage(room: IncidentContext, hosts: Sequence[str]) -> str:
    """Return the line about a triage that is too old to use; empty without one."""
    report = _newest(room, hosts, _REMEMBERED)
    if report is None:
        return ""
    return f"the triage of {_moment_and_age(room, report)}, is too old and was not used: {_again(room, report)}"


def age_of(room: IncidentContext, report: TriageReport) -> str:
    """Return the line about the age of a used triage, and how to repeat it."""
    said = f"from the triage of {_moment_and_age(room, report)}"
    return f"{said}, which may be over: {_again(room, report)}" if _is_old(room, report) else said


def _is_old(room: IncidentContext, report: TriageReport) -> bool:
    return room.now - report.started > FRESH


def _moment_and_age(room: IncidentContext, report: TriageReport) -> str:
    return f"{room.when(report.started)}, {span(room.now - report.started)} ago"


def _again(room: IncidentContext, report: TriageReport) -> str:
    return f"{room.program} triage {room.on(host.name for host in report.hosts)} looks again"


def _newest(room: IncidentContext, hosts: Sequence[str], age: timedelta) -> TriageReport | None:
    if room.text("title") and not hosts:
        return None
    used = room.store.triages_used()
    since = room.now - age
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


def assessment_of(room: IncidentContext, report: TriageReport | None) -> Assessment:
    """Answer the four questions from flags and triage, or ask at the terminal."""
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


def severity_with_reason(
    room: IncidentContext, report: TriageReport | None, assessment: Assessment
) -> tuple[Severity, str]:
    """Return the severity and its reason. Raises ConfigurationError if nothing tells it."""
    texts = {question.name: question.text for question in QUESTIONS}
    said = ", ".join(
        f"{texts[name]} {answer.value} ({_source(name, assessment)})" for name, answer in assessment.answers.items()
    )
    # The reason is sent to everybody and stays in the record, so it says that what was seen may be over.
    old = f"seen {span(room.now - report.started)} before" if report is not None and _is_old(room, report) else ""
    said = "; ".join(part for part in (said, _evidence(report), old) if part)
    if given := room.text("severity"):
        return severity_of(given), room.text("reason") or (f"it was given; {said}" if said else "it was given")
    if assessment.severity is not None:
        return assessment.severity, room.text("reason") or said
    matching = [each for host in report.hosts for each in host.matching] if report is not None else []
    if matching:
        worst = min(matching, key=lambda each: each.severity.value)
        return worst.severity, f"{worst.playbook} at worst; whether the site can be used is unknown"
    raise ConfigurationError(
        "how bad is it? Answer --accessible, --data, --revenue or --users, give --severity, or run triage before"
        + (f"; {unused}" if (unused := unused_triage(room, hosts_of(room))) else "")
    )


def _source(name: str, assessment: Assessment) -> str:
    if name not in assessment.from_facts:
        return "said"
    return "seen" if name == "accessible" else "inferred"


def _evidence(report: TriageReport | None) -> str:
    found = [each for host in report.hosts for one in host.matching[:1] for each in one.evidence] if report else []
    return "; ".join(found[:_EVIDENCE])


def runs_of(room: IncidentContext, hosts: Sequence[str], since: datetime | None) -> tuple[RunSummary, ...]:
    """Return the runs that led to it.

    These are the named runs, and the runs on its hosts since it was first noticed that belong to no incident yet.
    Raises ConfigurationError for a named run that belongs to another incident.
    """
    taken = room.store.attached()
    with Journal.open(room.project.journal()) as journal:
        named = room.flags.get("run")
        wanted = [journal.find(str(prefix)) for prefix in named] if isinstance(named, list) else []
        found = journal.runs(limit=_RUNS) if since is not None and hosts else ()
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


def playbook_of(report: TriageReport | None, runs: Sequence[RunSummary]) -> str | None:
    """Return the playbook of the triage, else of the last run that found something."""
    found = [handled_by(each) for host in report.hosts for each in host.matching] if report is not None else []
    used = [run.playbook for run in reversed(runs) if not run.playbook.startswith("do.") and _sick(run)]
    return next(iter((*found, *used)), None)


def _sick(run: RunSummary) -> bool:
    return run.verdict != RunVerdict.HEALTHY.value
