"""Declares the incidents that the policy wants, each once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from remediate.alerts.policy import TRIAGE, AlertPolicy, PolicyRule
from remediate.alerts.store import AlertStore, DecidedFire, HeldDecision
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError, RemediateError
from remediate.incident.contacts import people
from remediate.incident.events import Alerted, Declared
from remediate.incident.settings import incident_settings
from remediate.incident.store import IncidentStore
from remediate.incident.vocabulary import Detection
from remediate.masking.masker import strip_control
from remediate.project.project import Project

_NAME: Final = 200
_ON_CALL: Final = "on-call"
_LOG: Final = logging.getLogger(__name__)


def author(rule: str) -> str:
    """Return who writes on a timeline what a rule of the policy had the service do."""
    return f"service, rule {rule}"


class IncidentDesk:
    """Turns decisions about alerts into incidents. What goes wrong here never keeps a run from its start."""

    def __init__(
        self, project: Project, policy: AlertPolicy, alerts: AlertStore, paused: Callable[[], str | None]
    ) -> None:
        """Read the settings. Raises ConfigurationError, so that a mistake shows at the start."""
        self._project = project
        self._policy = policy
        self._rules = {rule.name: rule for rule in policy.rules if rule.incident}
        self._alerts = alerts
        self._paused = paused
        self._settings = incident_settings(project.root)
        self._known: dict[str, str] = {}

    def declared(self, held: Sequence[HeldDecision]) -> Mapping[str, str]:
        """Return the incident of each decision that leads to one. What is new is declared, or joins an open one.

        While everything is paused, nothing new is.
        """
        wanted = {each.id: each for each in held if each.rule in self._rules}
        self._known = {decision: incident for decision, incident in self._known.items() if decision in wanted}
        new = [each for each in wanted.values() if each.id not in self._known]
        if new and (why := self._paused()) is not None:
            _LOG.warning("%d decisions declare no incident now: %s", len(new), why)
            new = []
        for decided in new:
            try:
                self._known[decided.id] = self._declare(decided, self._rules[decided.rule])
            except (RemediateError, ValidationError) as error:
                why = str(error) if isinstance(error, RemediateError) else type(error).__name__
                _LOG.error("no incident is declared from %s: %s; it is tried again", decided.id, why)
        return dict(self._known)

    def _declare(self, decided: HeldDecision, rule: PolicyRule) -> str:
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
        declared = self._declaration(decided, rule, fire, now)
        storm = now - timedelta(minutes=self._policy.storm_minutes)
        with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
            incident, new = store.alerted(author(rule.name), now, declared, alert, storm)
        if new:
            _LOG.warning("the alert %s on %s is in incident %s", alert.name, alert.host, incident)
        return incident

    def _declaration(self, decided: HeldDecision, rule: PolicyRule, fire: DecidedFire, now: datetime) -> Declared:
        severity, why = self._severity(decided, rule)
        about = rule.name if decided.action == TRIAGE else decided.action
        return Declared(
            title=f"{_plain(fire.name)} on {decided.host}",
            # What a sender wrote, and the names of hosts, are not for the public.
            public_title=about.replace("-", " ").capitalize(),
            severity=severity,
            severity_reason=f"{why}; {decided.reason}",
            commander=self._on_call(now),
            detection=Detection.MONITORING,
            detected_by=f"{_plain(fire.name)} from {fire.source}, rule {rule.name}",
            first_alert_at=fire.began,
            hosts=(decided.host,),
            playbook=None if decided.action == TRIAGE else decided.action,
        )

    def _severity(self, decided: HeldDecision, rule: PolicyRule) -> tuple[Severity, str]:
        if rule.severity is not None:
            return rule.severity, f"the rule {rule.name} says {rule.severity.value}"
        severity = self._project.load(decided.action).severity
        if severity is None:
            raise ConfigurationError(f"{decided.action} has no severity: give the rule {rule.name} one")
        return severity, f"{decided.action} is {severity.value} at worst"

    def _on_call(self, now: datetime) -> str:
        """Return who has to claim it: nobody has yet."""
        (person,) = people((_ON_CALL,), self._settings, now, self._project.root)
        return person.name or person.title


def _plain(text: str) -> str:
    return " ".join(strip_control(text).split())[:_NAME] or "an alert without a name"
