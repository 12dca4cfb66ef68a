"""Brings a durable run to its end through the library that `fix.*` uses.

The journal decides what a repeated attempt does: an id that it knows is never run again. A run whose process died is
resumed as `runs.resume` does it: its steps are found out on the host, and a new run judges the host.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Final

from typing_extensions import override

from remediate.alerts.policy_check import ProjectNames
from remediate.approvals.approvals import Approvals
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict, Touched, Verified
from remediate.engine.fleet import run as run_on
from remediate.engine.orphan import ended as ended_by
from remediate.engine.resumption import Narrate, end_by, find_out, give_up
from remediate.errors import USAGE_EXIT_CODE, ConfigurationError, JournalError
from remediate.inventory.selection import Inventory
from remediate.journal.journal import NOT_RUN, Journal
from remediate.journal.models import StoredRun
from remediate.journal.process import Liveness, RunProcess, liveness
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.service.engine import RunDriver
from remediate.service.request import Attempt, RunRequest, RunResult
from remediate.transport.dialing import Connections
from remediate.transport.session import Session

LOCK_SECONDS: Final = 120.0
"""Seconds to wait for the host's lock: the step of a dead run may still hold it."""
_LOOK_AGAIN: Final = 1.0
_LEAVING: Final = Attempt(unanswered="this process may not go on with runs")

Connect = Callable[[Host], Session]


