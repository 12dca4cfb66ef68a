"""The hosts of one run: all are surveyed at once, those that need it are changed in batches."""

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Semaphore
from typing import TypeVar

from remediate.core.options import Options
from remediate.core.outcome import HostOutcome
from remediate.core.verdict import RefusalCode
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import Reporter
from remediate.engine.rollout import Rollout
from remediate.engine.suppression import Suppression
from remediate.engine.surveyor import OpenSurvey
from remediate.errors import ConfigurationError
from remediate.masking.masker import Masker

T = TypeVar("T")

Consent = Callable[[Sequence[HostRunner], Options], "tuple[RefusalCode, str] | None"]
"""Decides before any change, with the hosts that need one. Returns None, or a refusal and its reason."""


class HostPool:
    """All hosts of one run: looks at them, asks for consent, and changes those that need it."""

    def __init__(self, runs: Sequence[HostRunner], options: Options, reporter: Reporter, masker: Masker) -> None:
        self._runs = runs
        self._options = options
        self._reporter = reporter
        self._masker = masker
        self._outcomes: dict[HostRunner, HostOutcome] = {}
        self._connected = Semaphore(options.forks)
        """Connections that may stay open until their host is changed."""
        self._threads = ThreadPoolExecutor(min(options.forks, len(runs)), thread_name_prefix="host")
        self._asked: dict[HostRunner, Future[OpenSurvey | None]] = {}

    def ask(self) -> None:
        """Send the first questions in threads, and do not wait. The run opens its journal meanwhile."""
        for run in self._runs[: self._options.forks]:
            self._asked[run] = self._threads.submit(_ask, run)

    def run(self, consent: Consent, suppress: Suppression) -> tuple[HostOutcome, ...]:
        """Return the outcome of each. Raises ConfigurationError before anything was changed."""
        try:
            examined = list(self._threads.map(self._examined, self._runs))
            for run, outcome in zip(self._runs, suppress(self._runs, examined), strict=True):
                if outcome is not None and run not in self._outcomes:
                    self._ended(run, outcome)
            pending = [run for run in self._runs if run not in self._outcomes]
            refusal = consent(pending, self._options) if pending else None
            if refusal is None:
                Rollout(self._options, len(pending), _safely(HostRunner.mend), self._ended).change(pending)
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

    def _examined(self, run: HostRunner) -> HostOutcome | None:
        """Look at one host. Return its outcome if that ended it."""
        if len(self._runs) > 1:
            self._reporter.progress(run.host, "connecting")
        outcome = _safely(self._first_survey)(run)
        if outcome is not None:
            self._ended(run, outcome)
        else:
            if not self._connected.acquire(blocking=False):
                run.release()
            self._reporter.waits(run.host)
        return outcome

    def _first_survey(self, run: HostRunner) -> HostOutcome | None:
        return run.examine(self._asked.pop(run, None))

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
