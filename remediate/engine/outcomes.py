"""Converts the engine's state into the values of reports."""

from typing import NamedTuple

from remediate.core.facts import Facts
from remediate.core.outcome import CommandRecord, HostIdentity, StepOutcome, Verified
from remediate.core.remedy import Remedy
from remediate.core.verdict import Decision, Verdict
from remediate.engine.judge import CLOCK, STOPS
from remediate.errors import Unreadable
from remediate.transport.acted import CommandResult


class Ran(NamedTuple):
    """The commands ran; this is their effect."""

    commands: tuple[CommandResult, ...]
    verified: Verified
    evidence: str


def step_outcome(remedy: Remedy, verdict: Verdict, facts: Facts, ran: Ran | None = None) -> StepOutcome:
    """Return a remedy's part of the report: the decision, and commands that ran or would."""
    if ran is not None:
        commands = tuple(
            CommandRecord(argv=each.run.argv, user=each.run.user, exit=each.output.exit, seconds=each.seconds)
            for each in ran.commands
        )
    elif verdict.decision is Decision.PROCEED:
        commands = tuple(CommandRecord(argv=run.argv, user=run.user) for run in remedy.apply(facts))
    else:
        commands = ()
    return StepOutcome(
        remedy=remedy.kind,
        title=remedy.title(),
        params=remedy.model_dump(mode="json", exclude={"kind"}),
        decision=verdict.decision,
        code=verdict.code.name if verdict.code else None,
        why=verdict.reason,
        advice=verdict.code.advice if verdict.code else "",
        onward=verdict.onward,
        changed=ran is not None,
        verified=ran.verified if ran else None,
        commands=commands,
        evidence=ran.evidence if ran else "",
    )


def stops_dependents(step: StepOutcome) -> bool:
    """Return whether the remedies that depend on this one are not attempted."""
    return step.verified in {Verified.FAILED, Verified.UNKNOWN} or step.decision in STOPS


def identity_of(facts: Facts) -> HostIdentity | None:
    """Return the identity of the machine that answered. None if it did not say."""
    if CLOCK not in facts:
        return None
    try:
        machine = facts[CLOCK]
    except Unreadable:
        return None
    return HostIdentity(machine=machine.machine_id, boot=machine.boot_id)
