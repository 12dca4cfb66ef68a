"""The questions and entries of one decision, inside one transaction of the store."""

import json
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.alerts.alert import IncomingAlert
from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.decision import DAY, HOUR, AlertDecision, Recent, SuppressedBy
from remediate.alerts.policy import PolicyMode, PolicyRule
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker
from remediate.masking.secret_patterns import MASK

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row


REMEMBERED: Final = timedelta(days=1)
"""Time for which a delivery is remembered. Its signature is refused as too old after ten minutes at most."""


class EndReason(Enum):
    """The end of an alert, by its reason."""

    RESOLVED = "resolved"
    BEGAN_AGAIN = "began-again"
    """Its sender gives a later beginning: the end of the first time was never heard."""
    FORGOTTEN = "forgotten"


class StoredTexts(NamedTuple):
    """The texts of an alert as they are stored: masked, and in JSON."""

    name: str
    labels: str
    annotations: str


class Firing(NamedTuple):
    """An alert that fires, as it is recorded."""

    id: str
    first_seen: datetime
    last_seen: datetime
    starts: datetime | None
    times: int
    decision: str | None


class OpenDecision(NamedTuple):
    """A decision whose alerts still fire."""

    id: str
    at: datetime
    rule: str
    host: str
    action: str
    mode: PolicyMode
    alerts: int


