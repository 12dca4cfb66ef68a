"""Approvals of an incident's plans, as events read from the proposals."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from remediate.approvals.plan_hash import SHOWN
from remediate.incident.events import Event, PlanDecided

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


def plan_events(connection: "Connection", incident: str) -> Iterator[Event]:
    """Yield each approval and withdrawal of a plan of this incident. Its making and running are runs."""
    from remediate.journal.schema import proposal_approvals as approvals
    from remediate.journal.schema import proposals

    mine = proposals.c.incident == incident
    given = approvals.join(proposals, proposals.c.id == approvals.c.proposal)
    for row in connection.execute(given.select().where(mine)):
        data = _decided(row, "approved", row.detail)
        yield Event(id=f"{row.proposal}/{row.approver}", incident=incident, at=row.at, who=row.approver, data=data)
    for row in connection.execute(proposals.select().where(mine & (proposals.c.ended == "withdrawn"))):
        data = _decided(row, "withdrawn", "")
        yield Event(id=f"{row.id}/withdrawn", incident=incident, at=row.closed, who=row.ended_by, data=data)


def _decided(row: "Row[tuple[object, ...]]", decision: Literal["approved", "withdrawn"], proof: str) -> PlanDecided:
    hosts = tuple(row.hosts)
    return PlanDecided(decision=decision, plan=row.hash[:SHOWN], playbook=row.playbook, hosts=hosts, proof=proof)
