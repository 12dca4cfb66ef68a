"""The timeline of an incident as text, for terminals, documents and post-mortems."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from remediate.core.few import few
from remediate.incident.clock import span
from remediate.incident.events import (
    Acknowledged,
    Alerted,
    Announced,
    Attached,
    CommandTaken,
    Contained,
    Data,
    Declared,
    Escalated,
    Event,
    Identified,
    Messaged,
    Noted,
    PlanDecided,
    Resolved,
    Reviewed,
    SeverityChanged,
    SituationFound,
    Updated,
)
from remediate.incident.record import Incident
from remediate.incident.run_events import RunLanded, RunStep
from remediate.incident.settings import IncidentSettings
from remediate.masking.masker import strip_control

_SHOWN: Final = 6
"""Lines of detail about a run on a timeline; `runs.show` has all of them."""


RUNNING: Final = "running, or never ended"
"""State of a run without an end. Nobody can tell which of the two it is; at first it is running."""


class TimelineEntry(NamedTuple):
    """One line of a timeline, with its details."""

    at: datetime
    who: str
    title: str
    details: tuple[str, ...] = ()


def entries(incident: Incident, states: Mapping[str, tuple[str, ...]] = {}) -> tuple[TimelineEntry, ...]:
    """Return everything that happened, oldest first, including the first alert, which is no event.

    `states` has the present state of each message's deliveries, by its id.
    """
    told = [*_found(incident)]
    told += [_entry(event, states) for event in incident.timeline if not isinstance(event.data, Attached)]
    if incident.first_alert_at is not None and incident.first_alert_at < incident.declared_at:
        source = incident.detection.words + (f": {incident.detected_by}" if incident.detected_by else "")
        told.append(TimelineEntry(incident.first_alert_at, "", "first alert received", (source,)))
    return tuple(sorted(told, key=lambda entry: entry.at))


def story(incident: Incident) -> tuple[TimelineEntry, ...]:
    """Return the timeline without announcements and messages, for a post-mortem."""
    events = tuple(event for event in incident.timeline if not isinstance(event.data, Announced | Messaged | Reviewed))
    return entries(incident.model_copy(update={"timeline": events}))


def _found(incident: Incident) -> Iterator[TimelineEntry]:
    """Yield the run that found the cause, if no person had named one before."""
    named = [event.at for event in incident.timeline if isinstance(event.data, Identified)]
    for event in incident.timeline:
        if isinstance(event.data, RunLanded) and event.data.causes and event.at == incident.identified_at not in named:
            whys = few((step.why for step in event.data.causes), "\n", _SHOWN)
            yield TimelineEntry(event.at, event.who, f"cause found by run {event.data.shown}", (whys,))
            return


def terminal_lines(told: Sequence[TimelineEntry], settings: IncidentSettings) -> list[str]:
    """Return lines for a terminal: UTC, local time if that differs, event, author."""
    lines: list[str] = []
    day = ""
    for entry in told:
        if (today := f"{entry.at:%Y-%m-%d}") != day:
            day = today
            zone = "" if settings.is_utc(entry.at) else f"  (local: {settings.local(entry.at):%Z, UTC%z})"
            lines.append(f"{day} UTC{zone}")
        who = f"   {entry.who}" if entry.who else ""
        local = "" if settings.is_utc(entry.at) else f" {settings.local(entry.at):%H:%M}"
        lines.append(f"{entry.at:%H:%M:%SZ}{local}  {_clean(entry.title)}{_clean(who)}")
        indent = " " * len(f"00:00:00Z{local}  ")
        lines += [f"{indent}{line}" for detail in entry.details for line in _clean(detail).splitlines()]
    return lines


def markdown_lines(told: Sequence[TimelineEntry], settings: IncidentSettings) -> list[str]:
    """Return a Markdown list in the runbook's post-mortem format: local time, then UTC."""
    lines: list[str] = []
    for entry in told:
        who = f" ({escaped(entry.who)})" if entry.who else ""
        lines.append(f"- {stamp(entry.at, settings)} - {escaped(entry.title)}{who}")
        lines += [f"  - {escaped(line)}" for detail in entry.details for line in detail.splitlines()]
    return lines


def stamp(moment: datetime, settings: IncidentSettings) -> str:
    """Return a time of day for documents: local, and UTC if that differs."""
    local = settings.local(moment)
    return f"{local:%H:%M}" if settings.is_utc(moment) else f"{local:%H:%M} ({moment:%H:%MZ})"


def escaped(text: str) -> str:
    """Return text escaped for Markdown.

    Text from a host or a person then cannot become a heading, a link, a tag or a comment.
    """
    cleaned = _clean(text)
    for sign in "\\`*_[]<>|#~":
        cleaned = cleaned.replace(sign, f"\\{sign}")
    return cleaned


def _clean(text: str) -> str:
    return strip_control(text).replace("\t", " ")


