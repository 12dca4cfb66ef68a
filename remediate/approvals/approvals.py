"""Plans of one project: proposed by a plan run, approved by persons, spent by one run."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, Self

from remediate.approvals.authentication import Authenticator, SshSigners, UnprovenApprover
from remediate.approvals.plan_hash import SHOWN, PlanSeal, moved, seal
from remediate.approvals.plan_key import plan_key
from remediate.approvals.proposal import ApprovalMeans, Approver, Proposal, Requester
from remediate.approvals.service_login import ServiceLogins
from remediate.approvals.settings import ApprovalSettings, approval_settings
from remediate.approvals.store import NotApproved, ProposalStore, unusable
from remediate.core.host import Host
from remediate.core.plan import RunPlan
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker
from remediate.project.project import Project

_NAMED: Final = 3
"""The most changes that a message names."""


class PlanMoved(NotApproved):
    """A plan that is not the approved one any more. The text says what differs."""


class SpentPlan(NamedTuple):
    """A spent approval: the plan, and who approved it."""

    hash: str
    approvers: tuple[Approver, ...]

    @property
    def shown(self) -> str:
        """The beginning of the hash, for a person."""
        return self.hash[:SHOWN]


class Approvals:
    """The plans and approvals of a project.

    `authenticators` are the ways to prove who approves; without any, SSH signatures and logins to the service are.
    """

    def __init__(
        self,
        settings: ApprovalSettings,
        *,
        root: Path | None,
        url: str | None,
        project: str,
        command: str | None = None,
        requester: Requester | None = None,
        authenticators: Mapping[ApprovalMeans, Authenticator] | None = None,
        clock: Callable[[], datetime] | None = None,
        key: bytes | None = None,
    ) -> None:
        """Take a project's rules, its directory, the journal's URL and its name there.

        `command` is how the run was typed, without program. `requester` replaces the operator of the run, `key` the
        key of the user or the project.
        """
        self.settings = settings
        self.signers = SshSigners(None if root is None else settings.allowed_signers)
        self._root = root
        self._url = url
        self._project = project
        self.command = command
        self._requester = requester
        usual: tuple[Authenticator, ...] = (self.signers, ServiceLogins(self.signers))
        self._authenticators = {each.how: each for each in usual} if authenticators is None else authenticators
        self._clock = clock
        self._key = key

    @classmethod
    def of(
        cls,
        project: Project,
        *,
        url: str | None,
        command: str | None = None,
        requester: Requester | None = None,
        key: bytes | None = None,
    ) -> Self:
        """Return those of a project, in the journal at this URL. Raises ConfigurationError."""
        return cls(
            approval_settings(project.root),
            root=project.root,
            url=url,
            project=project.identity(),
            command=command,
            requester=requester,
            key=key,
        )

    def require(self, host: Host) -> bool:
        """Return whether only an approved plan may change this host."""
        return self.settings.require(host)

    def propose(self, plan: RunPlan, *, operator: str, run: str, incident: str | None) -> Proposal:
        """Store a plan for approval, and return it. Raises ConfigurationError and JournalError."""
        sealed = self._sealed(plan)
        names = tuple(host.name for host in plan.hosts)
        masker = Masker(plan.secrets)
        with self._store() as store:
            now = store.now()
            return store.propose(
                Proposal(
                    id=new_run_id(),
                    project=self._project,
                    hash=sealed.hash,
                    playbook=plan.playbook,
                    hosts=names,
                    command=masker.mask(self.command or _command(plan.playbook, names)),
                    steps=tuple(masker.masked(step) for host in plan.hosts for step in host.steps),
                    parts={masker.mask(name): digest for name, digest in sealed.parts.items()},
                    requesters=(self._requester or Requester(operator),),
                    second_person=self.settings.second_person,
                    asked=now,
                    expires=now + timedelta(minutes=self.settings.minutes),
                    run=run,
                    incident=incident,
                )
            )

    def find(self, prefix: str) -> Proposal:
        """Return the newest proposal of the plan whose hash begins like this.

        Raises ConfigurationError and JournalError.
        """
        with self._store() as store:
            return store.find(prefix)

    def waiting(self) -> tuple[Proposal, ...]:
        """Return the proposals that can still be approved or run. Raises JournalError."""
        with self._store() as store:
            return store.waiting()

    def now(self) -> datetime:
        """Return the time by which proposals expire. Raises JournalError."""
        with self._store() as store:
            return store.now()

    def approve(
        self, proposal: Proposal, proof: str, how: ApprovalMeans = ApprovalMeans.SSH_SIGNATURE
    ) -> tuple[Proposal, Approver]:
        """Record the approval that this proof proves. Raises UnprovenApprover, NotApproved and JournalError."""
        approver = self._authenticated(proposal, proof, how)
        with self._store() as store:
            return store.approve(proposal, approver, proof), approver

    def withdraw(self, proposal: Proposal, who: str) -> None:
        """Withdraw a proposal. Raises NotApproved and JournalError."""
        with self._store() as store:
            store.withdraw(proposal, who)

    def spend(self, plan: RunPlan, prefix: str, run: str) -> SpentPlan:
        """Spend the approval of exactly this plan for this run.

        Every proof is verified again. Raises PlanMoved, NotApproved, ConfigurationError and JournalError; then the
        approval stays as it was.
        """
        with self._store() as store:
            proposal = store.find(prefix)
            if (why := unusable(proposal, store.now())) is not None:
                raise NotApproved(why)
            sealed = self._sealed(plan)
            if sealed.hash != proposal.hash:
                raise PlanMoved(_difference(proposal, sealed, Masker(plan.secrets)))
            if self.settings.second_person and not proposal.second_person:
                # The hash binds the rule, so somebody changed the stored proposal.
                raise NotApproved(f"plan {proposal.shown} is stored without the second person that the project demands")
            approvers = tuple(self._verified(proposal))
            store.spend(proposal, approvers, run)
        return SpentPlan(sealed.hash, approvers)

    def _sealed(self, plan: RunPlan) -> PlanSeal:
        return seal(plan, self._key or plan_key(self.settings.key), root=self._root, project=self._project)

    def _authenticated(self, proposal: Proposal, proof: str, how: ApprovalMeans) -> Approver:
        authenticator = self._authenticators.get(how)
        if authenticator is None:
            raise UnprovenApprover(f"nothing here can verify an approval by {how.value}")
        return authenticator.authenticate(proposal.statement, proof)

    def _verified(self, proposal: Proposal) -> Iterator[Approver]:
        """Yield the approvers whose proofs hold now. A key may have been removed since they approved."""
        for approval in proposal.approvals:
            try:
                approver = self._authenticated(proposal, approval.proof, approval.approver.how)
            except UnprovenApprover:
                continue
            if approver.name == approval.approver.name:
                yield approver

    @contextmanager
    def _store(self) -> Iterator[ProposalStore]:
        with ProposalStore.open(self._url, project=self._project, clock=self._clock) as store:
            yield store


def _command(playbook: str, hosts: tuple[str, ...]) -> str:
    name = playbook if playbook.startswith("do.") else f"fix.{playbook}"
    return f"{name} --host {shlex.quote(','.join(hosts))}"


def _difference(proposal: Proposal, sealed: PlanSeal, masker: Masker) -> str:
    present = {masker.mask(name): digest for name, digest in sealed.parts.items()}
    found = moved(proposal.parts, present)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"it is not plan {proposal.shown} any more. Different are: {'; '.join(found[:_NAMED])}{more}"
