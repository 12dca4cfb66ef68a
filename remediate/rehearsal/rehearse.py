"""The loop of a rehearsal: break a host, run the playbook, verify independently."""

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from secrets import token_bytes
from threading import Event, Lock
from time import monotonic
from typing import Final, NamedTuple

from remediate import __version__
from remediate.approvals.approvals import Approvals
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict
from remediate.core.playbook import Playbook, Runnable
from remediate.engine.fleet import run
from remediate.errors import RemediateError
from remediate.project.project import Project
from remediate.rehearsal.case import TIMEOUT_SECONDS, Expected, FollowUp
from remediate.rehearsal.content import digest
from remediate.rehearsal.faults.fault import RootShell
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.observation import Observation, Observer, bystanders, differences, keepsakes, missing
from remediate.rehearsal.outcome import RehearsalReport, TrialAnswer, TrialOutcome, symptoms
from remediate.rehearsal.places import Place
from remediate.rehearsal.trial import Trial
from remediate.rehearsal.yardstick import TYPED_SECONDS, typed
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines

_OPERATOR: Final = "rehearsal"
_LISTED: Final = 4

Told = Callable[[int, int, TrialOutcome], None]
"""Called after each trial with its number, the number of trials and its outcome."""


class Plan(NamedTuple):
    """The trials of a rehearsal and their settings."""

    playbook: Playbook
    trials: tuple[Trial, ...]
    whole: bool
    journal: Path
    yardstick: bool = False


def rehearse(
    plan: Plan, places: Sequence[Place], *, told: Told = lambda *_: None, stop: Event | None = None
) -> RehearsalReport:
    """Run every trial, one at a time in each place, and return the report.

    It never prints. Any failure in a trial is a deviation of that trial. Runs use a separate journal at `plan.journal`,
    so real hosts are not affected. `stop` ends the rehearsal early.
    """
    started, begun, ended = datetime.now(UTC), monotonic(), stop or Event()
    # This is the digest of the loaded files; somebody may edit them before the end.
    content = digest(plan.playbook)
    free: SimpleQueue[Place] = SimpleQueue()
    for place in places:
        free.put(place)
    count, telling = 0, Lock()

    def attempt(trial: Trial) -> TrialOutcome | None:
        nonlocal count
        place = free.get()
        try:
            if ended.is_set():
                return None
            outcome = _attempt(plan, trial, place, ended)
        finally:
            free.put(place)
        if ended.is_set():
            return None  # an interrupted trial proves nothing
        with telling:
            count += 1
            told(count, len(plan.trials), outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=len(places), thread_name_prefix="rehearsal") as pool:
        outcomes = list(pool.map(attempt, plan.trials))
    return RehearsalReport(
        playbook=plan.playbook.name,
        version=__version__,
        digest=content,
        started=started,
        seconds=round(monotonic() - begun, 1),
        whole=plan.whole,
        stopped=ended.is_set(),
        trials=tuple(outcome for outcome in outcomes if outcome is not None),
    )


def _attempt(plan: Plan, trial: Trial, place: Place, stop: Event) -> TrialOutcome:
    begun = monotonic()
    try:
        host, shell = place.fresh()
        try:
            outcome = _Attempt(plan, trial, host, shell, stop).outcome(begun)
        finally:
            place.leave(trial.faults)
        if plan.yardstick and len(trial.faults) == 1 and not stop.is_set():
            host, shell = place.fresh()
            try:
                outcome = outcome.model_copy(update={"typed": typed(plan.playbook, trial, host, shell)})
            finally:
                place.leave(trial.faults)
    except RemediateError as error:
        return TrialOutcome.failed(trial, f"{type(error).__name__}: {error}", round(monotonic() - begun, 1))
    except Exception as error:  # noqa: BLE001  # the per-host boundary: faults and playbooks may be anybody's code
        place_of_it = traceback.extract_tb(error.__traceback__)[-1]
        why = f"a bug in a fault, a playbook or remediate: {type(error).__name__}: {error}"
        where = f" ({Path(place_of_it.filename).name}, line {place_of_it.lineno})"
        return TrialOutcome.failed(trial, why + where, round(monotonic() - begun, 1))
    return outcome


