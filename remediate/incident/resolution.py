"""Checks before an incident is resolved, and the draft of its post-mortem."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from remediate.approvals.approvals import Approvals
from remediate.core.few import few
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.engine.fleet import run, select
from remediate.errors import ConfigurationError
from remediate.incident.clock import REVIEWED
from remediate.incident.events import Confirmed, Reviewed
from remediate.incident.lessons import working_days_later
from remediate.incident.postmortem import file_name, sections
from remediate.incident.postmortem_file import save
from remediate.incident.queue import Delivery
from remediate.incident.record import Incident
from remediate.incident.section_merge import Kept
from remediate.incident.settings import IncidentSettings, within
from remediate.incident.store import IncidentStore
from remediate.journal.place import state_directory
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.transport.session import Session

_HOUR: Final = 10
"""Default hour of post-mortems, local time."""


class Check(NamedTuple):
    """The check of a playbook, on the hosts where it was used."""

    playbook: str
    hosts: tuple[str, ...]


def checks(incident: Incident, project: Project) -> tuple[Check, ...]:
    """Return the used playbooks with their hosts, and the one that triage or the policy named.

    That one is checked on the incident's hosts, unless a run has used it. Each alert's own playbook is checked on its
    host, whether it was used or not: an alert that is over proves nothing. A host of an alert without one is checked by
    what triage or the policy named, or else by all that were used.
    """
    where: dict[str, dict[str, None]] = {}
    known = project.playbooks()
    for one in incident.runs:
        if one.playbook in known:
            where.setdefault(one.playbook, {}).update(dict.fromkeys(one.hosts))
    suspected = incident.playbook if incident.playbook in known else None
    if suspected is not None and suspected not in where and incident.hosts:
        where[suspected] = dict.fromkeys(incident.hosts)
    for alert in incident.alerts:
        if alert.playbook is not None:
            where.setdefault(alert.playbook, {})[alert.host] = None
    looked_at = {host for hosts in where.values() for host in hosts}
    left = [alert.host for alert in incident.alerts if alert.host not in looked_at]
    for playbook in where if suspected is None else (suspected,):
        where.setdefault(playbook, {}).update(dict.fromkeys(left))
    return tuple(Check(playbook, tuple(hosts)) for playbook, hosts in where.items() if hosts)


def confirmed(
    check: Check,
    incident: str,
    project: Project,
    inventory: Sequence[Path],
    *,
    stop: Event,
    operator: str | None = None,
    connect: Callable[[Host], Session] | None = None,
    options: Options | None = None,
    approvals: Callable[[], Approvals] | None = None,
) -> tuple[Confirmed, ...]:
    """Run a check, which changes nothing, and belongs to the incident.

    A check that cannot be run is a doubt, not a yes. `approvals` take the plan of what it finds.
    """
    wanted = (options or Options()).model_copy(update={"plan": True, "incident": incident})
    try:
        report = run(
            project.load(check.playbook),
            select(",".join(check.hosts), inventory),
            options=wanted,
            operator=operator,
            connect=connect,
            journal=project.journal(),
            project=project.identity(),
            limits=run_limits(project.root),
            approvals=approvals,
            stop=stop,
        )
    except ConfigurationError as error:
        return (_not_asked(check, "", str(error)),)
    return tuple(_answers(check, report))


def _answers(check: Check, report: Report) -> list[Confirmed]:
    if not report.hosts:
        return [_not_asked(check, report.run, report.error.message if report.error else "no host answered")]
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


def _not_asked(check: Check, run_id: str, note: str) -> Confirmed:
    return Confirmed(playbook=check.playbook, host=few(check.hosts), verdict="not asked", run=run_id, note=note)


def review_at(incident: Incident, settings: IncidentSettings, now: datetime) -> datetime | None:
    """Return when the post-mortem is held, None if its severity has none.

    That is in the morning, `postmortem_days` working days later.
    """
    if incident.severity not in REVIEWED:
        return None
    day = working_days_later(now, settings.postmortem_days, settings)
    morning = datetime(day.year, day.month, day.day, _HOUR, tzinfo=None)  # noqa: DTZ001  # local; zone set below
    if settings.timezone is not None:
        return morning.replace(tzinfo=ZoneInfo(settings.timezone))
    return morning.astimezone()


def draft(
    incident: Incident,
    deliveries: Sequence[Delivery],
    *,
    store: IncidentStore,
    settings: IncidentSettings,
    root: Path | None,
    who: str,
    now: datetime,
    output: Path | None = None,
) -> tuple[str, Kept]:
    """Write or update the post-mortem; people's edits stay. Returns its path, and what people had edited.

    It goes to `output`, to where it was, or into the project's directory for them. Raises ConfigurationError.
    """
    # Inside the project the path is relative, so that it is right in every checkout.
    home = root or state_directory()
    path = output
    if path is None and incident.postmortem_path is not None:
        path = home / incident.postmortem_path
    elif path is None:
        path = within(root, state_directory(), settings.postmortems) / file_name(incident, store.shown(incident.id))
    kept = save(path, sections(incident, deliveries, settings, now, incident.commander))
    named = str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
    written = bool(kept.edited)
    if incident.postmortem_path != named or written > incident.postmortem_written:
        store.append(incident.id, who, now, Reviewed(path=named, edited=written))
    return named, kept
