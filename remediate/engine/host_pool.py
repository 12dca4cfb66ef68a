"""The hosts of one run: surveyed at once, and changed in batches where needed."""

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Lock, Semaphore
from time import monotonic
from typing import Final, TypeVar

from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.rollout import batch_size, failures_allowed
from remediate.core.verdict import EARLIER_HOST_FAILED, RefusalCode
from remediate.engine.host_runner import STALE_SECONDS, HostRunner
from remediate.engine.reporter import Reporter
from remediate.engine.suppression import Suppression
from remediate.engine.surveyor import OpenSurvey
from remediate.errors import ConfigurationError
from remediate.masking.masker import Masker

T = TypeVar("T")

_GOOD: Final = frozenset({RunVerdict.FIXED, RunVerdict.HEALTHY})

Consent = Callable[[Sequence[HostRunner], Options], "tuple[RefusalCode, str] | None"]
"""Decides before any change, with the hosts that need one. Returns None, or a refusal and its reason."""


class HostPool:
    """All hosts of one run: looks at them, asks for consent, and changes those that need it.

    The first batch proves the fix: the next one begins only if every host of it ended well and one was fixed. A batch
    that others fixed meanwhile proves nothing, so the next one has the first size again. Too many failures leave the
    rest alone.
    """

    def __init__(self, runs: Sequence[HostRunner], options: Options, reporter: Reporter, masker: Masker) -> None:
        self._runs = runs
        self._options = options
        self._reporter = reporter
        self._masker = masker
        self._outcomes: dict[HostRunner, HostOutcome] = {}
        self._connected = Semaphore(options.forks)
        """Connections that may stay open until their host is changed."""
        self._lock = Lock()
        self._failed: list[str] = []
        self._allowed = 0
        self._batch = 0
        self._threads = ThreadPoolExecutor(min(options.forks, len(runs)), thread_name_prefix="host")
        self._asked: dict[HostRunner, Future[OpenSurvey | None]] = {}
        self._asked_at = monotonic()

    def ask(self) -> None:
        """Send the first questions in threads, and do not wait. The run opens its journal meanwhile."""
        self._asked_at = monotonic()
        for run in self._runs[: self._options.forks]:
            self._asked[run] = self._threads.submit(_ask, run)

    def run(self, consent: Consent, suppress: Suppression) -> tuple[HostOutcome, ...]:
        """Return the outcome of each. Raises ConfigurationError before anything was changed."""
        try:
            examined = self._all_examined()
            for run, outcome in zip(self._runs, suppress(self._runs, examined), strict=True):
                if outcome is not None and run not in self._outcomes:
                    self._ended(run, outcome)
            pending = [run for run in self._runs if run not in self._outcomes]
            refusal = consent(pending, self._options) if pending else None
            if refusal is None:
                self._change(pending)
            else:
                for run in pending:
                    self._ended(run, run.refuse(*refusal))
            return tuple(self._outcomes[run] for run in self._runs)
        finally:
            for run in self._runs:
                run.close()

    def leave(self) -> None:
        """End the threads. A host that is still being connected to is closed as soon as it is."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for run, asked in tuple(self._asked.items()):
            asked.add_done_callback(partial(_close, run))

    def _all_examined(self) -> list[HostOutcome | None]:
        """Look at all hosts. After an error of the caller, no further one begins, and those that began are awaited."""
        examining = [self._threads.submit(self._examined, run) for run in self._runs]
        try:
            return [each.result() for each in examining]
        finally:
            # Otherwise a thread would go on with a host that is closed, connect again, and report it as broken.
            for each in examining:
                each.cancel()
            wait(examining)

    def _examined(self, run: HostRunner) -> HostOutcome | None:
        """Look at one host. Return its outcome if that ended it."""
        self._reporter.progress(run.host, "waiting for its answers")
        outcome = _safely(self._first_survey)(run)
        if outcome is not None:
            self._ended(run, outcome)
        else:
            if not self._connected.acquire(blocking=False):
                run.release()
            self._reporter.waits(run.host)
        return outcome

    def _first_survey(self, run: HostRunner) -> HostOutcome | None:
        asked = self._asked.get(run)
        if asked is not None and self._is_stale(asked):
            run.close()
            asked = None
        outcome = run.examine(asked)
        if asked is None or asked.done():  # Otherwise it is still being connected to, and `leave` closes it.
            self._asked.pop(run, None)
        return outcome

    def _is_stale(self, asked: "Future[OpenSurvey | None]") -> bool:
        """Return whether answers grew too old while the journal was slow."""
        return asked.done() and asked.exception() is None and monotonic() - self._asked_at > STALE_SECONDS

    def _change(self, runs: Sequence[HostRunner]) -> None:
        """Change all hosts in batches, or as many as may begin."""
        self._allowed = failures_allowed(self._options.max_fail, len(runs))
        begun = 0
        while begun < len(runs):
            batch = runs[begun : begun + batch_size(self._options.serial, self._batch, len(runs))]
            begun += len(batch)
            fixed = RunVerdict.FIXED in self._changed_at_once(batch)
            if fixed and (self._batch > 0 or not self._failed):
                self._batch += 1

    def _changed_at_once(self, batch: Sequence[HostRunner]) -> set[RunVerdict]:
        workers = min(self._options.forks, len(batch))
        if workers == 1:
            return set(map(self._changed, batch))  # In this thread, where Ctrl-C of a library's user arrives.
        with ThreadPoolExecutor(workers, thread_name_prefix="change") as pool:
            return set(pool.map(self._changed, batch))

    def _changed(self, run: HostRunner) -> RunVerdict:
        refusal = self._refusal()
        outcome = _safely(HostRunner.mend)(run) if refusal is None else run.refuse(*refusal)
        if refusal is None and outcome.verdict not in _GOOD:
            with self._lock:
                self._failed.append(f"{run.host.name} came out {outcome.verdict.value}")
        self._ended(run, outcome)
        return outcome.verdict

    def _refusal(self) -> tuple[RefusalCode, str] | None:
        with self._lock:
            if not self._failed or (self._batch > 0 and len(self._failed) <= self._allowed):
                return None
            first, *more = self._failed
        return EARLIER_HOST_FAILED, f"{first}{f', and {len(more)} more hosts failed' if more else ''}"

    def _ended(self, run: HostRunner, outcome: HostOutcome) -> None:
        """Keep what the report needs of a host, and nothing else."""
        self._outcomes[run] = self._masker.masked(outcome)
        run.close()


def _ask(run: HostRunner) -> OpenSurvey | None:
    return None if run.context.stop.is_set() else run.ask()


def _close(run: HostRunner, _: object) -> None:
    run.close()


def _safely(walk: Callable[[HostRunner], T]) -> Callable[[HostRunner], T | HostOutcome]:
    """Return a wrapper that turns a bug into the outcome of one host. The others keep theirs."""

    def guarded(run: HostRunner) -> T | HostOutcome:
        try:
            return walk(run)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  # A bug on one host must not end the run on the others.
            place = traceback.extract_tb(error.__traceback__)[-1]
            why = (
                f"a bug in remediate or a playbook: {type(error).__name__}: {error} ({place.name}, line {place.lineno})"
            )
            return run.broken(why)

    return guarded
