"""approve: approves a plan with an SSH signature, lists waiting plans, or withdraws one."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import UnprovenApprover, signed, usual_key
from remediate.approvals.proposal import Proposal, ProposalState
from remediate.approvals.store import NotApproved, unusable
from remediate.approvals.visible import visible
from remediate.commands.given import Flags, text_of
from remediate.commands.terminal import Terminal
from remediate.core.outcome import RunVerdict
from remediate.engine.fleet import operator_name
from remediate.project.project import Project

LIST: Final = "list"
"""The word in place of a hash that lists the waiting plans. It is no hexadecimal number."""
_REFUSED: Final = RunVerdict.REFUSED.exit_code


def approve(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Approve the plan whose hash is given, or list those that wait."""
    approvals = Approvals.of(project, url=project.journal())
    wanted = text_of(flags, "hash") or ""
    if wanted == LIST:
        return _list(approvals, terminal, program)
    proposal = approvals.find(wanted)
    try:
        if flags.get("withdraw"):
            approvals.withdraw(proposal, operator_name())
            terminal.say(f"plan {proposal.shown} is withdrawn: it cannot be run")
            return 0
        return _approve(approvals, proposal, flags, terminal, program)
    except (NotApproved, UnprovenApprover) as error:
        terminal.err.write(f"{program}: {error}\n")
        return _REFUSED


def _approve(approvals: Approvals, proposal: Proposal, flags: Flags, terminal: Terminal, program: str) -> int:
    for line in _lines(proposal):
        terminal.say(line)
    now = approvals.now()
    if proposal.state(now) is not ProposalState.PROPOSED:
        why = unusable(proposal, now) or f"plan {proposal.shown} was approved already, by {_approvers(proposal)}"
        raise NotApproved(why)
    if not flags.get("yes"):
        if not terminal.interactive:
            raise NotApproved(f"nobody was asked whether plan {proposal.shown} is right: add --yes, or use a terminal")
        if terminal.ask("Approve exactly this? [y/N]").lower() not in {"y", "yes"}:
            raise NotApproved(f"plan {proposal.shown} was not approved")
    given = text_of(flags, "key")
    proof = signed(proposal.statement, usual_key() if given is None else Path(given))
    approved, approver = approvals.approve(proposal, proof)
    if (missing := unusable(approved, approvals.now())) is not None:
        terminal.say(f"{approver} has approved; {missing}")
        return 0
    terminal.say(f"plan {approved.shown} is approved by {_approvers(approved)}, once, until {_until(approved, now)}")
    terminal.say(f"run it with: {program} {approved.command} --approved {approved.shown}")
    return 0


def _list(approvals: Approvals, terminal: Terminal, program: str) -> int:
    if not (waiting := approvals.waiting()):
        terminal.say(f"no plan waits for approval ({program} check.… prints the hash of one)")
    now = approvals.now()
    for proposal in waiting:
        what = f"{visible(proposal.playbook)} on {visible(', '.join(proposal.hosts))}"
        terminal.say(
            f"{proposal.shown}  {proposal.state(now).value:<9}  until {_until(proposal, now)}  {what}   "
            f"{visible(', '.join(each.name for each in proposal.requesters))}"
        )
    return 0


def _lines(proposal: Proposal) -> Iterator[str]:
    """Yield what a person reads before approving."""
    yield f"plan {proposal.hash}"
    yield f"{visible(proposal.playbook)} on {visible(', '.join(proposal.hosts))}"
    yield f"asked by {visible(proposal.asked_by)} at {proposal.asked:%Y-%m-%d %H:%M:%SZ}"
    yield f"as {visible(proposal.command)}"  # It names what is overridden.
    for step in proposal.steps:
        yield f"    {visible(step.host)}: {visible(step.why)}: {visible(step.remedy)} on {visible(step.title)}"
        for command in step.commands:
            yield f"        {visible(command)}"


def _until(proposal: Proposal, now: datetime) -> str:
    return f"{proposal.expires:%H:%M:%SZ}" if proposal.expires.date() == now.date() else f"{proposal.expires:%F %TZ}"


def _approvers(proposal: Proposal) -> str:
    return " and ".join(str(each.approver) for each in proposal.approvals)
