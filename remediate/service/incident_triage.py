"""Triages the host of an alert whose rule has no playbook, so that an incident can be declared from what it found."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Final

from pydantic import ValidationError

from remediate.alerts.store import HeldDecision
from remediate.core.host import Host
from remediate.errors import RemediateError
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore
from remediate.project.project import Project
from remediate.service.driver import Connect, named_host
from remediate.service.engine import RunEngine
from remediate.transport.dialing import Connections
from remediate.triage.triage import TriageReport, triage

LOOK_FIRST: Final = "triage"
"""The name of the timers."""
PATIENCE: Final = timedelta(minutes=2)
"""The time that triage gets before an incident is declared from the alert alone."""
_SKEW: Final = timedelta(minutes=1)
_LOG: Final = logging.getLogger(__name__)


class IncidentTriage:
    """Looks at the host of a decision, and keeps the result as `triage` does."""

    def __init__(self, project: Project, *, stop: Event, connect: Connect | None = None) -> None:
        self._project = project
        self._stop = stop
        self._connect = connect

    def look(self, about: str) -> float | None:
        """Triage a host. What goes wrong is logged: then the incident is declared without it."""
        rule, _, host = about.partition(" ")
        if self._stop.is_set():
            return 1.0
        try:
            hosts = named_host(self._project, host)
            playbooks, _ = self._project.usable()
            with self._connected(hosts) as connect:
                report = triage(hosts, playbooks, connect=connect)
            with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
                store.keep_triage(author(rule), report.started, report.model_dump_json(by_alias=True))
        except RemediateError as error:
            _LOG.warning("%s cannot be triaged: %s", host, error)
        return None

    def give_up(self, about: str, why: str) -> None:
        """Say that a host is not triaged. The incident is declared without it."""
        _LOG.error("%s cannot be triaged: it fails each time (%s)", about.partition(" ")[2], why)

    @contextmanager
    def _connected(self, hosts: tuple[Host, ...]) -> Iterator[Connect]:
        if self._connect is not None:
            yield self._connect
            return
        with Connections(hosts, self._project.ssh_client()) as connections:
            yield connections


def author(rule: str) -> str:
    """Return who writes in the record what a rule of the policy had the service do."""
    return f"service, rule {rule}"


def author_of(incident: Incident) -> str:
    """Return who writes on the timeline of an incident that the service declared."""
    return author(next(alert.rule for alert in incident.alerts if alert.state == "declares"))


def ask(decided: HeldDecision, engine: RunEngine) -> None:
    """Have the host of a decision triaged, once."""
    engine.after(0, LOOK_FIRST, f"{decided.rule} {decided.host}", f"{decided.id}.triage")


def found(decided: HeldDecision, store: IncidentStore) -> TriageReport | None:
    """Return the newest triage of the host since the decision, None if there is none."""
    for text in store.triages_since(decided.at - _SKEW):
        try:
            report = TriageReport.model_validate_json(text)
        except ValidationError:  # Written by another version.
            continue
        if decided.host in {host.name for host in report.hosts}:
            return report
    return None
