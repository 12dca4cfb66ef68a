"""Applies remedies to one host: under its lock, behind a fence, recorded before and after."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.outcome import StepOutcome, Touched, Verified
from remediate.core.remedy import Failed, Proven, Remedy, Verification, basis
from remediate.core.verdict import (
    JOURNAL_UNWRITABLE,
    LOCK_MISSING,
    LOCKED,
    MOVED,
    OUT_OF_TIME,
    PAUSED,
    PLAN_MOVED,
    Decision,
    Verdict,
    proceed,
    refuse,
)
from remediate.engine.context import NotRecorded
from remediate.engine.judge import Symptom, explain, fenced, judge, not_attempted, symptom, verification
from remediate.engine.lock import LockedByOthers, lock_refusal
from remediate.engine.open_host import OpenHost
from remediate.engine.outcomes import Ran, step_outcome, stops_dependents
from remediate.engine.planned import HeldPlan
from remediate.engine.rejoin import found_out
from remediate.engine.surveyor import SURVEY_SECONDS, OpenSurvey
from remediate.engine.transitions import judge_patiently
from remediate.errors import ContactLost, Unreachable
from remediate.transport.acted import Acted, ActState
from remediate.transport.script import Act, Fence

FENCE_TRIES: Final = 3
"""The number of attempts at a step when something moves before the lock is held."""
TURN_SECONDS: Final = 10.0
"""The most seconds that one exec waits for the lock."""


class Stopped(Exception):
    """The operator stopped the run while its effect was awaited. `ran` is the knowledge so far."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(ran.evidence)
        self.ran = ran


@dataclass
class Changes:
    """The known changes of a run to one host, at this moment."""

    steps: list[StepOutcome] = field(default_factory=list)
    healed: list[tuple[Remedy, Facts]] = field(default_factory=list)
    """The remedies that were proven, each with the facts from before it acted."""
    touched: Touched = Touched.NO
    acting: bool = False
    """An act was begun, and its result is not known yet."""
    blind: bool = False
    """The link was lost while a step acted, and nothing was seen of the host afterwards."""
    served: float | None = None
    """The moment, on the monotonic clock, when the symptom was first seen to be over."""


