"""Runs whose process died: what their last steps did, and how such a run ends.

A step is never applied again to find out. The host is asked, under its lock, whether what the step had to change is as
it was before. A new run of the same then judges the host, like any other.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.outcome import (
    CommandRecord,
    HostOutcome,
    Mode,
    Problem,
    Report,
    RunVerdict,
    StepOutcome,
    Touched,
    Verified,
    overall,
    touched,
)
from remediate.core.playbook import Runnable
from remediate.core.remedy import Remedy, basis
from remediate.core.verdict import LOCK_MISSING, Decision, Verdict, refuse
from remediate.engine.discovery import discovered, leaves_open
from remediate.engine.judge import CLOCK, RULES
from remediate.engine.lock import lock_refusal
from remediate.engine.surveyor import SURVEY_SECONDS, Surveyor
from remediate.errors import Unreadable
from remediate.journal.journal import NOT_RUN
from remediate.journal.models import Intent, StoredRun, StoredStep
from remediate.masking.masker import Masker
from remediate.transport.acted import ActState
from remediate.transport.controller import Controller
from remediate.transport.script import Act
from remediate.transport.session import Session

DIED: Final = "process-died"
"""The code with which a run ends whose process died."""
_NOTHING: Final = Run.of("true")


class StepSeen(NamedTuple):
    """The result of a step, seen later: the journal's outcome, and the evidence."""

    outcome: str
    evidence: str


def locked_facts(surveyor: Surveyor, owner: tuple[str, ...], wait: float) -> Facts | Verdict:
    """Survey under the host's lock: no other run acts at that moment. Returns the refusal if one does.

    Raises Unreachable and ContactLost.
    """
    act = Act(steps=(_NOTHING,), wait=wait, settle=0)
    with surveyor.look(act, seconds=wait + SURVEY_SECONDS, owner=owner) as look:
        acted = look.acted()
        match acted.state:
            case ActState.LOCKED:
                return lock_refusal(acted.holder, owner)
            case ActState.NO_LOCK:
                return refuse(LOCK_MISSING, LOCK_MISSING.meaning)
            case _:
                return look.survey()


def reconcile(
    host: Host,
    runnable: Runnable,
    intents: Sequence[Intent],
    *,
    connect: Callable[[Host], Session],
    controller: Controller,
    owner: tuple[str, ...],
    wait: float,
) -> tuple[StepSeen, ...] | Verdict:
    """Return the result of each step begun on this host, or a refusal if another run acts.

    Raises Unreachable, ContactLost and ConfigurationError.
    """
    session = connect(host)
    try:
        host = discovered(host, session) if leaves_open(runnable, host) else host
        remedies = runnable(host).remedies
        begun = [_remedy(remedies, intent) for intent in intents]
        probes = (probe for remedy in begun if remedy is not None for probe in remedy.probes())
        surveyor = Surveyor(session, controller, (*probes, CLOCK, RULES))
        facts = locked_facts(surveyor, owner, wait)
        if isinstance(facts, Verdict):
            return facts
        return tuple(
            StepSeen(Verified.UNKNOWN.value, "the playbook does not plan this step on this host any more")
            if remedy is None
            else seen_again(remedy, intent.basis, facts)
            for remedy, intent in zip(begun, intents, strict=True)
        )
    finally:
        session.close()


def seen_again(remedy: Remedy, before: tuple[str, ...] | None, facts: Facts) -> StepSeen:
    """Judge a step by digests of what it had to change."""
    title = remedy.title()
    try:
        now, verdict = basis(remedy, facts), remedy.guard(facts)
    except Unreadable as why:
        return StepSeen(Verified.UNKNOWN.value, str(why))
    if not before or len(before) != len(now):
        return StepSeen(Verified.UNKNOWN.value, f"nothing tells what {title} was before")
    if now == before:
        return StepSeen(NOT_RUN, f"{title} is as it was before: no command ran, or none had an effect")
    moved = all(old != new for old, new in zip(before, now, strict=True))
    inherited = type(remedy).verify is Remedy.verify
    if moved and inherited and verdict.decision is Decision.SKIP:
        return StepSeen(Verified.PROVEN.value, f"{verdict.reason}, unlike before")
    return StepSeen(Verified.UNKNOWN.value, f"{title} is not as it was before; now: {verdict.reason}")


