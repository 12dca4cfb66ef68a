"""The post-mortem in the runbook's sections (7.2), made from the record only.

Where the record has no answer, the document says so. `lessons` holds the judgements: what went well, what went wrong,
and what to do about it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from remediate.core.few import few
from remediate.incident.clock import span
from remediate.incident.lessons import Action, actions, went_well, went_wrong
from remediate.incident.queue import Delivery
from remediate.incident.record import Incident
from remediate.incident.section_merge import DocumentSection
from remediate.incident.settings import IncidentSettings
from remediate.incident.sla import silences
from remediate.incident.template_context import spelled
from remediate.incident.timeline import escaped, markdown_lines, story
from remediate.incident.vocabulary import IncidentStatus

OPEN = "*To be written.*"
"""Placeholder for what only a person can know."""

_CANDIDATES: Final = 10
"""Causes that a post-mortem names one by one."""


def sections(
    incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings, now: datetime, author: str
) -> tuple[DocumentSection, ...]:
    """Return every section of the post-mortem, in the runbook's order."""
    return (
        DocumentSection("head", f"# Post-Mortem: {escaped(incident.title)}", _head(incident, settings, now, author)),
        DocumentSection("summary", "## Summary", _summary(incident, settings)),
        DocumentSection("timeline", "## Timeline", "\n".join(markdown_lines(story(incident), settings))),
        DocumentSection("root-cause", "## Root Cause", _root_cause(incident)),
        DocumentSection("impact", "## Impact", _impact(incident, now)),
        DocumentSection(
            "went-well",
            "## What Went Well",
            _list(went_well(incident, deliveries, settings, now), "Nothing stands out."),
        ),
        DocumentSection(
            "went-wrong",
            "## What Went Wrong",
            _list(went_wrong(incident, deliveries, settings, now), "Nothing stands out."),
        ),
        DocumentSection("action-items", "## Action Items", _table(actions(incident, deliveries, settings, now))),
        DocumentSection("lessons", "## Lessons Learned", _lessons(incident, deliveries, settings)),
    )


def mended_by(incident: Incident) -> str:
    """Return the remedies of the last run that proved a fix; empty if none did."""
    # A later run may have refuted the fix; then `fixed_at` is empty.
    for fix in reversed(incident.fixes if incident.fixed_at else ()):
        changed = few(f"{step.remedy} ({step.title})" for step in fix.changes)
        return f"{fix.playbook} on {few(fix.hosts)}: {changed}"
    return ""


def file_name(incident: Incident, shown: str) -> str:
    """Return the file name: date, title, id."""
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in incident.title.lower()).split()
    return f"{incident.started_at:%Y-%m-%d}-{'-'.join(words)[:60].strip('-') or 'incident'}-{shown}.md"


def lasted(length: timedelta) -> str:
    """Return a duration as the runbook's template writes it: X hours Y minutes."""
    minutes = max(0, round(length.total_seconds() / 60))
    return f"{minutes // 60} hours {minutes % 60} minutes"


def _head(incident: Incident, settings: IncidentSettings, now: datetime, author: str) -> str:
    end = incident.resolved_at or now
    going_on = "" if incident.resolved_at else " so far"
    rows = {
        "Date": f"{settings.local(incident.started_at):%Y-%m-%d}",
        "Duration": f"{lasted(end - incident.started_at)}{going_on}",
        "Severity": incident.severity.value,
        "Author": escaped(author),
        "Incident": incident.id,
    }
    if incident.postmortem_at is not None:
        rows["Held"] = f"{settings.local(incident.postmortem_at):%Y-%m-%d %H:%M}"
    return "\\\n".join(f"**{name}:** {value}" for name, value in rows.items())


def _summary(incident: Incident, settings: IncidentSettings) -> str:
    local = settings.local(incident.started_at)
    began = f"{escaped(incident.title)} ({incident.severity.value}) began at {local:%H:%M} on {local:%Y-%m-%d}"
    lines = [f"{began} and was noticed by {_noticed(incident)}."]
    if incident.impact:
        lines.append(f"Affected: {escaped(_line(incident.impact))}.")
    if mended := mended_by(incident):
        lines.append(f"Fixed by {escaped(mended)}.")
    if incident.status is IncidentStatus.RESOLVED:
        own = incident.resolution if incident.resolution != mended else ""
        said = f" {escaped(_line(own))}" if own else ""
        lines.append(f"It was resolved after {spelled(_end(incident) - incident.started_at)}.{said}")
    else:
        lines.append("It is not resolved yet.")
    return "\n".join(lines)


