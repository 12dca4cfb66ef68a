"""Lets examined hosts be changed: by their approved plan, or by consent."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from remediate.core.host_names import names_of
from remediate.core.options import Options
from remediate.core.playbook import Runnable
from remediate.core.verdict import APPROVAL_MISSING, JOURNAL_UNWRITABLE, NOT_APPROVED, PLAN_MOVED, RefusalCode
from remediate.engine.context import NotRecorded
from remediate.engine.host_pool import Consent
from remediate.engine.host_runner import HostRunner
from remediate.engine.limits import Decide, Limit
from remediate.engine.planned import run_plan
from remediate.errors import ConfigurationError, JournalError, Unreadable

if TYPE_CHECKING:
    from remediate.approvals.approvals import Approvals
    from remediate.core.plan import RunPlan

Refusal = tuple[RefusalCode, str]


class ChangeGate:
    """The consent of one run: an approved plan, or the answers of whoever started it.

    The project may demand a plan. Then only a person at a terminal can go on without one, with a typed reason.
    """

    def __init__(
        self,
        runnable: Runnable,
        consent: Consent,
        approvals: "Callable[[], Approvals]",
        *,
        decide: Decide,
        noticed: Callable[[str], None],
        justify: Callable[[str], None],
        run: str,
    ) -> None:
        """Take how to consent, and where to record what a person decides: `justify` raises NotRecorded."""
        self.plan_hash: str | None = None
        """The hash of the plan that was made, or that was approved and runs."""
        self.approved_by: tuple[str, ...] = ()
        self._runnable = runnable
        self._consent = consent
        self._approvals = approvals
        self._decide = decide
        self._noticed = noticed
        self._justify = justify
        self._run = run

    def __call__(self, runs: Sequence[HostRunner], options: Options) -> Refusal | None:
        """Return None if these hosts may be changed, else the refusal. Raises ConfigurationError."""
        if options.approved is not None:
            return self._by_plan(runs, options, options.approved)
        return self._without_plan(runs) or self._consent(runs, options)

    def demand_known(self, approved: str) -> None:
        """Raise ConfigurationError for a hash that names no plan. Without a journal, the hosts are looked at first."""
        with suppress(JournalError):
            self._approvals().find(approved)

    def propose(self, runs: Sequence[HostRunner], options: Options, *, operator: str, incident: str | None) -> None:
        """Store the plan that a plan run made, so that it can be approved. Say so if that is not possible."""
        pending = [run for run in runs if run.is_pending]
        if not pending:
            return
        try:
            plan = self._plan(pending, options)
            proposal = self._approvals().propose(plan, operator=operator, run=self._run, incident=incident)
        except (Unreadable, ConfigurationError, JournalError) as why:
            self._noticed(f"this plan cannot be approved: {why}")
        else:
            self.plan_hash = proposal.hash

    def _plan(self, runs: Sequence[HostRunner], options: Options) -> "RunPlan":
        """Return the plan of these examined hosts. Raises Unreadable."""
        hosts = [run.plan for run in runs]
        return run_plan(self._runnable, options, (remedy for run in runs for remedy in run.remedies), hosts)

    def _by_plan(self, runs: Sequence[HostRunner], options: Options, approved: str) -> Refusal | None:
        from remediate.approvals.approvals import PlanMoved
        from remediate.approvals.store import NotApproved

        try:
            spent = self._approvals().spend(self._plan(runs, options), approved, self._run)
        except (Unreadable, PlanMoved) as why:
            return PLAN_MOVED, str(why)
        except NotApproved as why:
            return NOT_APPROVED, str(why)
        except JournalError as why:
            return JOURNAL_UNWRITABLE, str(why)
        for run in runs:
            run.hold_to_plan()
        self.plan_hash, self.approved_by = spent.hash, tuple(approver.name for approver in spent.approvers)
        self._noticed(f"plan {spent.shown}, approved by {' and '.join(map(str, spent.approvers))}, runs now")
        return None

    def _without_plan(self, runs: Sequence[HostRunner]) -> Refusal | None:
        """Ask for the reason to go on without an approved plan, where the project demands one."""
        approvals = self._approvals()
        demanding = [run for run in runs if approvals.require(run.host)]
        if not demanding:
            return None
        names = names_of(run.host for run in demanding)
        why = f"{names}: the project lets only an approved plan change it (--plan, approve, --approved HASH)"
        reason = self._decide(demanding[0].host, Limit(APPROVAL_MISSING, why))
        if reason is None:
            return APPROVAL_MISSING, why
        try:
            self._justify(f"BREAK-GLASS on {names}, {APPROVAL_MISSING.name} overridden: {reason}")
        except NotRecorded as unwritable:
            return JOURNAL_UNWRITABLE, str(unwritable)
        for run in demanding:
            run.go_on(f"BREAK-GLASS, {APPROVAL_MISSING.name} overridden: {reason}")
        self._noticed(f"BREAK-GLASS: {names} is changed without an approved plan: {reason}")
        return None
