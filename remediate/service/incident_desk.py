"""Declares the incidents that the policy wants, each once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from remediate.alerts.policy import TRIAGE, AlertPolicy, PolicyRule
from remediate.alerts.store import AlertStore, DecidedFire, HeldDecision
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError, JournalError
from remediate.incident.contacts import people
from remediate.incident.events import Alerted, Declared
from remediate.incident.settings import incident_settings
from remediate.incident.store import IncidentStore
from remediate.incident.vocabulary import Detection
from remediate.masking.masker import strip_control
from remediate.project.project import Project
from remediate.service import incident_triage
from remediate.service.engine import RunEngine
from remediate.service.incident_triage import author
from remediate.service.tries import Tries
from remediate.triage.candidate import Candidate, handled_by
from remediate.triage.triage import TriageReport

_NAME: Final = 200
_REASON: Final = 2000
_EVIDENCE: Final = 2
_ON_CALL: Final = "on-call"
_LOG: Final = logging.getLogger(__name__)


class IncidentDesk:
    """Turns decisions about alerts into incidents. What goes wrong here never keeps a run from its start."""

    def __init__(
        self,
        project: Project,
        policy: AlertPolicy,
        alerts: AlertStore,
        paused: Callable[[], str | None],
        engine: RunEngine,
    ) -> None:
        """Read the settings. Raises ConfigurationError, so that a mistake shows at the start."""
        self._project = project
        self._policy = policy
        self._rules = {rule.name: rule for rule in policy.rules if rule.incident}
        self._alerts = alerts
        self._paused = paused
        self._engine = engine
        self._settings = incident_settings(project.root)
        self._known: dict[str, str] = {}
        self._tries = Tries()

    def declared(self, held: Sequence[HeldDecision]) -> Mapping[str, str]:
        """Return the incident of each decision that leads to one. A new decision declares one, or joins an open one.

        While everything is paused, no new decision does either.
        """
        wanted = {each.id: each for each in held if each.rule in self._rules}
        self._known = {decision: incident for decision, incident in self._known.items() if decision in wanted}
        new = [each for each in wanted.values() if each.id not in self._known]
        if new and (why := self._paused()) is not None:
            _LOG.warning("%d decisions declare no incident now: %s", len(new), why)
            new = []
        for decided in new:
            declare = partial(self._declare, decided, self._rules[decided.rule])
            failed = f"no incident is declared from {decided.id}"
            try:
                if (incident := self._tries.attempt(decided.id, declare, failed)) is not None:
                    self._known[decided.id] = incident
            except JournalError as error:
                _LOG.error("%s: %s; it is tried again", failed, error)
        return dict(self._known)

    def _declare(self, decided: HeldDecision, rule: PolicyRule) -> str | None:
        """Return the incident of a decision, None while triage looks at its host."""
        now = datetime.now(UTC)
        fire = self._alerts.fire(decided.id)
        alert = Alerted(
            state="declares",
            decision=decided.id,
            rule=rule.name,
            source=fire.source,
            fingerprint=fire.fingerprint,
            name=_plain(fire.name),
            host=decided.host,
            tell=rule.tell,
        )
        storm = now - timedelta(minutes=self._policy.storm_minutes)
        with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
            report = incident_triage.found(decided, store) if decided.action == TRIAGE else None
            if decided.action == TRIAGE and report is None and now - decided.at < incident_triage.PATIENCE:
                incident_triage.ask(decided, self._engine)
                return None
            declared = self._declaration(decided, rule, fire, report, now)
            alert = alert.model_copy(update={"playbook": declared.playbook})
            incident, new = store.alerted(author(rule.name), now, declared, alert, storm)
        if new:
            _LOG.warning("the alert %s on %s is in incident %s", alert.name, alert.host, incident)
        return incident

    def _declaration(
        self, decided: HeldDecision, rule: PolicyRule, fire: DecidedFire, report: TriageReport | None, now: datetime
    ) -> Declared:
        suspects = [] if report is None else [each for host in report.hosts for each in host.matching]
        playbook = next(map(handled_by, suspects), None) if decided.action == TRIAGE else decided.action
        severity, why = self._severity(decided, rule)
        if report is not None:
            severity, seen = _seen(severity, report, suspects)
            why = f"{why}; {seen}"
        return Declared(
            title=f"{_plain(fire.name)} on {decided.host}",
            # The public must not read a sender's text or the name of a host.
            public_title=(playbook or rule.name).replace("-", " ").capitalize(),
            severity=severity,
            severity_reason=strip_control(f"{why}; {decided.reason}")[:_REASON],
            answers={} if report is None else report.assessment.answers,
            commander=self._on_call(now),
            detection=Detection.MONITORING,
            detected_by=f"{_plain(fire.name)} from {fire.source}, rule {rule.name}",
            first_alert_at=fire.began,
            hosts=(decided.host,),
            playbook=playbook,
            triaged_at=None if report is None else report.started,
        )

    def _severity(self, decided: HeldDecision, rule: PolicyRule) -> tuple[Severity, str]:
        if rule.severity is not None:
            return rule.severity, f"the rule {rule.name} says {rule.severity.value}"
        severity = self._project.load(decided.action).severity
        if severity is None:
            raise ConfigurationError(f"{decided.action} has no severity: give the rule {rule.name} one")
        return severity, f"{decided.action} is {severity.value} at worst"

    def _on_call(self, now: datetime) -> str:
        """Return who has to claim a new incident."""
        (person,) = people((_ON_CALL,), self._settings, now, self._project.root)
        return person.name or person.title


def _seen(severity: Severity, report: TriageReport, suspects: Sequence[Candidate]) -> tuple[Severity, str]:
    """Return the severity, raised if triage saw worse, and what it saw."""
    error = next((host.error for host in report.hosts if host.error is not None), None)
    if error is not None:
        return severity, f"triage could not look: {error}"
    if not suspects:
        return severity, "triage found nothing that it knows"
    first = suspects[0]
    saw = f"triage found {'; '.join((first.playbook, *first.evidence[:_EVIDENCE]))}"
    worse = report.assessment.severity
    if worse is None or worse.value >= severity.value:
        return severity, saw
    return worse, f"{saw}, which is {worse.value}"


def _plain(text: str) -> str:
    return " ".join(strip_control(text).split())[:_NAME] or "an alert without a name"