def _noticed(incident: Incident) -> str:
    source = f" ({escaped(_line(incident.detected_by))})" if incident.detected_by else ""
    return f"{incident.detection.words.lower()}{source}"


def _end(incident: Incident) -> datetime:
    return incident.resolved_at or incident.timeline[-1].at


def _root_cause(incident: Incident) -> str:
    candidates = [f"- {line}" for line in _candidates(incident)]
    if incident.cause:
        found = ["", "What the runs found:", "", *candidates] if candidates else []
        return "\n".join([escaped(_line(incident.cause)), *found])
    if candidates:
        return "\n".join([f"{OPEN} Candidates, from the runs:", "", *candidates])
    return f"{OPEN} No run found a cause."


def _candidates(incident: Incident) -> list[str]:
    """Return the candidate causes: first those whose fix held, then refused ones, then the rest."""
    found: dict[str, int] = {}
    for run in incident.runs:
        for step in run.causes:
            proof = " Mending it ended the symptom." if run.fixed and step.changed else ""
            code = f" [{step.code}]" if step.code else ""
            found_by = f"(found by {step.remedy}, run {run.shown})"
            line = f"{step.host}: {escaped(_line(step.why))}{escaped(code)} {found_by}.{proof}"
            rank = 0 if proof else 1 if step.code else 2
            found[line] = min(rank, found.get(line, rank))
    ranked = sorted(found, key=lambda line: found[line])
    more = len(ranked) - _CANDIDATES
    return ranked if more <= 0 else [*ranked[:_CANDIDATES], f"and {more} more: runs.show names those of each run"]


def _impact(incident: Incident, now: datetime) -> str:
    answers = incident.answers
    users = answers["users"].value if "users" in answers else "not known"
    revenue = {"yes": "yes, how much is not known", "maybe": "perhaps", "no": "none"}
    data = {"yes": "at risk; whether any was lost is not known", "no": "None"}
    served = _unserved(incident, now)
    return "\n".join(
        (
            f"- Users affected: {users}",
            f"- Revenue impact: {revenue[answers['revenue'].value] if 'revenue' in answers else 'not known'}",
            f"- Data loss: {data[answers['data'].value] if 'data' in answers else 'not known'}",
            *([f"- As declared: {escaped(_line(incident.impact))}"] if incident.impact else []),
            f"- Impaired for {served}",
        )
    )


def _unserved(incident: Incident, now: datetime) -> str:
    """Return how long customers were affected.

    It ends when the last proven fix served again, if its run saw that. Otherwise it ends with the fix or the
    resolution.
    """
    last = incident.fixes[-1] if incident.fixes and incident.fixed_at else None
    if last is not None and last.serving_again_seconds is not None:
        again = last.started + timedelta(seconds=last.serving_again_seconds)
        return f"{span(again - incident.started_at)}, until run {last.shown} had it serving again"
    end = incident.fixed_at or incident.resolved_at
    return f"{span((end or now) - incident.started_at)}{'' if end else ' so far'}"


def _list(items: tuple[str, ...], nothing: str) -> str:
    return "\n".join(f"- {escaped(item)}" for item in items) or f"- {nothing}"


def _table(items: tuple[Action, ...]) -> str:
    rows = [f"| {escaped(each.what)} | @{escaped(each.owner)} | {each.due:%Y-%m-%d} |" for each in items]
    return "\n".join(("| Action | Owner | Due Date |", "|--------|-------|----------|", *rows))


def _lessons(incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings) -> str:
    """Return the takeaways that follow from facts; conclusions are left to people."""
    lines = [f"- {escaped(item)}" for item in _taught(incident, deliveries, settings)]
    return "\n".join([OPEN, *(["", *lines] if lines else [])])


def _taught(incident: Incident, deliveries: Sequence[Delivery], settings: IncidentSettings) -> list[str]:
    taught = []
    if incident.acknowledged_at is not None:
        taught.append(f"From noticing to claiming: {span(incident.acknowledged_at - incident.started_at)}.")
    first = next(iter(incident.runs), None)
    if first is not None:
        taught.append(f"From noticing to the first run: {span(max(first.started - incident.started_at, timedelta()))}.")
    if incident.fixed_at is not None:
        taught.append(f"From noticing to a fix that held: {span(incident.fixed_at - incident.started_at)}.")
    if found := silences(incident, settings, deliveries):
        taught.append(f"Longest time without an update: {span(max(each.length for each in found))}.")
    return taught


def _line(text: str) -> str:
    return " ".join(text.split())
