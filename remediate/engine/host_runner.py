"""Takes one host through a playbook: survey, judge, apply, hold."""

from concurrent.futures import Future
from time import monotonic
from typing import Final

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Problem, RunVerdict, StepOutcome, Touched, readings
from remediate.core.plan import PlannedHost
from remediate.core.playbook import HostPlan, Runnable, Severity
from remediate.core.remedy import Remedy
from remediate.core.verdict import RefusalCode
from remediate.engine.apply import Applier, Changes, Stopped
from remediate.engine.conclusion import conclude, held
from remediate.engine.context import Context
from remediate.engine.discovery import discovered
from remediate.engine.judge import CLOCK, RULES
from remediate.engine.lazy_session import LazySession
from remediate.engine.open_host import OpenHost
from remediate.engine.outcomes import identity_of
from remediate.engine.planned import HeldPlan, planned_host
from remediate.engine.surveyor import SURVEY_SECONDS, OpenSurvey, Surveyor
from remediate.engine.unchanged import decide, untouched
from remediate.errors import ContactLost, Unreachable, Unreadable

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
        self._changes = Changes()
        self._despite = ""
        self._plan: PlannedHost | Unreadable | None = None
        self._held: HeldPlan | None = None

    def ask(self) -> OpenSurvey:
        """Connect, and send the questions of the first survey. It says nothing to anybody.

        Raises Unreachable, and ConfigurationError if the inventory lacks a setting that is needed and cannot be
        discovered.
        """
        self._begun = monotonic()
        if self._host_plan is None:
            self.host = discovered(self.host, self._session) if self.runnable.discovers else self.host
            self._host_plan = self.runnable(self.host)
        surveyor = Surveyor(self._session, self.context.controller, (*self._host_plan.probes(), CLOCK, RULES))
        self._open = OpenHost(self.host, self._host_plan, surveyor, self.options, self.context, begun=self._begun)
        survey = surveyor.look(seconds=min(SURVEY_SECONDS, self.options.timeout))
        self._surveyed = monotonic()
        return survey

    def examine(self, asked: "Future[OpenSurvey | None] | None" = None) -> HostOutcome | None:
        """Survey the host and judge every remedy. Return None if this run may fix something.

        `asked` is the survey that was begun before. Raises ConfigurationError as `ask` does.
        """
        if self.context.stop.is_set():
            return self._end(RunVerdict.INTERRUPTED)
        try:
            with (None if asked is None else asked.result()) or self.ask() as survey:
                waiting = monotonic() - self._surveyed  # The answers wait here as long as the journal takes to open.
                self._before = survey.survey()
            self._surveyed = monotonic() - waiting
            self.context.reporter.surveyed(self.host, readings(self._before))
            ending = decide(self._examined)
            if ending is not None and ending.verdict is RunVerdict.PENDING:
                self._plan = self._present_plan()
        except Unreachable as error:
            return self._end(RunVerdict.UNREACHABLE, Problem(code=error.code.value, message=error.message))
        self._examined_at = monotonic()
        return None if ending is None else self._end(*ending)

    def mend(self) -> HostOutcome:
        """Apply the needed remedies, innermost first, each judged on the latest facts, then hold."""
        opened, changes = self._examined, self._changes
        applier = Applier(opened, changes, self._despite, self._held)
        opened.waited(monotonic() - self._examined_at)
        try:
            if monotonic() - self._surveyed > STALE_SECONDS:
                opened.survey()
            for position in range(len(opened.host_plan.remedies)):
                if self.context.stop.is_set():
                    return self._end(RunVerdict.INTERRUPTED)
                applier.step(position)
            if changes.touched is Touched.NO:
                return self._end(*untouched(opened, tuple(changes.steps)))
            verdict, problem, window = conclude(opened, changes.steps, changes.healed)
            if window is not None:
                changes.steps = [held(step, window) if step.changed else step for step in changes.steps]
            return self._end(verdict, problem)
        except Stopped as stopped:
            return self._end(RunVerdict.INTERRUPTED, Problem(code="interrupted", message=str(stopped)))
        except ContactLost as error:
            changes.touched = Touched.UNKNOWN if changes.touched is Touched.NO else changes.touched
            return self._end(RunVerdict.UNKNOWN, Problem(code="contact-lost", message=str(error)))
        except Unreachable as error:
            verdict = RunVerdict.UNREACHABLE if changes.touched is Touched.NO else RunVerdict.UNKNOWN
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
        """True if a plan run found something to do on it."""
        return self._plan is not None

    @property
    def plan(self) -> PlannedHost:
        """What would be done on an examined host. Raises Unreadable if that cannot be told for certain."""
        plan = self._present_plan() if self._plan is None else self._plan
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
        changes = self._changes
        if changes.touched is Touched.NO and not changes.acting:
            return self._end(RunVerdict.REFUSED, Problem(code="internal-error", message=why))
        changes.touched = changes.touched if changes.touched is Touched.YES else Touched.UNKNOWN
        return self._end(RunVerdict.UNKNOWN, Problem(code="internal-error", message=why))

    def release(self) -> None:
        """Close the connection until `mend` needs one."""
        self._session.close()

    def close(self) -> None:
        """Close the connection to the host, and forget what was read there."""
        self.release()
        if self._open is not None:
            self._open.surveyor.close()
        self._open, self._before = None, Facts({})
        self._changes.steps.clear()
        self._changes.healed.clear()

    @property
    def _examined(self) -> OpenHost:
        if self._open is None:
            raise RuntimeError("a host is examined before anything else")
        return self._open

    def _present_plan(self) -> PlannedHost | Unreadable:
        opened = self._examined
        try:
            return planned_host(self.host, opened.host_plan, opened.judge(), opened.facts)
        except Unreadable as why:
            return why

    def _severity(self, verdict: RunVerdict) -> Severity | None:
        """Return the severity if it depends on the facts. A healthy host has none."""
        if self._open is None or self._open.host_plan.graded is None or verdict is RunVerdict.HEALTHY:
            return None
        return self._open.host_plan.graded(self._before)

    def _end(
        self, verdict: RunVerdict, error: Problem | None = None, steps: tuple[StepOutcome, ...] | None = None
    ) -> HostOutcome:
        changes = self._changes
        # Facts from before an act say nothing about the host afterwards if its end was not seen.
        after = Facts({}) if changes.blind else self._open.facts if self._open else self._before
        outcome = HostOutcome(
            name=self.host.name,
            address=self.host.shown_address,
            read_with=self.host.read_with,
            identity=identity_of(after),
            verdict=verdict,
            exit_code=verdict.exit_code,
            severity=self._severity(verdict),
            touched=changes.touched,
            seconds=round(monotonic() - self._begun, 1),
            serving_again_seconds=None if changes.served is None else round(changes.served - self._begun, 1),
            error=error,
            before=readings(self._before),
            steps=tuple(changes.steps) if steps is None else steps,
            after=() if changes.touched is Touched.NO else readings(after),
        )
        if (why := self.context.record.unwritten) is not None:
            self.context.reporter.unrecorded(why)  # It comes before the verdict, which would refer to the record.
        self.context.reporter.finished(self.host, outcome)
        return outcome