class Ledger:
    """The record of a project's alerts within one transaction, to read and to add to."""

    def __init__(self, connection: "Connection", project: str, masker: Masker) -> None:
        self._connection = connection
        self._project = project
        self._masker = masker

    def is_new(self, authentication: Authentication, now: datetime) -> bool:
        """Remember a signed delivery, and return whether it is the first with this id.

        A bearer's delivery has no id, and is always new.
        """
        from remediate.journal.schema import alert_deliveries as deliveries

        if authentication.delivery is None:
            return True
        self._connection.execute(deliveries.delete().where(deliveries.c.at < now - REMEMBERED))
        row = {
            "project": self._project,
            "source": authentication.source,
            "delivery": authentication.delivery,
        }
        same = [deliveries.c[name] == value for name, value in row.items()]
        if self._connection.execute(deliveries.select().where(*same)).first() is not None:
            return False
        self._connection.execute(deliveries.insert().values(**row, at=now))
        return True

    def firing(self, alert: IncomingAlert, authentication: Authentication) -> Firing | None:
        """Return the record of this alert while it fires.

        A weaker proof never answers for a stronger one: what a terminal reported does not hide a signed alert.
        """
        from remediate.journal.schema import alerts

        row = self._connection.execute(
            alerts.select().where(
                (alerts.c.project == self._project)
                & (alerts.c.source == authentication.source)
                & (alerts.c.how == authentication.how.value)
                & (alerts.c.fingerprint == alert.fingerprint)
                & alerts.c.ended.is_(None)
            )
        ).first()
        if row is None:
            return None
        return Firing(row.id, row.first_seen, row.last_seen, row.starts, row.times, row.decision)

    def open_decision(self, firing: Firing) -> OpenDecision | None:
        """Return the decision about a firing alert, None if there was none."""
        from remediate.journal.schema import alert_decisions as decisions

        row = self._connection.execute(decisions.select().where(decisions.c.id == firing.decision)).first()
        return None if row is None else self._open(row)

    def storm(
        self, rule: PolicyRule, host: str, authentication: Authentication, since: datetime
    ) -> OpenDecision | None:
        """Return the newest decision of this rule on this host since then that is still open.

        One of its alerts has to be as well proven as this sender is.
        """
        from sqlalchemy import exists

        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        proofs = [each.value for each in Means]
        as_well = proofs[: proofs.index(authentication.how.value) + 1]
        proven = exists().where(
            (alerts.c.decision == decisions.c.id) & alerts.c.how.in_(as_well) & alerts.c.ended.is_(None)
        )
        rows = self._connection.execute(
            decisions.select()
            .where(self._of(rule.name, host) & (decisions.c.at >= since) & decisions.c.withdrawn.is_(None))
            .where(proven)
            .order_by(decisions.c.at.desc())
        )
        return next((found for row in rows if (found := self._open(row)) is not None), None)

    def _open(self, row: "Row[tuple[object, ...]]") -> OpenDecision | None:
        number = self._firing_alerts(row.id)
        if number == 0:
            return None
        return OpenDecision(row.id, row.at, row.rule, row.host, row.action, PolicyMode(row.mode), number)

    def _firing_alerts(self, decision: str) -> int:
        from sqlalchemy import func, select

        from remediate.journal.schema import alerts

        query = select(func.count()).where((alerts.c.decision == decision) & alerts.c.ended.is_(None))
        return int(self._connection.execute(query).scalar_one())

    def recent(self, rule: PolicyRule, host: str, now: datetime) -> Recent:
        """Return what lately began by itself. The limits keep that to a few in a day."""
        from remediate.journal.schema import alert_decisions as decisions

        began = (decisions.c.project == self._project) & (decisions.c.mode == PolicyMode.AUTO.value)
        query = decisions.select().where(began & (decisions.c.at > now - DAY))
        rows = self._connection.execute(query).all()
        on_host = [row for row in rows if row.host == host]
        return Recent(
            same_rule=max((row.at for row in on_host if row.rule == rule.name), default=None),
            host_hour=sum(row.at > now - HOUR for row in on_host),
            host_day=len(on_host),
            fleet_hour=sum(row.at > now - HOUR for row in rows),
        )

    def _of(self, rule: str, host: str) -> "ColumnElement[bool]":
        from remediate.journal.schema import alert_decisions as decisions

        return (decisions.c.project == self._project) & (decisions.c.rule == rule) & (decisions.c.host == host)

    def repeat(self, firing: Firing, now: datetime) -> None:
        """Count one more repetition."""
        self._update(firing, now)

    def _update(self, firing: Firing, now: datetime, **more: str | None) -> None:
        from remediate.journal.schema import alerts

        row = alerts.c.id == firing.id
        self._connection.execute(alerts.update().where(row).values(times=alerts.c.times + 1, last_seen=now, **more))

    def begin(
        self,
        alert: IncomingAlert,
        texts: StoredTexts,
        authentication: Authentication,
        decision: AlertDecision,
        now: datetime,
        *,
        joined: OpenDecision | None = None,
        undecided: Firing | None = None,
    ) -> None:
        """Record a new alert with its decision, or with that of the storm that it belongs to.

        `undecided` is its record if it fired before, and nothing was decided then.
        """
        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        of = joined.id if joined is not None else None
        if decision.mode is not None:
            of = new_run_id()
            self._connection.execute(
                decisions.insert().values(
                    id=of,
                    project=self._project,
                    at=now,
                    rule=decision.rule,
                    host=decision.host,
                    action=decision.action,
                    mode=decision.mode.value,
                    reason=self._masker.mask(decision.reason),
                    suppressed_by=_value(decision.suppressed_by),
                )
            )
        if undecided is not None:
            self._update(undecided, now, decision=of, suppressed_by=_value(decision.suppressed_by))
            return
        self._connection.execute(
            alerts.insert().values(
                id=new_run_id(),
                project=self._project,
                source=authentication.source,
                how=authentication.how.value,
                fingerprint=alert.fingerprint,
                name=texts.name,
                labels=texts.labels,
                annotations=texts.annotations,
                starts=alert.starts,
                first_seen=now,
                last_seen=now,
                times=1,
                decision=of,
                suppressed_by=_value(decision.suppressed_by),
            )
        )

    def end(self, firing: Firing, why: EndReason, now: datetime) -> bool:
        """Record that an alert is over. Returns whether that withdrew a proposal: its last alert is over."""
        from remediate.journal.schema import alert_decisions as decisions
        from remediate.journal.schema import alerts

        row = alerts.c.id == firing.id
        self._connection.execute(alerts.update().where(row).values(ended=now, end_reason=why.value))
        if firing.decision is None or self._firing_alerts(firing.decision) > 0:
            return False
        proposal = (
            (decisions.c.id == firing.decision)
            & (decisions.c.mode == PolicyMode.PROPOSE.value)
            & decisions.c.withdrawn.is_(None)
        )
        done = self._connection.execute(decisions.update().where(proposal).values(withdrawn=now))
        return done.rowcount == 1


def stored_texts(alert: IncomingAlert, masker: Masker) -> StoredTexts:
    """Mask the texts of an alert. That takes longer than to store them, so do it before the ledger is open."""
    return StoredTexts(masker.mask(alert.name), _json(alert.labels, masker), _json(alert.annotations, masker))


def _json(texts: dict[str, str], masker: Masker) -> str:
    # A text may only be a secret because of its name, which is seen in the whole.
    masked = masker.mask(json.dumps({name: masker.mask(text) for name, text in texts.items()}))
    try:
        json.loads(masked)
    except ValueError:  # What looks like a secret went beyond its text.
        return json.dumps(dict.fromkeys(texts, MASK))
    return masked


def _value(suppressed_by: SuppressedBy | None) -> str | None:
    return None if suppressed_by is None else suppressed_by.value
