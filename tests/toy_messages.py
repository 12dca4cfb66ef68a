"""Messages to test with."""

from remediate.incident.messages import Message, MessageKind
from remediate.incident.settings import Audience
from remediate.incident.terms import Status
from remediate.playbook import Severity
from remediate.run_id import new_run_id
from toy_incidents import NOON


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
            "status": Status.INVESTIGATING,
            "severity": Severity.SEV1,
            "began": NOON,
            "at": NOON,
            **given,
        }
    )
