"""Proposals and approvals as values: who asked, who approved, and whether that is enough."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from remediate.approvals.plan_hash import SHOWN
from remediate.core.plan import PlannedStep

_CLOCK_ERROR: Final = timedelta(minutes=1)
"""The most that a clock may have been set back since a proposal was made."""


class ApprovalMeans(Enum):
    """The way in which a person was authenticated."""

    SSH_SIGNATURE = "ssh-signature"
    """Signed with an SSH key that the project's allowed_signers lists for the person."""
    SERVICE_LOGIN = "service-login"
    """Logged in to the service as a person whom allowed_signers lists. The service signed that with its own key."""


class Approver(NamedTuple):
    """An authenticated person."""

    name: str
    how: ApprovalMeans
    detail: str = ""
    """The key or session that proved it, for the record."""

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


class Requester(NamedTuple):
    """The one who asked for a plan.

    An operating system's user name authenticates nobody: anyone can set it.
    """

    name: str
    authenticated: bool = False


class Approval(NamedTuple):
    """One person's approval of one proposal, with its proof."""

    approver: Approver
    proof: str
    at: datetime


class ProposalState(Enum):
    """The state of a proposal. All but the first two are final."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SPENT = "spent"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that waits for approval, or waited for it."""

    id: str
    project: str
    hash: str
    playbook: str
    hosts: tuple[str, ...]
    command: str
    """The command that runs it, without program and `--approved`."""
    steps: tuple[PlannedStep, ...]
    parts: Mapping[str, str]
    """A keyed digest of each thing that the hash binds, to say what has moved."""
    requesters: tuple[Requester, ...]
    """Everyone who asked for it, the first one first. To ask again for the same plan prolongs its proposal."""
    second_person: bool
    asked: datetime
    expires: datetime
    run: str
    """The run that made the plan."""
    incident: str | None = None
    closed: datetime | None = None
    ended: ProposalState | None = None
    ended_by: str | None = None
    """The run that spent it, or the one who withdrew it."""
    approvals: tuple[Approval, ...] = ()

    @property
    def shown(self) -> str:
        """The beginning of its hash, for a person."""
        return self.hash[:SHOWN]

    def state(self, now: datetime) -> ProposalState:
        """Return the state at this moment."""
        if self.ended is not None:
            return self.ended
        if not self.asked - _CLOCK_ERROR <= now < self.expires:
            return ProposalState.EXPIRED
        return (
            ProposalState.APPROVED
            if self.has_enough(each.approver for each in self.approvals)
            else (ProposalState.PROPOSED)
        )

    def has_enough(self, approvers: Iterable[Approver]) -> bool:
        """Return whether these persons are enough to approve it.

        If a second person is demanded, persons who are known to have asked do not count. While it is not certain who
        else asked, two persons have to approve.
        """
        persons = {approver.name for approver in approvers}
        if not self.second_person:
            return bool(persons)
        others = persons - {requester.name for requester in self.requesters if requester.authenticated}
        return len(others) > (not all(requester.authenticated for requester in self.requesters))

    @property
    def asked_by(self) -> str:
        """The names of everyone who asked, for a person."""
        return " and ".join(
            each.name if each.authenticated else f"{each.name} (not authenticated)" for each in self.requesters
        )

    @property
    def statement(self) -> str:
        """The text that an approver signs. It binds the whole hash, this proposal, who asked, and its end."""
        asked_by = json.dumps(self.requesters)
        return (
            "I approve that remediate runs this plan once.\n"
            f"project: {self.project}\n"
            f"plan: {self.hash}\n"
            f"proposal: {self.id}\n"
            f"asked by: {asked_by}\n"
            f"until: {self.expires:%Y-%m-%dT%H:%M:%SZ}\n"
        )
