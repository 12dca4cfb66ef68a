"""Takes one host through a playbook: survey, judge, act under the lock, verify, hold."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Problem, RunVerdict, StepOutcome, Touched, Verified, readings
from remediate.core.plan import PlannedHost
from remediate.core.playbook import HostPlan, Runnable, Severity
from remediate.core.remedy import Remedy, Step, basis
from remediate.core.verdict import (
    JOURNAL_UNWRITABLE,
    LOCKED,
    MOVED,
    OUT_OF_TIME,
    PAUSED,
    PLAN_MOVED,
    Decision,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
)
from remediate.engine.apply import NotRun, Ran, Stopped, apply_remedy, fenced
from remediate.engine.conclusion import conclude
from remediate.engine.context import Context, NotRecorded
from remediate.engine.discovery import discovered
from remediate.engine.judge import CLOCK, RULES, Symptom, judge, not_attempted, relied_on, symptom
from remediate.engine.lazy_session import LazySession
from remediate.engine.lock import LockedByOthers
from remediate.engine.open_host import OpenHost
from remediate.engine.outcomes import held, host_outcome, step_outcome, stops_dependents
from remediate.engine.planned import HeldPlan, planned_host
from remediate.engine.rejoin import found_out
from remediate.engine.surveyor import SURVEY_SECONDS, Surveyor
from remediate.engine.unchanged import decide, untouched
from remediate.errors import ContactLost, Unreachable, Unreadable

FENCE_TRIES: Final = 3
"""The number of attempts at a step when something moves before the lock is held."""
STALE_SECONDS: Final = 10.0
"""Seconds after which a survey is repeated before acting. It ages while consent is asked or other hosts are changed."""


class HostRunner:
    """One host in one run: `examine` reads and judges, `mend` changes, verifies and holds.

    Both return the host's outcome when they end the run there.
    """

    def __init__(
        self, host: Host, runnable: Runnable, options: Options, context: Context, host_plan: HostPlan | None = None
    ) -> None:
        self.host = host
        self.runnable = runnable
        self.options = options
        self.context = context
        self._host_plan = host_plan
        self._begun = monotonic()
        self._session = LazySession(lambda: context.connect(host))
        self._open: OpenHost | None = None
        self._surveyed = self._examined_at = self._begun
        self._before = Facts({})
        self._steps: list[StepOutcome] = []
        self._healed: list[tuple[Remedy, Facts]] = []
        self._touched = Touched.NO
        self._acting = False
        self._blind = False
        self._despite = ""
        self._plan: PlannedHost | Unreadable | None = None
        self._held: HeldPlan | None = None
        self._serving_again: float | None = None

    def examine(self) -> HostOutcome | None:
        """Survey the host and judge every remedy. Return None if this run may fix something.

        Raises ConfigurationError if the inventory lacks a setting that is needed and cannot be discovered.
        """
        self._begun = monotonic()
        if self.context.stop.is_set():
            return self._end(RunVerdict.INTERRUPTED)
        try:
            if self._host_plan is None:
                self.host = discovered(self.host, self._session) if self.runnable.discovers else self.host
                self._host_plan = self.runnable(self.host)
            surveyor = Surveyor(self._session, self.context.controller, (*self._host_plan.probes(), CLOCK, RULES))
            self._open = OpenHost(
                self._host_plan,
                surveyor,
                self.options,
                begun=self._begun,
                stop=self.context.stop,
                progress=self._progress,
            )
            self._before = surveyor.survey(min(SURVEY_SECONDS, self.options.timeout))
            self._surveyed = monotonic()
            self.context.reporter.surveyed(self.host, readings(self._before))
            ending = decide(self._open)
            if ending is not None and ending.verdict is RunVerdict.PENDING:
                self._plan = self._planned()
        except Unreachable as error:
            return self._end(RunVerdict.UNREACHABLE, Problem(code=error.code.value, message=error.message))
        self._examined_at = monotonic()
        return None if ending is None else self._end(*ending)

    def mend(self) -> HostOutcome:
        """Apply the needed remedies, innermost first, each judged on the latest facts, then hold."""
        total = len(self._examined.host_plan.remedies)
        self._examined.waited(monotonic() - self._examined_at)
        try:
            if monotonic() - self._surveyed > STALE_SECONDS:
                self._examined.survey()
            for position in range(total):
                if self.context.stop.is_set():
                    return self._end(RunVerdict.INTERRUPTED)
                step = self._step(position)
                self._steps.append(step)
                self.context.reporter.stepped(self.host, position + 1, total, step)
            if self._touched is not Touched.NO:
                return self._conclude()
            return self._end(*untouched(self._examined, tuple(self._steps)))
        except Stopped as stopped:
            return self._end(RunVerdict.INTERRUPTED, Problem(code="interrupted", message=str(stopped)))
        except ContactLost as error:
            self._touched = Touched.UNKNOWN if self._touched is Touched.NO else self._touched
            return self._end(RunVerdict.UNKNOWN, Problem(code="contact-lost", message=str(error)))
        except Unreachable as error:
            verdict = RunVerdict.UNREACHABLE if self._touched is Touched.NO else RunVerdict.UNKNOWN
            return self._end(verdict, Problem(code=error.code.value, message=error.message))

    def planned(self) -> tuple[StepOutcome, ...]:
        """Return the present decision on every remedy, with the exact commands."""
        return self._examined.planned()

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The remedies of an examined host."""
        return () if self._host_plan is None else self._host_plan.remedies

    @property
    def is_pending(self) -> bool:
        """Whether a plan run found something to do on it."""
        return self._plan is not None

    @property
    def plan(self) -> PlannedHost:
        """What would be done on an examined host. Raises Unreadable if that cannot be told for certain."""
        plan = self._planned() if self._plan is None else self._plan
        if isinstance(plan, Unreadable):
            raise plan
        return plan

    def hold_to_plan(self) -> None:
        """Let nothing run but the present plan, because a person approved it."""
        self._held = HeldPlan(self.plan, self._examined.host_plan)

    def go_on(self, despite: str) -> None:
        """Note what a person decided to go on in spite of. The changes say so."""
        self._despite += f"; {despite}"

    def refuse(self, code: RefusalCode, why: str) -> HostOutcome:
        """End an examined host that this run must not change."""
        if self.context.stop.is_set():
            return self._end(RunVerdict.INTERRUPTED, steps=self.planned())
        return self._end(RunVerdict.REFUSED, Problem(code=code.name, message=why), self.planned())

    def broken(self, why: str) -> HostOutcome:
        """End a host after a bug: refused if no act was begun, else unknown."""
        if self._touched is Touched.NO and not self._acting:
            return self._end(RunVerdict.REFUSED, Problem(code="internal-error", message=why))
        self._touched = self._touched if self._touched is Touched.YES else Touched.UNKNOWN
        return self._end(RunVerdict.UNKNOWN, Problem(code="internal-error", message=why))

    def release(self) -> None:
        """Close the connection until `mend` needs one."""
        self._session.close()

    def close(self) -> None:
        """Close the connection to the host, and forget what was read there."""
        self.release()
        if self._open is not None:
            self._open.surveyor.close()
        self._open, self._before, self._steps = None, Facts({}), []

    @property
    def _examined(self) -> OpenHost:
        if self._open is None:
            raise RuntimeError("a host is examined before anything else")
        return self._open

    def _planned(self) -> PlannedHost | Unreadable:
        host = self._examined
        try:
            return planned_host(self.host, host.host_plan, host.judge(), host.facts)
        except Unreadable as why:
            return why

    # -- deciding ------------------------------------------------------------------------------------------------

    def _conclude(self) -> HostOutcome:
        verdict, problem, window = conclude(self._examined, self._steps, self._healed)
        if window is not None:
            self._steps = [held(step, window) if step.changed else step for step in self._steps]
        return self._end(verdict, problem)

    # -- acting --------------------------------------------------------------------------------------------------

    def _step(self, position: int) -> StepOutcome:
        host = self._examined
        remedy, verdict = host.judge()[position]
        blocking = {step.remedy for step in self._steps if stops_dependents(step)}.intersection(remedy.after)
        if not blocking and verdict.decision is Decision.WAIT:
            verdict = host.patiently(position)[position].verdict
        if blocking and verdict.decision is not Decision.SKIP:
            verdict = not_attempted(sorted(blocking))
        elif verdict.decision is Decision.PROCEED and host.left < self.options.hold:
            verdict = refuse(OUT_OF_TIME, f"too little is left of the {self.options.timeout:g} s given to this host")
        begun = monotonic()
        for _ in range(FENCE_TRIES):
            if verdict.decision is not Decision.PROCEED:
                return step_outcome(remedy, verdict, host.facts)
            step = self._apply(position, remedy, proceed(f"{verdict.reason}{self._despite}"))
            if step is not None:
                return step.model_copy(update={"seconds": round(monotonic() - begun, 1)})
            # The fence asks each question by itself. An answer that differs only when asked with others is no movement.
            host.surveyor.ask_alone(fenced(remedy, relied_on(host.host_plan, remedy)))
            host.survey()
            verdict = host.patiently(position)[position].verdict
        moved = refuse(MOVED, f"{remedy.title()} changed each time just before it was to be fixed")
        return step_outcome(remedy, moved, host.facts)

    def _apply(self, position: int, remedy: Remedy, verdict: Verdict, despite: str = "") -> StepOutcome | None:
        """Record the intent, act, and record the outcome. Return None if something had moved and nothing ran."""
        host = self._examined
        before, steps = host.facts, tuple(remedy.apply(host.facts))
        if (refusal := self._refusal(position, remedy, steps)) is not None:
            return self._stay_out(position, step_outcome(remedy, refusal, before), intended=bool(despite))
        try:
            if not despite:
                self.context.record.intend(self.host, position, remedy, steps, basis(remedy, before))
        except NotRecorded as error:
            return step_outcome(remedy, refuse(JOURNAL_UNWRITABLE, str(error)), before)
        self._progress(f"{remedy.kind}: {verdict.reason}")
        self._acting = True
        owner = (*self.context.owner, remedy.kind)
        enough = self._served_or_more_to_do(remedy)
        try:
            tried = apply_remedy(
                host.surveyor,
                remedy,
                steps,
                wait=0 if despite else min(self.options.wait, max(0.0, host.left - self.options.hold)),
                owner=owner,
                enough=enough,
                stop=self.context.stop,
                relied_on=relied_on(host.host_plan, remedy),
                despite=despite,
                paused=self.context.paused,
            )
        except Stopped as stopped:
            self._touched = Touched.YES
            self._broken_off(position, step_outcome(remedy, verdict, before, ran=stopped.ran))
            raise
        except ContactLost as error:
            tried = self._found_out(position, remedy, verdict, before, error, sum(run.seconds for run in steps))
        except Unreachable:
            self._broken_off(position, step_outcome(remedy, verdict, before))
            raise
        if isinstance(tried, LockedByOthers) and not despite and (why := self.options.overrides.get(LOCKED.name)):
            overridden = proceed(f"{verdict.reason}; {tried.who}; {LOCKED.name} overridden: {why}")
            return self._apply(position, remedy, overridden, tried.held)
        step = step_outcome(remedy, tried if isinstance(tried, Verdict) else verdict, before)
        if not isinstance(tried, (Verdict, NotRun)):
            self._touched = Touched.YES
            step = step_outcome(remedy, verdict, before, ran=tried)
            if tried.verified is Verified.PROVEN:
                self._healed.append((remedy, before))
        self._acting = False
        self.context.record.conclude(self.host, position, step)
        return None if isinstance(tried, NotRun) else step

    def _refusal(self, position: int, remedy: Remedy, steps: tuple[Step, ...]) -> Verdict | None:
        """Return why nothing may act now: everything is paused, or this step is not what was approved."""
        if (paused := self.context.paused()) is not None:
            return refuse(PAUSED, paused)
        if self._held is None:
            return None
        changed = self._touched is not Touched.NO
        departure = self._held.departure(position, remedy, steps, self._examined.facts, changed=changed)
        return None if departure is None else refuse(PLAN_MOVED, departure)

    def _stay_out(self, position: int, step: StepOutcome, *, intended: bool) -> StepOutcome:
        """Return a step that is not taken. If its intent is written already, it gets an outcome."""
        if intended:
            self._acting = False
            self.context.record.conclude(self.host, position, step)
        return step

    def _found_out(
        self, position: int, remedy: Remedy, verdict: Verdict, before: Facts, lost: ContactLost, seconds: float
    ) -> Ran:
        """Return what a step did whose link was lost. Raises Unreachable if nothing, ContactLost if that is unknown."""
        host = self._examined
        # The host may not notice that the link is dead: then the step's exec holds the lock until its own deadline.
        wait = min(seconds + remedy.settle + SURVEY_SECONDS, max(0.0, host.left))
        found = found_out(self.context, self.host, host.surveyor, remedy, before, lost, wait=wait)
        if isinstance(found, Unreachable):
            self._broken_off(position, step_outcome(remedy, verdict, before))
            raise found
        if found.verified is Verified.UNKNOWN:
            self._blind = True
            self._broken_off(position, step_outcome(remedy, verdict, before, ran=found))
            raise ContactLost(found.evidence)
        return found

    def _broken_off(self, position: int, step: StepOutcome) -> None:
        """Keep the known part of a step that did not finish."""
        self._steps.append(step)
        self.context.record.conclude(self.host, position, step)
        self.context.reporter.stepped(self.host, position + 1, len(self._examined.host_plan.remedies), step)

    def _served_or_more_to_do(self, remedy: Remedy) -> Callable[[Facts], bool]:
        host_plan = self._examined.host_plan

        def enough(facts: Facts) -> bool:
            if symptom(host_plan, facts) is Symptom.OVER:
                if host_plan.symptoms and self._serving_again is None:
                    self._serving_again = monotonic() - self._begun
                return True
            judged = judge(host_plan, facts, self.options.overrides)
            return any(each.decision is Decision.PROCEED and each.remedy != remedy for each in judged)

        return enough

    # -- reporting -----------------------------------------------------------------------------------------------

    def _severity(self, verdict: RunVerdict) -> Severity | None:
        """Return the severity if it depends on the facts. A healthy host has none."""
        if self._open is None or self._open.host_plan.graded is None or verdict is RunVerdict.HEALTHY:
            return None
        return self._open.host_plan.graded(self._before)

    def _progress(self, text: str) -> None:
        self.context.reporter.progress(self.host, text)

    def _end(
        self, verdict: RunVerdict, error: Problem | None = None, steps: tuple[StepOutcome, ...] | None = None
    ) -> HostOutcome:
        outcome = host_outcome(
            self.host,
            verdict,
            touched=self._touched,
            seconds=monotonic() - self._begun,
            serving_again=self._serving_again,
            error=error,
            severity=self._severity(verdict),
            before=self._before,
            steps=tuple(self._steps) if steps is None else steps,
            # Facts from before an act say nothing about the host afterwards if its end was not seen.
            after=Facts({}) if self._blind else self._open.facts if self._open else self._before,
        )
        if (why := self.context.record.unwritten) is not None:
            self.context.reporter.unrecorded(why)  # It comes before the verdict, which would refer to the record.
        self.context.reporter.finished(self.host, outcome)
        return outcome
