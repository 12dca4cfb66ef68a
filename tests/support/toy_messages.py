"""Example messages of incidents."""

from remediate.core.playbook import Severity
from remediate.incident.messages import Message, MessageKind
from remediate.incident.settings import Audience
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from support.toy_incidents import NOON

ALL = frozenset(Audience)


def message(
    title: str = "[Investigating] Payments fail", body: str = "We look.\nSoon more.", **given: object
) -> Message:
    return Message.model_validate(
        {
            "id": new_run_id(),
            "incident": new_run_id(),
            "kind": MessageKind.STATUS,
            "audience": Audience.PUBLIC,
            "title": title,
            "body": body,
            "name": "Payments fail",
            "status": IncidentStatus.INVESTIGATING,
            "severity": Severity.SEV1,
            "began": NOON,
            "at": NOON,
            **given,
        }
    )