class LibraryDriver(RunDriver):
    """Drives runs of one project. `stop` ends the runs of this process at their next step."""

    def __init__(
        self,
        project: Project,
        *,
        stop: Event | None = None,
        options: Options | None = None,
        connect: Connect | None = None,
        narrate: Narrate = lambda _: None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._project = project
        self._stop = stop or Event()
        self._options = options or Options()
        self._connect = connect
        self._narrate = narrate
        self._lock_seconds = lock_seconds
        self._running: set[str] = set()

    @override
    def begin(self, run: str, request: RunRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        try:
            with self._journal() as journal:
                stored = _find(journal, run)
            if stored is not None:
                return self._known(stored)
            if self._stop.is_set():
                return _LEAVING
            # Asked after the journal: what has begun is not withdrawn, even if its process died.
            if not wanted():
                return _not_begun(run, "it was withdrawn")
            attempt = self._run(run, request)
            with self._journal() as journal:
                stored = _find(journal, run)
            if _left(attempt.result):
                return _LEAVING if stored is None else Attempt(died=run)
            if attempt.result is None or attempt.result.verdict is None or (stored and not stored.unfinished):
                return attempt
            if stored is not None:
                return Attempt(died=run)  # Its record has no end: what it did is found out, as after a crash.
            if attempt.result.touched == Touched.NO.value:
                return Attempt(unanswered="the journal did not take the record of this run: nothing is changed")
        except JournalError as error:
            return Attempt(unanswered=str(error))
        return attempt

    @override
    def resume(self, dead: Sequence[str], run: str, request: RunRequest) -> Attempt:
        try:
            with self._journal() as journal:
                if not all(_find(journal, one) for one in dead):
                    return self.give_up(dead, "the journal does not know a run that died")
                stored = _find(journal, run)
                if stored is None:
                    if self._stop.is_set():
                        return _LEAVING
                    if (unclear := self._found_out(dead, request, journal)) is not None:
                        return unclear
                    # A step that may have run, or that failed, is not repeated. An approval allowed one run only.
                    only_look = _doubtful(dead, journal) or request.approved is not None
                    attempt = self._run(run, request, resumes=dead, plan=only_look)
                    if _left(attempt.result):
                        return _LEAVING if _find(journal, run) is None else Attempt(died=run)
                    if attempt.result is not None and attempt.result.verdict is None:
                        return self.give_up(dead, attempt.result.note or "the host could not be judged again")
                else:
                    attempt = self._known(stored)
                return attempt if attempt.result is None else _closed(dead, run, journal)
        except JournalError as error:
            return Attempt(unanswered=str(error))

    @override
    def give_up(self, dead: Sequence[str], why: str) -> Attempt:
        try:
            with self._journal() as journal:
                known = [stored for run in dead if (stored := _find(journal, run)) is not None]
                for stored in known:
                    if stored.unfinished:
                        give_up(stored, journal, why)
                ended = [journal.find(stored.id) for stored in known]
        except JournalError as error:
            return Attempt(unanswered=str(error))
        if len(ended) < len(dead):
            return Attempt(result=RunResult.unknown(dead[-1], why))
        acted = [stored for stored in ended if stored.touched != Touched.NO.value]
        decisive = _first(ended, RunVerdict.UNKNOWN.value) or (acted or ended)[-1]
        # Nobody judged the host after these runs, so its state is unknown even if no step of theirs is.
        touched = decisive.touched or Touched.UNKNOWN.value
        return Attempt(result=RunResult.unknown(decisive.id, why).model_copy(update={"touched": touched}))

    def _run(self, run: str, request: RunRequest, *, resumes: Sequence[str] = (), plan: bool = False) -> Attempt:
        self._running.add(run)
        try:
            hosts = named_host(self._project, request.host)
            runnable = self._project.load(request.playbook)
            with self._connected(hosts) as connect:
                report = run_on(
                    runnable,
                    hosts,
                    connect=connect,
                    stop=self._stop,
                    operator=request.requested_by,
                    options=self._options_of(request, plan=plan, resumes=resumes),
                    journal=self._project.journal(),
                    project=None if request.incident is None else self._project.identity(),
                    limits=run_limits(self._project.root),
                    approvals=lambda: Approvals.of(self._project, url=self._project.journal()),
                    run_id=run,
                    resumes=resumes,
                )
        except ConfigurationError as error:
            return _not_begun(run, str(error))
        finally:
            self._running.discard(run)
        for host in report.hosts:
            self._narrate(f"run {run}: {request.playbook} on {host.name}: {host.verdict.value}")
        note = None if report.error is None else report.error.message
        verdict = None if report.verdict is None else report.verdict.value
        result = RunResult(
            run=run, verdict=verdict, exit_code=report.exit_code, touched=report.touched.value, note=note
        )
        return Attempt(result=result)

    def _known(self, stored: StoredRun) -> Attempt:
        """Return what the journal knows of an id that was begun. It waits for one that still runs."""
        until = time.monotonic() + self._options.timeout
        while stored.unfinished and self._may_run(stored):
            if time.monotonic() > until or self._stop.wait(_LOOK_AGAIN):
                return Attempt(unanswered=f"run {stored.id} still runs in another process")
            with self._journal() as journal:
                stored = journal.find(stored.id)
        known = _result(stored)
        return Attempt(died=stored.id) if stored.unfinished or _left(known) else Attempt(result=known)

    def _may_run(self, stored: StoredRun) -> bool:
        if stored.process == RunProcess.current():
            return stored.id in self._running
        return liveness(stored.process) is Liveness.ALIVE

    def _found_out(self, dead: Sequence[str], request: RunRequest, journal: Journal) -> Attempt | None:
        """Take the dead runs over, and give each open step an outcome. Returns what to do if that cannot be."""
        for stored in map(journal.find, dead):
            try:
                runnable = self._project.load(request.playbook)
                hosts = named_host(self._project, request.host)
                with self._connected(hosts) as connect:
                    refusal = find_out(
                        stored, runnable, hosts, connect, journal, wait=self._lock_seconds, narrate=self._narrate
                    )
            except ConfigurationError as error:
                return self.give_up(dead, str(error))
            if refusal is not None:
                return Attempt(unanswered=refusal[1])
        return None

    def _options_of(self, request: RunRequest, *, plan: bool, resumes: Sequence[str]) -> Options:
        reason = "; ".join(filter(None, (f"resumes run {resumes[-1]}" if resumes else None, request.reason)))
        return self._options.model_copy(
            update={
                "plan": plan or request.plan,
                "approved": None if plan else request.approved,
                "yes": True,  # The policy decided, or a person approved.
                "wait": self._options.wait or self._lock_seconds,
                "reason": reason or None,
                "incident": request.incident,
            }
        )

    @contextmanager
    def _connected(self, hosts: Sequence[Host]) -> Iterator[Connect]:
        if self._connect is not None:
            yield self._connect
            return
        with Connections(hosts, self._project.ssh_client()) as connections:
            yield connections

    def _journal(self) -> Journal:
        return Journal.open(self._project.journal())


def named_host(project: Project, name: str) -> tuple[Host, ...]:
    """Return the host with this very name: never a group, never a pattern. Raises ConfigurationError."""
    inventory = Inventory.load(project.inventories())
    names = ProjectNames((), inventory.host_names, inventory.group_names)
    if (wrong := names.no_host(name)) is not None:
        raise ConfigurationError(wrong)
    return inventory.select(name)


def _find(journal: Journal, run: str) -> StoredRun | None:
    try:
        return journal.find(run)
    except ConfigurationError:
        return None


def _doubtful(dead: Sequence[str], journal: Journal) -> bool:
    """Return whether a step of the dead runs may have run, or ran without success. A person decides then."""
    steps = (step for stored in map(journal.find, dead) for step in stored.steps)
    return any(step.outcome not in {NOT_RUN, Verified.PROVEN.value} for step in steps)


def _closed(dead: Sequence[str], run: str, journal: Journal) -> Attempt:
    """End the dead runs by the one that judged the host after them, and return the result of all."""
    later = _find(journal, run)
    if later is None:
        return Attempt(unanswered="the journal did not take the record of the run that looked again")
    if later.report is None:
        return Attempt(died=run)  # It may have acted, so what it did is found out, too.
    report = Report.model_validate_json(later.report)
    for stored in map(journal.find, dead):
        if stored.unfinished and not end_by(stored, journal, report):
            return Attempt(unanswered=f"run {run} found the host {later.verdict}")
    ended = [journal.find(one) for one in dead]
    if (unknown := _first(ended, RunVerdict.UNKNOWN.value)) is not None:
        note = f"a step of run {unknown.id} may have run; run {run} then found the host {later.verdict}"
        return Attempt(result=_result(unknown, note))
    acted = [stored for stored in ended if stored.touched != Touched.NO.value]
    decisive = later if later.touched != Touched.NO.value or not acted else acted[-1]
    result = _result(decisive, f"resumed after a crash, as run {run}")
    if _left(result):
        judged = ended_by(decisive, {}, report)
        result = result.model_copy(
            update={"verdict": judged.verdict and judged.verdict.value, "exit_code": judged.exit_code}
        )
    return Attempt(result=result)


def _left(result: RunResult | None) -> bool:
    """Return whether this process had to leave a run. What the run did is then found out, as after a crash."""
    return result is not None and result.verdict == RunVerdict.INTERRUPTED.value


def _first(runs: Sequence[StoredRun], verdict: str) -> StoredRun | None:
    return next((stored for stored in runs if stored.verdict == verdict), None)


def _result(stored: StoredRun, note: str | None = None) -> RunResult:
    return RunResult(
        run=stored.id,
        verdict=stored.verdict or None,
        exit_code=USAGE_EXIT_CODE if stored.exit_code is None else stored.exit_code,
        touched=stored.touched or Touched.UNKNOWN.value,
        note=note,
    )


def _not_begun(run: str, why: str) -> Attempt:
    return Attempt(
        result=RunResult(run=run, verdict=None, exit_code=USAGE_EXIT_CODE, touched=Touched.NO.value, note=why)
    )
