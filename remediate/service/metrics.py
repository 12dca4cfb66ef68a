"""The service's metrics, in Prometheus' text format. No label holds a host, or anything that was sent."""

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from remediate import __version__
from remediate.alerts.intake import DecidedAlert
from remediate.incident.clock import DueKind
from remediate.service.engine import RunEngine
from remediate.service.request import DurableState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_COUNTED: Final = 500


class ServiceMetrics:
    """The counters of this process, and the runs that the engine knows."""

    def __init__(
        self,
        engine: RunEngine,
        sources: Iterable[str],
        overdue: Callable[[], Mapping[DueKind, int]],
        proposals: Callable[[], int],
    ) -> None:
        self._sources = frozenset(sources)
        self._registry = CollectorRegistry()
        self._deliveries = Counter(
            "remediate_deliveries", "Deliveries of alerts", ("source", "outcome"), registry=self._registry
        )
        self._alerts = Counter(
            "remediate_alerts", "Decided alerts, by what they led to", ("decision",), registry=self._registry
        )
        self._registry.register(_Runs(engine))
        self._registry.register(_Waiting(overdue, proposals))

    def delivered(self, source: str, outcome: str, decided: Iterable[DecidedAlert] = ()) -> None:
        """Count one delivery. A source that the policy does not know is not named."""
        self._deliveries.labels(source if source in self._sources else "unknown", outcome).inc()
        for each in decided:
            decision = each.decision
            why = decision.suppressed_by.value if decision.suppressed_by is not None else "decided"
            self._alerts.labels(decision.mode.value if decision.mode is not None else why).inc()

    def text(self) -> bytes:
        """Return all of them."""
        return generate_latest(self._registry)


class _Runs(Collector):
    def __init__(self, engine: RunEngine) -> None:
        self._engine = engine

    def describe(self) -> Iterable[Metric]:
        """Return nothing: otherwise the engine would be asked when this is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        runs = self._engine.runs(limit=_COUNTED)
        states = GaugeMetricFamily("remediate_runs", f"The latest {_COUNTED} runs", labels=("state",))
        counted = Count(run.state for run in runs)
        for state in DurableState:
            states.add_metric((state.value,), counted[state])
        yield states
        ends = GaugeMetricFamily("remediate_runs_ended", "Those that ended, by verdict", labels=("verdict",))
        verdicts = Count(run.result.verdict or "not-begun" for run in runs if run.result is not None)
        for verdict, number in sorted(verdicts.items()):
            ends.add_metric((verdict,), number)
        yield ends
        info = GaugeMetricFamily("remediate_info", "This service", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info


class _Waiting(Collector):
    """The numbers of things that wait for a person."""

    def __init__(self, overdue: Callable[[], Mapping[DueKind, int]], proposals: Callable[[], int]) -> None:
        self._overdue = overdue
        self._proposals = proposals

    def describe(self) -> Iterable[Metric]:
        """Return nothing, as above."""
        return ()

    def collect(self) -> Iterator[Metric]:
        late = self._overdue()
        gauge = GaugeMetricFamily("remediate_overdue", "Overdue actions of open incidents", labels=("kind",))
        for kind in DueKind:
            gauge.add_metric((kind.value,), late.get(kind, 0))
        yield gauge
        yield GaugeMetricFamily("remediate_proposals", "Plans that wait for an approval", self._proposals())
