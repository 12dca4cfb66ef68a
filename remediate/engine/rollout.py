"""Changes the hosts of a run in batches. Too many failures leave the rest alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final

from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.rollout import batch_size, failures_allowed
from remediate.core.verdict import EARLIER_HOST_FAILED, RefusalCode
from remediate.engine.host_runner import HostRunner

_GOOD: Final = frozenset({RunVerdict.FIXED, RunVerdict.HEALTHY})


class Rollout:
    """The rolling change of one run.

    The first batch proves the fix: the next one begins only if every host of it ended well and one was fixed. A batch
    that others fixed meanwhile proves nothing, so the next one has the first size again.
    """

    def __init__(
        self,
        options: Options,
        total: int,
        mend: Callable[[HostRunner], HostOutcome],
        ended: Callable[[HostRunner, HostOutcome], None],
    ) -> None:
        """`ended` is called once for each host, from the thread that changed it."""
        self._options = options
        self._total = total
        self._allowed = failures_allowed(options.max_fail, total)
        self._mend = mend
        self._ended = ended
        self._lock = Lock()
        self._failed: list[str] = []
        self._batch = 0

    def change(self, runs: Sequence[HostRunner]) -> None:
        """Change all hosts, or as many as may begin."""
        begun = 0
        while begun < len(runs):
            batch = runs[begun : begun + batch_size(self._options.serial, self._batch, self._total)]
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
        outcome = self._mend(run) if refusal is None else run.refuse(*refusal)
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
