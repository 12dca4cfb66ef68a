"""Takes one host through a playbook: survey, judge, act under the lock, verify, hold."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from remediate.attempt import NotRun, Ran, Stopped, attempt
from remediate.context import Context, NotRecorded
from remediate.discovery import discovered
from remediate.errors import ContactLost, Unreachable
from remediate.hold import Held, Unsure, Window
from remediate.host import Host
from remediate.judge import (
    CLOCK,
    RULES,
    STOPS,
    Judgement,
    Symptom,
    complaint,
    judge,
    not_attempted,
    relied_on,
    restarted,
    symptom,
    unexplained,
    unproven,
)
from remediate.lock import LockedByOthers
from remediate.options import Options
from remediate.outcome import HostOutcome, Problem, RunVerdict, StepOutcome, Touched, Verified, readings
from remediate.patience import TRIES, left_open, patiently, until_settled
from remediate.playbook import Cure, Severity, Treatment
from remediate.remedy import Remedy
from remediate.session import Session
from remediate.survey import Facts
from remediate.surveyor import Surveyor
from remediate.tell import host_outcome, step_outcome
from remediate.verdict import (
    JOURNAL_UNWRITABLE,
    LOCKED,
    MOVED,
    OUT_OF_TIME,
    UNEXPLAINED,
    UNFINISHED,
    UNREADABLE,
    UNSTABLE,
    Decision,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
)
from remediate.watch import Watch

FENCE_TRIES: Final = 3
"""How often a plan is made anew because something moved between survey and lock."""
STALE_SECONDS: Final = 10.0
"""Age from which a survey is taken anew before acting on it: somebody was asked, or other hosts came first."""


class HostRun:
    """One host in one run: `examine` reads and judges, `mend` changes, verifies and holds; both end in an outcome."""

    def __init__(self, host: Host, cure: Cure, options: Options, context: Context) -> None:
        self.host = host
        self.cure = cure
        self.options = options
        self.context = context
        self.treatment = Treatment((), (), ())
        self._begun = monotonic()
        self._session: Session | None = None
        self._surveyor: Surveyor | None = None
        self._surveyed = self._begun
        self._before = Facts({})
        self._steps: list[StepOutcome] = []
        self._healed: list[tuple[Remedy, Facts]] = []
        self._touched = Touched.NO
        self._acting = False
        self._blind = False
        self._serving_again: float | None = None

    def examine(self) -> HostOutcome | None:
        """Look and judge. Returns None when there is something to mend and this run may do so.

        Raises ConfigurationError when the inventory lacks what the cure needs and the host cannot tell either.
        """
        try:
            self._session = self.context.connect(self.host)
            self.host = discovered(self.host, self._session) if self.cure.discovers else self.host
            self.treatment = self.cure(self.host)
            probes = (*self.treatment.probes(), CLOCK, RULES)
            self._surveyor = Surveyor(self._session, self.context.controller, probes)
            self._before = self._surveyor.survey()
            self._surveyed = monotonic()
            self.context.reporter.surveyed(self.host, readings(self._before))
            return self._decide()
        except Unreachable as error:
            return self._end(RunVerdict.UNREACHABLE, Problem(code=error.code.value, message=error.message))

    def mend(self) -> HostOutcome:
        """Apply what is needed, innermost first, each judged on the freshest facts; then hold."""
        total = len(self.treatment.remedies)
        try:
            if monotonic() - self._surveyed > STALE_SECONDS:
                self._look.survey()
            for position in range(total):
                if self.context.stop.is_set():
                    return self._end(RunVerdict.INTERRUPTED)
                step = self._step(position)
                self._steps.append(step)
                self.context.reporter.stepped(self.host, position + 1, total, step)
            if self._touched is not Touched.NO:
                return self._conclude()
            return self._untouched()
        except Stopped as stopped:
            return self._end(RunVerdict.INTERRUPTED, Problem(code="interrupted", message=str(stopped)))
        except ContactLost as error:
            self._touched = Touched.UNKNOWN if self._touched is Touched.NO else self._touched
            return self._end(RunVerdict.UNKNOWN, Problem(code="contact-lost", message=str(error)))
        except Unreachable as error:
            verdict = RunVerdict.UNREACHABLE if self._touched is Touched.NO else RunVerdict.UNKNOWN
            return self._end(verdict, Problem(code=error.code.value, message=error.message))

    def planned(self) -> tuple[StepOutcome, ...]:
        """What `mend` would decide now about every remedy, with the exact commands."""
        return tuple(step_outcome(each.remedy, each.verdict, self._facts) for each in self._judge())

    def refuse(self, code: RefusalCode, why: str) -> HostOutcome:
        """End an examined host that this run must not change."""
        if self.context.stop.is_set():
            return self._end(RunVerdict.INTERRUPTED, steps=self.planned())
        return self._refused(code, why, self.planned())

    def broken(self, why: str) -> HostOutcome:
        """End a host whose walk broke off: when nothing was begun nothing was changed, else nobody can know."""
        if self._touched is Touched.NO and not self._acting:
            return self._end(RunVerdict.REFUSED, Problem(code="internal-error", message=why))
        self._touched = self._touched if self._touched is Touched.YES else Touched.UNKNOWN
        return self._end(RunVerdict.UNKNOWN, Problem(code="internal-error", message=why))

    def close(self) -> None:
        """Leave the host."""
        if self._surveyor is not None:
            self._surveyor.close()
        elif self._session is not None:
            self._session.close()

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def _look(self) -> Surveyor:
        if self._surveyor is None:
            raise RuntimeError("a host is examined before anything else")
        return self._surveyor

    @property
    def _facts(self) -> Facts:
        return self._look.facts

    def _judge(self) -> tuple[Judgement, ...]:
        return judge(self.treatment, self._facts, self.options.overrides)

    def _patiently(self, position: int | None = None) -> tuple[Judgement, ...]:
        return patiently(
            self._look, self._judge, position=position, left=self._left, stop=self.context.stop, progress=self._progress
        )

    @property
    def _left(self) -> float:
        """Seconds left of what this host may take."""
        return self.options.timeout - (monotonic() - self._begun)

    @property
    def _watch(self) -> Watch:
        return Watch(self.treatment, self._look, self.context.stop, self._progress)

    # -- deciding ------------------------------------------------------------------------------------------------

    def _decide(self) -> HostOutcome | None:
        window: Window | None = None
        for _ in range(3):
            judgements = self._patiently()
            steps = tuple(step_outcome(each.remedy, each.verdict, self._facts) for each in judgements)
            if self.context.stop.is_set():
                return self._end(RunVerdict.INTERRUPTED, steps=steps)
            if any(each.decision is Decision.PROCEED for each in judgements):
                return self._end(RunVerdict.PENDING, steps=steps) if self.options.plan else None
            lasted = window is not None and window.held is Held.HELD
            again = None if lasted or self._concern(steps) else self._watch.until_old(self.options.hold)
            if again is None:
                return self._unchanged(steps)
            if window is not None and again.held is not Held.HELD:
                return self._unlasting(again)
            window = again
            self._look.survey()  # everything once more: also what was not watched has to be as it was
        return self._unchanged(self.planned())

    def _unlasting(self, window: Window) -> HostOutcome:
        """End a host on which nothing was changed and what seems well does not last, or cannot be seen to last."""
        code = UNREADABLE if window.held is Held.UNREADABLE else UNSTABLE
        return self._refused(code, window.why, self.planned())

    def _untouched(self) -> HostOutcome:
        """End a host on which nothing had to be done in the end: what others mended meanwhile has to last, too."""
        steps = tuple(self._steps)
        decisions = {step.decision for step in steps}
        if Decision.NOT_ATTEMPTED in decisions and Decision.REFUSE not in decisions:
            steps = self.planned()  # what came in between speaks against an earlier remedy: say that of it, too
        window = None if self._concern(steps) else self._watch.until_old(self.options.hold)
        if window is None:
            return self._unchanged(steps)
        if window.held is Held.STOPPED:
            return self._end(RunVerdict.INTERRUPTED)
        if window.held is not Held.HELD:
            return self._unlasting(window)
        self._look.survey()
        return self._unchanged(self.planned())

    def _unchanged(self, steps: tuple[StepOutcome, ...]) -> HostOutcome:
        concern = self._concern(steps)
        return self._end(RunVerdict.REFUSED if concern else RunVerdict.HEALTHY, concern, steps)

    def _concern(self, steps: tuple[StepOutcome, ...]) -> Problem | None:
        """Say why a host to which nothing is done is not healthy."""
        refused = next((step for step in steps if step.decision is Decision.REFUSE), None)
        if refused is not None:
            return Problem(code=refused.code or "", message=refused.why)
        needed = next((step for step in steps if step.decision is not Decision.SKIP), None)
        if needed is not None:
            return Problem(code=UNSTABLE.name, message=f"{needed.title}: {needed.why}")
        seen = symptom(self.treatment, self._facts)
        if seen is Symptom.OVER:
            return None
        if seen is Symptom.PRESENT:
            return Problem(code=UNEXPLAINED.name, message=unexplained(self.treatment, self._facts))
        return Problem(code=UNREADABLE.name, message=complaint(self.treatment, self._facts))

    # -- acting --------------------------------------------------------------------------------------------------

    def _step(self, position: int) -> StepOutcome:
        remedy, verdict = self._judge()[position]
        blocking = {step.remedy for step in self._steps if _stops_dependents(step)}.intersection(remedy.after)
        if not blocking and verdict.decision is Decision.WAIT:
            verdict = self._patiently(position)[position].verdict
        if blocking and verdict.decision is not Decision.SKIP:
            verdict = not_attempted(sorted(blocking))
        elif verdict.decision is Decision.PROCEED and self._left < self.options.hold:
            verdict = refuse(OUT_OF_TIME, f"too little is left of the {self.options.timeout:g} s given to this host")
        begun = monotonic()
        for _ in range(FENCE_TRIES):
            if verdict.decision is not Decision.PROCEED:
                return step_outcome(remedy, verdict, self._facts)
            step = self._apply(position, remedy, verdict)
            if step is not None:
                return step.model_copy(update={"seconds": round(monotonic() - begun, 1)})
            self._look.survey()
            verdict = self._patiently(position)[position].verdict
        moved = refuse(MOVED, f"{remedy.title()} changed each time just before it was to be mended")
        return step_outcome(remedy, moved, self._facts)

    def _apply(self, position: int, remedy: Remedy, verdict: Verdict, despite: str = "") -> StepOutcome | None:
        """Record the intent, act, record the outcome. Returns None when something had moved: nothing ran."""
        before, steps = self._facts, tuple(remedy.apply(self._facts))
        try:
            if not despite:
                self.context.record.intend(self.host, position, remedy, steps)
        except NotRecorded as error:
            return step_outcome(remedy, refuse(JOURNAL_UNWRITABLE, str(error)), before)
        self._progress(f"{remedy.kind}: {verdict.reason}")
        self._acting = True
        owner = (*self.context.owner, remedy.kind)
        enough = self._served_or_more_to_do(remedy)
        try:
            tried = attempt(
                self._look,
                remedy,
                steps,
                wait=0 if despite else min(self.options.wait, max(0.0, self._left - self.options.hold)),
                owner=owner,
                enough=enough,
                stop=self.context.stop,
                relied_on=relied_on(self.treatment, remedy),
                despite=despite,
            )
        except Stopped as stopped:
            self._touched = Touched.YES
            self._broken_off(position, step_outcome(remedy, verdict, before, ran=stopped.ran))
            raise
        except ContactLost as error:
            lost = Ran((), Verified.UNKNOWN, str(error))
            self._blind = True
            self._broken_off(position, step_outcome(remedy, verdict, before, ran=lost))
            raise
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

    def _broken_off(self, position: int, step: StepOutcome) -> None:
        """Keep what is known of a step that did not come to its end."""
        self._steps.append(step)
        self.context.record.conclude(self.host, position, step)
        self.context.reporter.stepped(self.host, position + 1, len(self.treatment.remedies), step)

    def _served_or_more_to_do(self, remedy: Remedy) -> Callable[[Facts], bool]:
        def enough(facts: Facts) -> bool:
            if symptom(self.treatment, facts) is Symptom.OVER:
                if self.treatment.symptoms and self._serving_again is None:
                    self._serving_again = monotonic() - self._begun
                return True
            judged = judge(self.treatment, facts, self.options.overrides)
            return any(each.decision is Decision.PROCEED and each.remedy != remedy for each in judged)

        return enough

    def _conclude(self) -> HostOutcome:
        """End a host that was changed: only what is proven, serves and holds is fixed."""
        unproven = [step for step in self._steps if step.changed and step.verified is not Verified.PROVEN]
        if unproven:
            unknown = any(step.verified is Verified.UNKNOWN for step in unproven)
            verdict = RunVerdict.UNKNOWN if unknown else RunVerdict.NOT_FIXED
            return self._end(verdict, Problem(code="not-verified", message=unproven[0].evidence))
        settle = max((remedy.settle for remedy, _ in self._healed), default=0.0)
        until_settled(
            self._look,
            seconds=min(settle, self._left - self.options.hold),
            stop=self.context.stop,
            progress=self._progress,
        )
        if symptom(self.treatment, self._facts) is Symptom.PRESENT:
            seen = complaint(self.treatment, self._facts)
            return self._end(RunVerdict.NOT_FIXED, Problem(code="symptom-persists", message=seen))
        if (left := self._left_open()) is not None:
            return self._end(*left)
        window = self._watch.window(self.options.hold, self._healed)
        match window.held:
            case Held.HELD:
                if (fallen := self._fallen()) is not None:
                    return self._end(*fallen)
                self._steps = [_held(step, window) if step.changed else step for step in self._steps]
                return self._end(RunVerdict.FIXED)
            case Held.BROKEN:
                self._look.survey()  # once more everything: the last words of what died
                return self._end(RunVerdict.NOT_FIXED, Problem(code="not-holding", message=window.why))
            case Held.UNREADABLE:
                return self._end(RunVerdict.UNKNOWN, Problem(code="unreadable", message=window.why))
            case Held.STOPPED:
                return self._end(RunVerdict.INTERRUPTED, Problem(code="interrupted", message="while holding"))

    def _severity(self, verdict: RunVerdict) -> Severity | None:
        """How bad it was, where that depends on what was seen; nothing that is healthy has a severity."""
        if self.treatment.graded is None or self._surveyor is None or verdict is RunVerdict.HEALTHY:
            return None
        return self.treatment.graded(self._before)

    def _fallen(self) -> tuple[RunVerdict, Problem] | None:
        """Ask everything once more after the window: what was only looked at before it has to be well, too."""
        unread = ""
        for _ in range(TRIES):
            earlier = self._look.recent
            self._look.survey()
            seen, unread = symptom(self.treatment, self._facts), ""
            try:
                gone = restarted(earlier, self._facts) or unproven(self._healed, self._facts)
            except Unsure as unsure:
                gone, unread = None, str(unsure)
            if gone is not None or seen is Symptom.PRESENT:
                why = gone or complaint(self.treatment, self._facts)
                return RunVerdict.NOT_FIXED, Problem(code="not-holding", message=f"{why} (after the window)")
            if not unread and seen is Symptom.OVER:
                return self._left_open()
        why = unread or complaint(self.treatment, self._facts)
        return RunVerdict.UNKNOWN, Problem(code=UNREADABLE.name, message=why)

    def _left_open(self) -> tuple[RunVerdict, Problem] | None:
        """Say why a host on which all seems well is not fixed: something is needed and was not done, or not known.

        What was mended is judged by its own proof. What a person was told to do is said already, and a gate that was
        shut kept others away, which count.
        """
        healed = {remedy for remedy, _ in self._healed}
        turns = zip(self.treatment.remedies, self._steps, strict=True)
        open_ = [
            position
            for position, (remedy, step) in enumerate(turns)
            if remedy not in healed and not (step.decision in STOPS and (remedy.is_human or remedy.is_gate))
        ]
        left = left_open(self._look, self._judge, open_)
        if left is None:
            return None
        code, why = (left.verdict.code or UNFINISHED).name, left.verdict.reason
        if code == UNREADABLE.name:
            return RunVerdict.UNKNOWN, Problem(code=code, message=why)
        return RunVerdict.NOT_FIXED, Problem(code=code, message=f"{left.remedy.title()}: {why}")

    # -- telling -------------------------------------------------------------------------------------------------

    def _progress(self, text: str) -> None:
        self.context.reporter.progress(self.host, text)

    def _refused(self, code: RefusalCode, why: str, steps: tuple[StepOutcome, ...]) -> HostOutcome:
        return self._end(RunVerdict.REFUSED, Problem(code=code.name, message=why), steps)

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
            # What was seen before an act whose end nobody saw says nothing about afterwards.
            after=Facts({}) if self._blind else self._facts if self._surveyor else self._before,
        )
        if (why := self.context.record.unwritten) is not None:
            self.context.reporter.unrecorded(why)  # before the verdict, which would name the record
        self.context.reporter.finished(self.host, outcome)
        return outcome


def _stops_dependents(step: StepOutcome) -> bool:
    return step.verified in {Verified.FAILED, Verified.UNKNOWN} or step.decision in STOPS


def _held(step: StepOutcome, window: Window) -> StepOutcome:
    return step.model_copy(update={"evidence": f"{step.evidence}; {window.why}, nothing started again"})
