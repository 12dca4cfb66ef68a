"""alert: shows what the policy decides about the alerts of a payload, and records them. It starts nothing."""

import sys
from datetime import UTC, datetime

from remediate.alerts.alert import Payload
from remediate.alerts.authentication import TERMINAL, at_a_terminal
from remediate.alerts.formats import MAX_BYTES, AlertFormat, read
from remediate.alerts.intake import Intake
from remediate.alerts.policy import AlertPolicy
from remediate.alerts.policy_check import some
from remediate.alerts.replay import replayed
from remediate.alerts.report import AlertsReport
from remediate.alerts.store import AlertStore
from remediate.alerts.text import alert_lines, replay_lines
from remediate.commands.given import Flags, inventory_of, text_of
from remediate.commands.parsing import moment_of
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.incident.settings import IncidentSettings, incident_settings
from remediate.inventory.selection import Inventory
from remediate.masking.masker import Masker
from remediate.project.project import Project
from remediate.service.project_intake import project_intake


def take_alerts(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Decide about the payload on standard input, or again about recorded alerts."""
    inventory = Inventory.load(inventory_of(flags, project))
    for line in inventory.warnings:
        terminal.warn(line)
    settings = incident_settings(project.root)
    again = text_of(flags, "since") is not None
    intake = project_intake(project, inventory, pauses=not again)
    now = datetime.now(UTC)
    if again:
        report = _again(flags, project, intake, settings, now, program)
        lines = replay_lines(report)
    else:
        report = _taken(flags, project, intake, now, program)
        lines = alert_lines(report)
    if flags.get("json"):
        # A sender's text may contain control characters. Escaped, it is the same JSON and harmless to a terminal.
        terminal.say(report.model_dump_json(by_alias=True, ensure_ascii=True))
    else:
        for line in lines:
            terminal.say(line)
    return report.exit_code


def _taken(flags: Flags, project: Project, intake: Intake, now: datetime, program: str) -> AlertsReport:
    source = _source(flags, intake.policy)
    payload = _payload(flags, intake.policy, source)
    authentication = at_a_terminal(source)
    with AlertStore.open(project.journal(), project=project.identity()) as store:
        decided = intake.take(payload.alerts, authentication, store, now)
    report = AlertsReport.of(
        decided,
        started=now,
        program=program,
        inventory=text_of(flags, "inventory"),
        omitted=payload.omitted,
        authentication=authentication,
    )
    return Masker().masked(report)


def _again(
    flags: Flags, project: Project, intake: Intake, settings: IncidentSettings, now: datetime, program: str
) -> AlertsReport:
    for name in ("source", "format"):
        if text_of(flags, name) is not None:
            raise ConfigurationError(f"--since decides about recorded alerts, so --{name} means nothing there")
    since = moment_of(text_of(flags, "since") or "", "since", settings, now)
    with AlertStore.open(project.journal(), project=project.identity()) as store:
        events = store.recorded(since)
    report = AlertsReport.of(
        replayed(intake, events),
        started=now,
        program=program,
        inventory=text_of(flags, "inventory"),
        since=since,
        repeated=sum(event.repeated for event in events),
    )
    return Masker().masked(report)


def _source(flags: Flags, policy: AlertPolicy) -> str:
    name = text_of(flags, "source")
    if name is None:
        return TERMINAL
    if name not in policy.sources:
        raise ConfigurationError(
            f"--source takes a source of the policy, not {name!r}; accepted: {some(policy.sources)}"
        )
    return name


def _payload(flags: Flags, policy: AlertPolicy, source: str) -> Payload:
    kind = policy.sources[source].format if source in policy.sources else None
    if (given := text_of(flags, "format")) is not None:
        try:
            kind = AlertFormat(given)
        except ValueError:
            accepted = ", ".join(each.value for each in AlertFormat)
            raise ConfigurationError(f"--format takes {accepted}, not {given!r}") from None
    if sys.stdin is None or sys.stdin.isatty():
        raise ConfigurationError("the payload comes on standard input: remediate alert < payload.json")
    return read(sys.stdin.buffer.read(MAX_BYTES + 1), kind, source)
