"""The hash of a plan on the terminal, and the command that runs it."""

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from remediate.commands.given import Flags, text_of
from remediate.core.outcome import Mode, Report
from remediate.core.playbook import BoundPlaybook, Runnable
from remediate.errors import ConfigurationError, JournalError
from remediate.remedies.single import SingleRemedy

if TYPE_CHECKING:
    from remediate.approvals.approvals import Approvals

_REPEATED: Final = ("host", "inventory", "serial", "max_fail", "incident")
"""The flags without which the run would have another plan, or belong to no incident."""


def plan_lines(report: Report, approvals: "Callable[[], Approvals]", program: str) -> Sequence[str]:
    """Return the lines about the plan of a plan run: its hash, and how it is approved where persons may."""
    if report.mode is not Mode.PLAN or report.plan_hash is None:
        return ()
    from remediate.approvals.plan_hash import SHOWN
    from remediate.approvals.proposal import ProposalState

    shown, known = report.plan_hash[:SHOWN], approvals()
    if not known.signers.exists:
        return (f"plan {shown}",)
    run = f"{program} {known.command} --approved {shown}"
    try:
        proposal, now = known.find(report.plan_hash), known.now()
    except (ConfigurationError, JournalError):
        return (f"plan {shown}",)
    if not proposal.approvals:
        return (f"plan {shown}, for {known.settings.minutes:g} minutes: {program} approve {shown}", f"then: {run}")
    by, until = " and ".join(each.approver.name for each in proposal.approvals), f"until {proposal.expires:%H:%M:%SZ}"
    if proposal.state(now) is ProposalState.APPROVED:
        return (f"plan {shown} is approved by {by}, once, {until}", f"run it with: {run}")
    return (
        f"plan {shown}, {until}, is approved by {by} and needs a second person: {program} approve {shown}",
        f"then: {run}",
    )


def approving(approvals: "Approvals", approved: str | None, program: str) -> str | None:
    """Return the command that approves the plan of `--approved`, None if that plan takes no approval now."""
    from remediate.approvals.proposal import ProposalState

    if approved is None or not approvals.signers.exists:
        return None
    try:
        proposal = approvals.find(approved)
        waits = proposal.state(approvals.now()) is ProposalState.PROPOSED
    except (ConfigurationError, JournalError):
        return None
    return f"{program} approve {proposal.shown}" if waits else None


def typed_run(runnable: Runnable, flags: Flags) -> str:
    """Return a run as it is typed without its program: what it fixes, its own flags, and its hosts."""
    match runnable:
        case SingleRemedy():
            words = f"{runnable.name}{runnable.flags}"
        case BoundPlaybook():
            words = f"fix.{runnable.name}{''.join(_given(*each) for each in runnable.parameters)}"
        case _:
            words = f"fix.{runnable.name}"
    where = "".join(_given(name, value) for name in _REPEATED if (value := text_of(flags, name)) is not None)
    overrides = flags.get("override")
    whys = "".join(_given("override", each) for each in overrides) if isinstance(overrides, list) else ""
    return f"{words}{where}{whys}"


def _given(name: str, value: object) -> str:
    flag = f" --{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {shlex.quote(str(value))}"