class _Attempt:
    """One trial on one host."""

    def __init__(self, plan: Plan, trial: Trial, host: Host, shell: RootShell, stop: Event) -> None:
        self._plan = plan
        self._trial = trial
        self._host = host
        self._shell = shell
        self._stop = stop
        self._observer = Observer(shell, host)
        self._deviations: list[str] = []

    def outcome(self, begun: float) -> TrialOutcome:
        """Break the host, run check, fix and fix again, and note every deviation.

        The host is observed before and after each step.
        """
        trial = self._trial
        pristine = self._observer.observe()
        for fault in trial.faults:
            fault.inject(self._shell)
        broken = self._observer.observe()
        kept = keepsakes(self._shell, trial.faults)
        check = self._run(Options(plan=True))
        self._wants("check", check, *_PLANNED[trial.expected])
        self._same("check", broken, self._steady(self._observer.observe()))
        fix = self._run(Options())
        after = self._observer.observe()
        self._judge_fix(fix, pristine, broken, after)
        self._deviations += [f"fix lost {each}" for each in missing(kept, self._shell, trial.faults)]
        again = self._run(Options()) if trial.expected is not Expected.UNCLAIMED else None
        if again is not None:
            expected = Expected.UNHARMED if trial.expected is Expected.FIXED else trial.expected
            self._wants("the second fix", again, *_MENDED[expected])
            self._untouched("the second fix", again)
            self._same("the second fix", after, self._observer.observe())
            if trial.expected is not Expected.REFUSED:
                self._deviations += [f"afterwards {trouble}" for trouble in self._observer.site()]
        followed = None if trial.then is None else self._follow(trial.then, fix)
        return TrialOutcome(
            name=trial.name,
            fault=trial.description,
            expected=trial.expected.value,
            codes=trial.codes,
            deviations=tuple(self._deviations),
            check=TrialAnswer.of(check),
            fix=TrialAnswer.of(fix),
            again=None if again is None else TrialAnswer.of(again),
            followed=None if followed is None else TrialAnswer.of(followed),
            before=symptoms(fix.hosts[0], after=False),
            after=symptoms(fix.hosts[0], after=True),
            seconds=round(monotonic() - begun, 1),
        )

    def _run(self, asked: Options, by: Runnable | None = None, *, timeout: float | None = None) -> Report:
        known = {"yes": True, "hold": self._trial.hold, "timeout": timeout or self._trial.timeout}
        options = asked.model_copy(update=known)
        journal = f"sqlite:///{self._plan.journal}"
        runnable = by or self._plan.playbook
        report = run(
            runnable,
            (self._host,),
            options=options,
            operator=_OPERATOR,
            journal=journal,
            stop=self._stop,
            # A key of its own: nobody approves a trial's plan, and the user's state is left alone.
            approvals=lambda: Approvals.of(Project.here(), url=journal, key=token_bytes(32)),
        )
        if not report.hosts:
            raise StagingError(report.error.message if report.error else "the run has no outcome")
        return report

    def _follow(self, then: FollowUp, fix: Report) -> Report:
        """Do what the refusal advises, as its reader would."""
        hints = CommandHints("remediate", self._plan.playbook.name, fix.run, None)
        (host,) = fix.hosts
        told = " ".join(" ".join((*(step.why for step in host.steps), *verdict_lines(host, hints))).split())
        if then.says not in told:
            self._deviations.append(f"the refusal does not say `{then.says}`: {told}")
        if then.script:
            self._shell.script(then.script, TYPED_SECONDS)
        overrides = dict.fromkeys(self._trial.codes, then.override) if then.override else {}
        # The refused run may have had a short timeout, for something that is over now.
        report = self._run(Options(overrides=overrides), then.by, timeout=TIMEOUT_SECONDS)
        if then.leads_to is None:
            self._wants("the advised run", report, RunVerdict.FIXED, RunVerdict.HEALTHY)
            self._deviations += [f"after the advised step: {trouble}" for trouble in self._observer.site()]
        elif not report.hosts[0].error or report.hosts[0].error.code != then.leads_to:
            self._deviations.append(f"the advised step leads to {TrialAnswer.of(report).code}, not to {then.leads_to}")
        return report

    def _judge_fix(self, fix: Report, pristine: Observation, broken: Observation, after: Observation) -> None:
        trial = self._trial
        self._wants("fix", fix, *_MENDED[trial.expected])
        if trial.expected in {Expected.REFUSED, Expected.UNHARMED}:
            self._untouched("fix", fix)
            self._same("fix", broken, self._steady(after))
        else:
            self._deviations += [f"fix: bystander {each}" for each in self._moved(pristine, after)]
        if trial.expected is Expected.FIXED:
            self._deviations += [f"after fix {trouble}" for trouble in self._observer.site()]
            self._deviations += [f"after fix {each}" for each in differences(pristine, after, trial.disturbed)]
            self._deviations += [f"{unit} does not run" for unit in self._observer.running(self._units(pristine))]
            changed = {step.remedy for step in fix.hosts[0].steps if step.changed}
            if trial.by and changed != set(trial.by):
                acted = ", ".join(sorted(changed)) or "nothing"
                self._deviations.append(f"fix acted with {acted}, not {', '.join(dict.fromkeys(trial.by))}")
        told = {step.code for step in fix.hosts[0].steps if step.code}
        told |= {host.error.code for host in fix.hosts if host.error}
        self._deviations += [f"fix does not say {code}" for code in trial.codes if code not in told]

    def _units(self, pristine: Observation) -> list[str]:
        return [name for name in sorted(self._trial.disturbed) if pristine.get(name) is not None and "/" not in name]

    def _wants(self, what: str, report: Report, *verdicts: RunVerdict) -> None:
        (host,) = report.hosts
        if host.verdict not in verdicts:
            wanted = " or ".join(verdict.value for verdict in verdicts)
            why = f" ({host.error.code}: {host.error.message})" if host.error else ""
            self._deviations.append(f"{what} says {host.verdict.value}{why}, not {wanted}")

    def _untouched(self, what: str, report: Report) -> None:
        if report.touched.value != "no":
            self._deviations.append(f"{what} says touched: {report.touched.value}, not no")

    def _same(self, what: str, before: Observation, after: Observation) -> None:
        found = differences(self._steady(before), after, ())
        self._deviations += [f"{what} changed something: {each}" for each in found[:_LISTED]]

    def _moved(self, pristine: Observation, after: Observation) -> list[str]:
        disturbed = self._trial.disturbed
        return differences(bystanders(pristine, disturbed), bystanders(after, disturbed), disturbed)

    def _steady(self, observation: Observation) -> Observation:
        """Leave out the disturbed things while an unclaimed fault changes them by itself."""
        unsteady = self._trial.expected is Expected.UNCLAIMED
        return bystanders(observation, self._trial.disturbed) if unsteady else observation


_PLANNED: Final = {
    Expected.FIXED: (RunVerdict.PENDING,),
    Expected.REFUSED: (RunVerdict.REFUSED,),
    Expected.UNCLAIMED: (RunVerdict.PENDING, RunVerdict.REFUSED),
    Expected.UNHARMED: (RunVerdict.HEALTHY,),
}
_MENDED: Final = {
    Expected.FIXED: (RunVerdict.FIXED,),
    Expected.REFUSED: (RunVerdict.REFUSED,),
    Expected.UNCLAIMED: (RunVerdict.NOT_FIXED, RunVerdict.REFUSED),
    Expected.UNHARMED: (RunVerdict.HEALTHY,),
}
