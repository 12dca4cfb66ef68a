"""Takes a payload in: each alert is compared with what fires, decided, and recorded, in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime

from remediate.alerts.alert import AlertStatus, IncomingAlert, ago
from remediate.alerts.authentication import Authentication
from remediate.alerts.decision import AlertDecision, Doubts, SuppressedBy, decided, host_of
from remediate.alerts.ledger import EndReason, Firing, Ledger, OpenDecision, StoredTexts
from remediate.alerts.policy import AlertPolicy, PolicyMode, PolicyRule
from remediate.alerts.policy_check import ProjectNames
from remediate.alerts.store import AlertStore
from remediate.core.field_types import FrozenModel
from remediate.errors import RemediateError


class DecidedAlert(FrozenModel):
    """One alert and what it leads to."""

    at: AwareDatetime
    alert: IncomingAlert
    decision: AlertDecision


class Replayed(RemediateError):
    """A signed delivery that was accepted before. Nothing was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A policy with everything that a decision depends on.

    `paused` says that and why everything is paused, None if it is not. `doubt` returns why no rehearsal proves a
    playbook in its present form, None if one does. `local` returns a moment in the team's time zone.
    """

    policy: AlertPolicy
    names: ProjectNames
    paused: Callable[[], str | None]
    doubt: Callable[[str], str | None]
    local: Callable[[datetime], datetime]

    def take(
        self, alerts: Iterable[IncomingAlert], authentication: Authentication, store: AlertStore, now: datetime
    ) -> tuple[DecidedAlert, ...]:
        """Decide and record alerts; nothing is ever started.

        Raises Replayed for a signature that was accepted before, and JournalError. Then nothing is recorded, the
        delivery's id included: senders repeat a delivery that failed with the same id.
        """
        alerts = tuple(alerts)
        doubts = self.doubts(alerts)
        # Everybody who writes to this database waits while the ledger is open.
        texts = [store.texts(alert) for alert in alerts]
        with store.deciding() as ledger:
            if not ledger.is_new(authentication, now):
                raise Replayed(f"a delivery of {authentication.source} was accepted before: it is not accepted again")
            return tuple(
                DecidedAlert(
                    at=now, alert=alert, decision=self.decide(alert, kept, authentication, ledger, doubts, now)
                )
                for alert, kept in zip(alerts, texts, strict=True)
            )

    def doubts(self, alerts: Iterable[IncomingAlert]) -> Doubts:
        """Ask what keeps everything from starting by itself, if a rule that could start something matches."""
        rules = [self.policy.rule_for(alert.labels, alert.source) for alert in alerts]
        starting = {rule.action for rule in rules if rule is not None and rule.mode is PolicyMode.AUTO}
        doubted = {action: why for action in sorted(starting) if (why := self.doubt(action)) is not None}
        return Doubts(self.paused() if starting else None, doubted)

    def decide(
        self,
        alert: IncomingAlert,
        texts: StoredTexts,
        authentication: Authentication,
        ledger: Ledger,
        doubts: Doubts,
        now: datetime,
    ) -> AlertDecision:
        """Decide and record one alert. `texts` are its own, as the store masks them."""
        known = ledger.firing(alert, authentication)
        if known is not None and (over := self._over(known, alert, now)) is not None:
            ledger.end(known, over, now)
            known = None
        if alert.status is AlertStatus.RESOLVED:
            return _resolved(alert, known, ledger, now)
        if known is not None and known.decision is not None:
            ledger.repeat(known, now)
            return _repeated(known, ledger, now)
        # If nothing was decided when it came first, the policy may be another one now.
        decision, joined = self._new(alert, authentication, ledger, doubts, now)
        ledger.begin(alert, texts, authentication, decision, now, joined=joined, undecided=known)
        return decision

    def _over(self, known: Firing, alert: IncomingAlert, now: datetime) -> EndReason | None:
        """Return why what is recorded is not the same fire any more; None if it is."""
        if now - known.last_seen >= timedelta(hours=self.policy.forget_hours):
            return EndReason.FORGOTTEN
        # Both times are of the sender's clock.
        if alert.status is AlertStatus.FIRING and alert.starts and known.starts and alert.starts > known.starts:
            return EndReason.BEGAN_AGAIN
        return None

    def _new(
        self, alert: IncomingAlert, authentication: Authentication, ledger: Ledger, doubts: Doubts, now: datetime
    ) -> tuple[AlertDecision, OpenDecision | None]:
        """Return the decision about a new alert, and the open one whose storm it joins."""
        rule = self.policy.rule_for(alert.labels, alert.source)
        if rule is None:
            why = "no rule of the policy matches"
            return AlertDecision(mode=None, reason=why, suppressed_by=SuppressedBy.NO_RULE), None
        host, why = host_of(rule.host, alert.labels, self.names)
        if host is None:
            return _nothing(rule, None, why, SuppressedBy.UNKNOWN_HOST), None
        # A weaker decision or proof does not swallow a stronger one: what a terminal reported must not hide a signed
        # alert.
        since = now - timedelta(minutes=self.policy.storm_minutes)
        storm = ledger.storm(rule, host, authentication, since)
        if storm is None or storm.mode.rank < rule.mode.rank:
            recent, local = ledger.recent(rule, host, now), self.local(now)
            decision = decided(self.policy, rule, host, alert.labels, authentication, doubts, recent, local, now)
            if storm is None or (decision.mode is not None and storm.mode.rank < decision.mode.rank):
                return decision, None
        why = f"one of {storm.alerts + 1} alerts that are one; {storm.mode.value} was decided {ago(storm.at, now)} ago"
        return _nothing(rule, host, why, SuppressedBy.STORM), storm


def _nothing(rule: PolicyRule, host: str | None, why: str, suppressed_by: SuppressedBy) -> AlertDecision:
    return AlertDecision(
        mode=None, rule=rule.name, action=rule.action, host=host, reason=why, suppressed_by=suppressed_by
    )


def _resolved(alert: IncomingAlert, known: Firing | None, ledger: Ledger, now: datetime) -> AlertDecision:
    if known is None:
        return AlertDecision(mode=None, reason="no such alert is firing here", suppressed_by=SuppressedBy.RESOLVED)
    before = ledger.open_decision(known)
    # Both times are of the sender's clock. Its beginning may be earlier in the end than it was at first: of two
    # Prometheus servers, the later one may have reported first.
    if alert.ends and known.starts and alert.ends < known.starts:
        return _as_before(before, "the end of an earlier time: it has begun again since", SuppressedBy.RESOLVED)
    withdrawn = ledger.end(known, EndReason.RESOLVED, now)
    what = ""
    if withdrawn:
        what = "; the proposal is withdrawn"
    elif before is not None and before.alerts > 1:
        what = f"; still firing: {before.alerts - 1} more of the same decision"
    why = f"over after {ago(known.first_seen, now)}{what}; it resolves no incident by itself"
    return _as_before(before, why, SuppressedBy.RESOLVED)


def _repeated(known: Firing, ledger: Ledger, now: datetime) -> AlertDecision:
    before = ledger.open_decision(known)
    was = "" if before is None else f"; {before.mode.value} was decided {ago(before.at, now)} ago"
    why = f"it has been firing for {ago(known.first_seen, now)}, reported {known.times + 1} times{was}"
    return _as_before(before, why, SuppressedBy.REPEATED)


def _as_before(before: OpenDecision | None, why: str, suppressed_by: SuppressedBy) -> AlertDecision:
    """Return a decision to do nothing, about what was decided before."""
    return AlertDecision(
        mode=None,
        rule=None if before is None else before.rule,
        action=None if before is None else before.action,
        host=None if before is None else before.host,
        reason=why,
        suppressed_by=suppressed_by,
    )