def ended(stored: StoredRun, addresses: Mapping[str, str], later: Report | None) -> Report:
    """Return the report of a run whose process died. All its steps have an outcome.

    `later` is the run that judged its hosts afterwards, None if they could not be judged.
    """
    hosts = tuple(_host(name, addresses.get(name, ""), stored, later) for name in stored.hosts)
    last = max((step.finished or stored.started for step in stored.steps), default=stored.started)
    return Report(
        version=stored.version,
        run=stored.id,
        mode=Mode(stored.mode),
        playbook=stored.playbook,
        operator=stored.operator,
        reason=stored.reason,
        incident=stored.incident,
        started=stored.started,
        seconds=round((last - stored.started).total_seconds(), 1),
        verdict=(verdict := overall(hosts)),
        exit_code=verdict.exit_code,
        touched=touched(hosts),
        hosts=hosts,
    )


_LEFT: Final[Mapping[RunVerdict, RunVerdict]] = {
    RunVerdict.HEALTHY: RunVerdict.FIXED,
    RunVerdict.UNREACHABLE: RunVerdict.UNKNOWN,
    RunVerdict.UNKNOWN: RunVerdict.UNKNOWN,
    RunVerdict.INTERRUPTED: RunVerdict.UNKNOWN,
}
"""The verdict on a run whose steps are all proven, by the one of the later run. Anything else: it was not enough."""


def _host(name: str, address: str, stored: StoredRun, later: Report | None) -> HostOutcome:
    steps = tuple(_step(step) for step in stored.steps if step.intent.host == name)
    acted = [step for step in steps if step.changed]
    after = None if later is None else next((host for host in later.hosts if host.name == name), None)
    if not acted:
        verdict, changed = RunVerdict.INTERRUPTED, Touched.NO
    elif after is None or any(step.verified is Verified.UNKNOWN for step in acted):
        known = any(step.verified is not Verified.UNKNOWN for step in acted)
        verdict, changed = RunVerdict.UNKNOWN, Touched.YES if known else Touched.UNKNOWN
    elif any(step.verified is Verified.FAILED for step in acted):
        verdict, changed = RunVerdict.NOT_FIXED, Touched.YES
    else:
        verdict, changed = _LEFT.get(after.verdict, RunVerdict.NOT_FIXED), Touched.YES
    found = "" if later is None or after is None else f"; run {later.run} found this host {after.verdict.value}"
    doubts = [step.evidence for step in acted if step.verified is Verified.UNKNOWN]
    return HostOutcome(
        name=name,
        address=address,
        verdict=verdict,
        exit_code=verdict.exit_code,
        touched=changed,
        seconds=0,
        error=Problem(code=DIED, message="; ".join([f"the process of this run died{found}", *doubts])),
        steps=steps,
    )


def _step(step: StoredStep) -> StepOutcome:
    evidence = step.evidence or "nothing is known of its end"
    acted = step.outcome != NOT_RUN
    verified = next((each for each in Verified if each.value == step.outcome), Verified.UNKNOWN)
    return StepOutcome(
        remedy=step.intent.remedy,
        title=step.intent.remedy,
        params={name: value for name, value in json.loads(step.intent.params).items() if name != "kind"},
        decision=Decision.PROCEED,
        why=evidence,
        changed=acted,
        verified=verified if acted else None,
        commands=tuple(
            CommandRecord(argv=tuple(command["argv"]), user=command["user"])
            for command in json.loads(step.intent.commands)
        ),
        evidence=evidence,
    )


def _remedy(remedies: Sequence[Remedy], intent: Intent) -> Remedy | None:
    """Return the remedy of a recorded step, None if the plan has another one in its place."""
    if intent.position >= len(remedies):
        return None
    remedy = remedies[intent.position]
    same = json.loads(json.dumps(Masker().masked_model(remedy))) == json.loads(intent.params)
    return remedy if same and remedy.kind == intent.remedy else None