def _entry(event: Event, states: Mapping[str, tuple[str, ...]]) -> TimelineEntry:
    title, details = _words(event.data)
    if isinstance(event.data, Messaged):
        details = states.get(event.data.message) or details
    return TimelineEntry(event.at, event.who, title, tuple(detail for detail in details if detail))


def _words(data: Data) -> tuple[str, tuple[str, ...]]:  # noqa: C901
    """Return the title and details of one event. Each kind has a case, so that none is forgotten."""
    match data:
        case Declared():
            why = f"because {data.severity_reason}" if data.severity_reason else ""
            triaged = f"{data.triaged_at:%Y-%m-%d %H:%M:%SZ}" if data.triaged_at else ""
            details = (why, _said("triaged", triaged), _said("impact", data.impact))
            return f"{data.severity.value} declared: {data.title}", details
        case Alerted():
            what = {"declares": "alert", "joins": "alert joins", "over": "alert is over"}[data.state]
            title = f"{what}: {' '.join(data.name.split())} on {data.host}"
            return title, (f"rule {data.rule}, source {data.source}, fingerprint {data.fingerprint}",)
        case Acknowledged():
            return f"acknowledged, commander {data.commander}", ()
        case CommandTaken():
            return f"{data.commander} is commander", ()
        case SeverityChanged():
            return f"severity is {data.severity.value}", (data.reason,)
        case Contained():
            return "contained", (data.action,)
        case Identified():
            return "root cause identified", (data.cause,)
        case Updated():
            rows = {"state": data.state, "done": data.actions, "next": data.next_steps, "eta": data.eta}
            return f"update: {data.status.value}", tuple(_said(name, text) for name, text in rows.items())
        case SituationFound():
            return data.situation.words, (data.reason,)
        case Escalated():
            to = "; ".join(data.people or data.roles)
            return f"escalated to {to}", (data.reason or (data.situation.words if data.situation else ""),)
        case Noted():
            return "note", (data.text,)
        case Announced():
            return f"due: {data.text}", ()
        case Messaged():
            to = f"to {', '.join(data.channels)}" if data.channels else ""
            return f"{data.message_kind} for {data.audience}: {data.title}", (to,)
        case Resolved():
            checked = few((f"{one.playbook} on {one.host}: {one.verdict}" for one in data.confirmed), "\n", _SHOWN)
            return "resolved", (data.summary, checked, _said("without a healthy check", data.override))
        case Reviewed():
            return f"post-mortem written: {data.path}", ()
        case Attached():
            return f"run {data.run} belongs to it", ()
        case PlanDecided():
            return f"plan {data.plan} {data.decision}: {data.playbook} on {few(data.hosts)}", (data.proof,)
        case RunLanded():
            return _run_title(data), _run_details(data)


def _said(name: str, text: str) -> str:
    return f"{name}: {text}" if text else ""


def _run_title(run: RunLanded) -> str:
    name = (
        run.playbook if run.playbook.startswith("do.") else f"{'check' if run.mode == 'plan' else 'fix'}.{run.playbook}"
    )
    verdict = RUNNING if run.verdict is None else run.verdict.replace("_", " ").upper()
    took = f" in {run.seconds:g} s" if run.seconds is not None else ""
    name = f"fix deployed: {name}" if run.fixed else name
    return f"{name} on {few(run.hosts)}: {verdict}{took}   run {run.shown}"


def _run_details(run: RunLanded) -> tuple[str, ...]:
    several = len(run.hosts) > 1

    def about(step: RunStep, text: str) -> str:
        return f"{step.host}: {text}" if several else text

    lines = [about(step, f"changed: {step.title} ({step.why}){_proof(step)}") for step in run.changes]
    lines += [about(step, f"refused [{step.code}]: {step.why}") for step in run.refusals]
    lines += [about(step, f"for a person: {step.why}") for step in run.human_steps]
    if run.mode == "plan":
        lines += [about(step, f"would: {step.title} ({step.why})") for step in run.steps if step.decision == "proceed"]
    if run.verdict is None:
        # In spite of what it goes on is known before it acts.
        lines += [_said("reason", run.reason)] if run.reason else []
        lines += [
            about(step, f"meant to: {step.remedy}, {step.verified or 'may or may not have run'}") for step in run.steps
        ]
    lines += [run.error] if run.error else []
    if run.fixed and run.serving_again_seconds is not None:
        lines.append(f"serving again after {run.serving_again_seconds:g} s")
    if len(lines) > _SHOWN:
        lines[_SHOWN - 1 :] = [f"and {len(lines) - _SHOWN + 1} more: runs.show {run.shown}"]
    return tuple(lines)


def _proof(step: RunStep) -> str:
    if step.verified is None:
        return ""
    return f": {step.verified}{f', {step.evidence}' if step.evidence else ''}"


def headline(incident: Incident, shown: str, now: datetime) -> str:
    """Return one line about an incident, for lists."""
    end = incident.resolved_at or now
    lasted = span(end - incident.started_at)
    return f"{shown:<6} {incident.severity.value}  {incident.status.value:<13}  {incident.title}   {lasted}"
