"""Messages about plans that wait for approval. They only tell: whoever reads one logs in, or uses a terminal."""

from typing import Final

from remediate.approvals.proposal import Proposal
from remediate.approvals.visible import visible
from remediate.core.few import few
from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Severity
from remediate.incident.messages import Message, MessageKind, harmless
from remediate.incident.notifier import Notifier
from remediate.incident.settings import Audience
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id

_NAMED: Final = 3
"""The most hosts and reasons that a message names."""


class ProposalContext(FrozenModel):
    """The values that a template about a proposal may insert, all of them text."""

    playbook: str
    hosts: str
    why: str
    plan: str
    asked_by: str
    until: str
    command: str
    link: str
    more: str


def announce_proposal(
    notifier: Notifier, proposal: Proposal, severity: Severity, *, public: str | None, last: bool = False
) -> bool:
    """Queue the message about a proposal, once, for the channels that take what is for approvers.

    `public` is the address of the service in browsers, without which there is no link. `last` says that nobody is told
    of more for now. Raises ConfigurationError and JournalError.
    """
    channels = notifier.serving(Audience.APPROVER, None)
    if not channels:
        return False
    message = _message(notifier, proposal, severity, public, last=last)
    return notifier.outbox.queue(message, channels, key=f"proposal:{proposal.id}")


def _message(notifier: Notifier, proposal: Proposal, severity: Severity, public: str | None, *, last: bool) -> Message:
    texts = {
        "playbook": proposal.playbook,
        "hosts": few(proposal.hosts, most=_NAMED),
        "why": few((f"{step.host}: {step.why}" for step in proposal.steps), "; ", _NAMED),
        "plan": proposal.shown,
        "asked_by": proposal.asked_by,
        "until": f"{proposal.expires:%Y-%m-%d %H:%M UTC}",
        "command": f"remediate approve {proposal.shown}",
        "link": "" if public is None else f"{public}/approvals/{proposal.hash}",
        "more": "Many plans wait, and nobody is told of more: remediate approve list shows all" if last else "",
    }
    masked = {name: notifier.masker.mask(visible(text)) for name, text in texts.items()}
    context = ProposalContext.model_validate(masked)
    title, body = notifier.templates.render(MessageKind.PROPOSAL, Audience.APPROVER, context)
    return Message(
        id=new_run_id(),
        # A proposal need not belong to an incident. Its own id keeps its message apart from all others.
        incident=proposal.id,
        kind=MessageKind.PROPOSAL,
        audience=Audience.APPROVER,
        title=harmless(title),
        body=harmless(body),
        name=f"{context.playbook} on {context.hosts}",
        status=IncidentStatus.INVESTIGATING,
        severity=severity,
        began=proposal.asked,
        at=notifier.outbox.now(),
    ).masked(notifier.masker)
