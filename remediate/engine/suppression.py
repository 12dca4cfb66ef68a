"""Ends the hosts that a run has to leave to a person, before anything is changed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.verdict import COMMON_CAUSE, JOURNAL_UNWRITABLE, PAUSED
from remediate.engine.context import NotRecorded
from remediate.engine.host_runner import HostRunner
from remediate.engine.limits import Decide, History, Limit, Surveyed, reached
from remediate.project.run_limits import RunLimits


class Suppression:
    """The kill switch and the limits of one run. What they suppress is refused, and never queued."""

    def __init__(
        self,
        limits: RunLimits,
        history: History,
        paused: Callable[[], str | None],
        decide: Decide,
        options: Options,
        *,
        justify: Callable[[str], None],
    ) -> None:
        """Take the limits, and where to record what a person decides: `justify` raises NotRecorded."""
        self._limits = limits
        self._history = history
        self._paused = paused
        self._decide = decide
        self._options = options
        self._justify = justify

    def __call__(
        self, runs: Sequence[HostRunner], examined: Sequence[HostOutcome | None]
    ) -> Sequence[HostOutcome | None]:
        """Return the outcomes of the examined hosts. None is left for those that this run may change."""
        both = tuple(zip(runs, examined, strict=True))
        if None in examined and (why := self._paused()) is not None:
            return [run.refuse(PAUSED, why) if outcome is None else outcome for run, outcome in both]
        wanting = [run.host for run, outcome in both if outcome is None or outcome.verdict is RunVerdict.PENDING]
        surveyed = [
            Surveyed(run.host, outcome is not None and outcome.verdict is RunVerdict.HEALTHY) for run, outcome in both
        ]
        limited = reached(wanting, surveyed, self._limits, self._history, datetime.now(UTC))
        together: dict[str, str | None] = {}
        outcomes: list[HostOutcome | None] = []
        for run, outcome in both:
            limit = limited.get(run.host.name)
            if limit is None:
                outcomes.append(outcome)
            elif outcome is not None:
                run.context.reporter.progress(
                    run.host, f"a fix would be left to a person ({limit.code.name}): {limit.why}"
                )
                outcomes.append(outcome)
            else:
                why = self._options.overrides.get(limit.code.name) or self._decided(run.host, limit, together)
                outcomes.append(run.refuse(limit.code, limit.why) if why is None else self._despite(run, limit, why))
        return outcomes

    def _despite(self, run: HostRunner, limit: Limit, why: str) -> HostOutcome | None:
        """Record in spite of which limit this host may be changed. Return its refusal if that cannot be recorded."""
        try:
            self._justify(f"{limit.code.name} overridden on {run.host.name}: {why}")
        except NotRecorded as unwritable:
            return run.refuse(JOURNAL_UNWRITABLE, str(unwritable))
        run.go_on(f"{limit.code.name} overridden: {why}")
        return None

    def _decided(self, host: Host, limit: Limit, together: dict[str, str | None]) -> str | None:
        """Return a person's decision. Hosts that may share a cause are decided about once, in `together`."""
        if limit.code != COMMON_CAUSE:
            return self._decide(host, limit)
        if limit.why not in together:
            together[limit.why] = self._decide(host, limit)
        return together[limit.why]
