"""Converts the engine's state into the values of reports."""

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.outcome import (
    CommandRecord,
    HostIdentity,
    HostOutcome,
    Problem,
    RunVerdict,
    StepOutcome,
    Touched,
    Verified,
    readings,
)
from remediate.core.playbook import Severity
from remediate.core.remedy import Remedy
from remediate.core.verdict import Decision, Verdict
from remediate.engine.apply import Ran
from remediate.engine.judge import CLOCK, STOPS
from remediate.engine.stability import Window
from remediate.errors import Unreadable


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


def held(step: StepOutcome, window: Window) -> StepOutcome:
    """Return a step with the evidence that its effect lasted."""
    return step.model_copy(update={"evidence": f"{step.evidence}; {window.why}, nothing started again"})


def host_outcome(
    host: Host,
    verdict: RunVerdict,
    *,
    touched: Touched,
    seconds: float,
    serving_again: float | None,
    error: Problem | None,
    severity: Severity | None = None,
    before: Facts,
    steps: tuple[StepOutcome, ...],
    after: Facts,
) -> HostOutcome:
    """Return the report of one host. `after` counts only if the host was changed."""
    return HostOutcome(
        name=host.name,
        address=host.shown_address,
        read_with=host.read_with,
        identity=_identity(after),
        verdict=verdict,
        exit_code=verdict.exit_code,
        severity=severity,
        touched=touched,
        seconds=round(seconds, 1),
        serving_again_seconds=None if serving_again is None else round(serving_again, 1),
        error=error,
        before=readings(before),
        steps=steps,
        after=() if touched is Touched.NO else readings(after),
    )


def _identity(facts: Facts) -> HostIdentity | None:
    if CLOCK not in facts:
        return None
    try:
        machine = facts[CLOCK]
    except Unreadable:
        return None
    return HostIdentity(machine=machine.machine_id, boot=machine.boot_id)