class Applier:
    """The steps of one run on an examined host. `changes` is true at any moment, also after an exception."""

    def __init__(self, opened: OpenHost, changes: Changes, despite: str, held: HeldPlan | None) -> None:
        """Take an examined host. `despite` is added to the reason of every change; `held` is its approved plan."""
        self._open = opened
        self._changes = changes
        self._despite = despite
        self._held = held

    def step(self, position: int) -> None:
        """Judge the remedy at `position` on the latest facts, and apply it if it is needed.

        Raises Stopped, Unreachable (this step changed nothing), and ContactLost if its result is not known.
        """
        remedy = self._open.host_plan.remedies[position]
        verdict, begun = self._verdict(position, remedy), monotonic()
        for _ in range(FENCE_TRIES):
            if verdict.decision is not Decision.PROCEED:
                self._keep(position, step_outcome(remedy, verdict, self._open.facts))
                return
            step = self._apply(position, remedy, proceed(f"{verdict.reason}{self._despite}"))
            if step is not None:
                self._keep(position, step.model_copy(update={"seconds": round(monotonic() - begun, 1)}))
                return
            # The fence asks each question by itself. An answer that differs only when asked with others is no movement.
            self._open.surveyor.ask_alone(fenced(self._open.host_plan, remedy))
            self._open.survey()
            verdict = judge_patiently(self._open, position)[position].verdict
        moved = refuse(MOVED, f"{remedy.title()} changed each time just before it was to be fixed")
        self._keep(position, step_outcome(remedy, moved, self._open.facts))

    def _verdict(self, position: int, remedy: Remedy) -> Verdict:
        verdict = self._open.judge()[position].verdict
        blocking = {step.remedy for step in self._changes.steps if stops_dependents(step)}.intersection(remedy.after)
        if not blocking and verdict.decision is Decision.WAIT:
            verdict = judge_patiently(self._open, position)[position].verdict
        if blocking and verdict.decision is not Decision.SKIP:
            return not_attempted(sorted(blocking))
        if verdict.decision is Decision.PROCEED and self._open.left < self._open.options.hold:
            seconds = self._open.options.timeout
            return refuse(OUT_OF_TIME, f"too little is left of the {seconds:g} s given to this host")
        return verdict

    def _apply(self, position: int, remedy: Remedy, verdict: Verdict) -> StepOutcome | None:
        """Record the intent, act, and record the outcome. Return None if something had moved and nothing ran."""
        opened, changes, before = self._open, self._changes, self._open.facts
        act = self._act(remedy)
        if (refusal := self._paused() or self._departure(position, remedy, act)) is not None:
            return step_outcome(remedy, refusal, before)
        try:
            opened.context.record.intend(opened.host, position, remedy, act.steps, basis(remedy, before))
        except NotRecorded as error:
            return step_outcome(remedy, refuse(JOURNAL_UNWRITABLE, str(error)), before)
        opened.progress(f"{remedy.kind}: {verdict.reason}")
        changes.acting = True
        tried: Ran | Verdict | None
        try:
            tried = self._once_unlocked(remedy, act)
            if isinstance(tried, LockedByOthers) and (why := opened.options.overrides.get(LOCKED.name)):
                verdict = proceed(f"{verdict.reason}; {tried.who}; {LOCKED.name} overridden: {why}")
                opened.progress(f"{remedy.kind}: {verdict.reason}")
                act = act.model_copy(update={"despite": tried.held, "wait": 0})
                tried = self._paused() or self._once_unlocked(remedy, act)
        except Stopped as stopped:
            changes.touched = Touched.YES
            self._break_off(position, step_outcome(remedy, verdict, before, stopped.ran))
            raise
        except ContactLost as error:
            tried = self._found_out(position, remedy, verdict, before, act, error)
        except Unreachable:
            self._break_off(position, step_outcome(remedy, verdict, before))
            raise
        if isinstance(tried, Ran):
            changes.touched = Touched.YES
            step = step_outcome(remedy, verdict, before, tried)
            if tried.verified is Verified.PROVEN:
                changes.healed.append((remedy, before))
        else:
            step = step_outcome(remedy, tried or verdict, before)
        changes.acting = False
        opened.context.record.conclude(opened.host, position, step)
        return None if tried is None else step

    def _found_out(
        self, position: int, remedy: Remedy, verdict: Verdict, before: Facts, act: Act, lost: ContactLost
    ) -> Ran:
        """Return what a step did whose link was lost. Raises Unreachable if nothing, ContactLost if that is unknown."""
        # The host may not notice that the link is dead: then the step's exec holds the lock until its own deadline.
        seconds = sum(run.seconds for run in act.steps) + act.settle + SURVEY_SECONDS
        found = found_out(self._open, remedy, before, lost, wait=min(seconds, max(0.0, self._open.left)))
        if isinstance(found, Unreachable):
            self._break_off(position, step_outcome(remedy, verdict, before))
            raise found
        if found.verified is Verified.UNKNOWN:
            self._changes.blind = True
            self._break_off(position, step_outcome(remedy, verdict, before, found))
            raise ContactLost(found.evidence)
        return found

    def _break_off(self, position: int, step: StepOutcome) -> None:
        """Record and keep the known part of a step that did not finish."""
        self._open.context.record.conclude(self._open.host, position, step)
        self._keep(position, step)

    def _keep(self, position: int, step: StepOutcome) -> None:
        self._changes.steps.append(step)
        total = len(self._open.host_plan.remedies)
        self._open.context.reporter.stepped(self._open.host, position + 1, total, step)

    # -- one exec --------------------------------------------------------------------------------------------------

    def _act(self, remedy: Remedy) -> Act:
        """Return the steps with a fence of the guard's facts."""
        facts, options = self._open.facts, self._open.options
        asked = fenced(self._open.host_plan, remedy)
        answers = ((probe.command(), facts.output(probe), probe.volatile) for probe in asked)
        fence = tuple(
            Fence(run=run, stdout=output.stdout, exit=output.exit, volatile=volatile)
            for run, output, volatile in answers
            if isinstance(run, Run)
        )
        wait = min(options.wait, max(0.0, self._open.left - options.hold))
        return Act(steps=tuple(remedy.apply(facts)), fence=fence, wait=wait, settle=remedy.settle)

    def _once_unlocked(self, remedy: Remedy, act: Act) -> Ran | Verdict | None:
        """Act when the lock is free. Return a refusal, or None if something had moved: then nothing ran.

        An exec acts as soon as it has the lock, so each waits briefly, and the kill switch is looked at before the
        next. Raises Unreachable if nothing was sent, ContactLost if the result is not known, and Stopped.
        """
        until, wait = monotonic() + act.wait, act.wait
        while True:
            tried = self._exec(remedy, act.model_copy(update={"wait": min(wait, TURN_SECONDS)}))
            wait = until - monotonic()
            locked = isinstance(tried, Verdict) and tried.code is not None and tried.code.name == LOCKED.name
            if not locked or wait <= 0 or self._open.stop.is_set():
                return tried
            if (paused := self._paused()) is not None:
                return paused

    def _paused(self) -> Verdict | None:
        """Return the refusal if the kill switch says that nothing may be changed now."""
        why = self._open.context.paused()
        return None if why is None else refuse(PAUSED, why)

    def _departure(self, position: int, remedy: Remedy, act: Act) -> Verdict | None:
        """Return the refusal of a step that is not in the approved plan, if there is one."""
        if self._held is None:
            return None
        changed = self._changes.touched is not Touched.NO
        why = self._held.departure(position, remedy, act.steps, self._open.facts, changed=changed)
        return None if why is None else refuse(PLAN_MOVED, why)

    def _exec(self, remedy: Remedy, act: Act) -> Ran | Verdict | None:
        before, stop = self._open.facts, self._open.stop
        owner = (*self._open.context.owner, remedy.kind)
        seconds = act.wait + sum(run.seconds for run in act.steps) + act.settle + SURVEY_SECONDS
        with self._open.surveyor.look(act, seconds=seconds, owner=owner) as look:
            acted = look.acted()
            match acted.state:
                case ActState.MOVED:
                    return None
                case ActState.LOCKED:
                    return lock_refusal(acted.holder, owner)
                case ActState.NO_LOCK:
                    return refuse(LOCK_MISSING, LOCK_MISSING.meaning)
                case ActState.ACTED:
                    result = self._settle(look, remedy, before)
                    ran = Ran(acted.commands, _verified(result), _evidence(result, acted))
                    if stop.is_set() and not isinstance(result, Proven):
                        # Not failed: the run was stopped before the time for the effect was over.
                        raise Stopped(ran._replace(verified=Verified.UNKNOWN))
                    return ran

    def _settle(self, look: OpenSurvey, remedy: Remedy, before: Facts) -> Verification | None:
        until = monotonic() + remedy.settle
        while True:
            after = look.survey()
            result = verification(remedy, before, after)
            if isinstance(result, Failed) or (isinstance(result, Proven) and self._is_enough(remedy, after)):
                return result
            if monotonic() >= until or self._open.stop.wait(look.pause):
                return result

    def _is_enough(self, remedy: Remedy, facts: Facts) -> bool:
        """Return whether to stop looking: the site serves again, or another remedy is needed."""
        host_plan = self._open.host_plan
        if symptom(host_plan, facts) is Symptom.OVER:
            if host_plan.symptoms and self._changes.served is None:
                self._changes.served = monotonic()
            return True
        judged = judge(host_plan, facts, self._open.options.overrides)
        return any(each.decision is Decision.PROCEED and each.remedy != remedy for each in judged)


def _verified(result: Verification | None) -> Verified:
    if result is None:
        return Verified.UNKNOWN
    return Verified.PROVEN if isinstance(result, Proven) else Verified.FAILED


def _evidence(result: Verification | None, acted: Acted) -> str:
    failed = next((each for each in acted.commands if each.output.exit != 0), None)
    if failed is None or isinstance(result, Proven):
        return explain(result)
    said = " ".join(failed.output.stderr.split())[-300:]
    return f"{explain(result)}; `{failed.run}` ended with {failed.output.exit}: {said}"
