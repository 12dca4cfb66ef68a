"""Example facts about monitoring of a host."""

from datetime import UTC, datetime, timedelta
from typing import Final

from remediate.probes.alertmanager import Matcher, Receiver, Route, Routing
from remediate.probes.error_tracking import TrackingState
from remediate.probes.prometheus import Alertmanagers, ConfigurationLoaded, SeriesFound, ServerTime
from remediate.probes.prometheus_rules import AlertRule, LoadedRules
from remediate.probes.visits import LastVisit

NOW: Final = datetime(2026, 11, 23, 8, 31, 11, tzinfo=UTC)
SERVER_TIME: Final = ServerTime(at=NOW)
CONFIGURED: Final = ConfigurationLoaded(loaded=NOW - timedelta(hours=3))
CONFIGURED_JUST_NOW: Final = ConfigurationLoaded(loaded=NOW - timedelta(seconds=3))
SENDS: Final = Alertmanagers(active=("http://127.0.0.1:9093/api/v2/alerts",))
SENDS_NOWHERE: Final = Alertmanagers(active=())
NO_SERIES: Final = SeriesFound(instances=())
NO_RULES: Final = LoadedRules(rules=())
ON_CALL: Final = Receiver(name="on-call", means=("webhook",))
NOBODY_TOLD: Final = Receiver(name="null", means=())
ROUTING: Final = Routing(route=Route(receiver="on-call"), tellers=(ON_CALL,))
SILENT: Final = Routing(route=Route(receiver="null"), tellers=(NOBODY_TOLD,))
TRACKING: Final = TrackingState(provider="loaded", key=True, cached=True)


def rule(
    name: str = "DiskSpaceLow",
    query: str = "node_filesystem_avail_bytes < 1e9",
    *,
    ago: float | None = 4,
    **changed: object,
) -> AlertRule:
    """Return an alert rule that was evaluated so many seconds ago, or never."""
    evaluated = None if ago is None else NOW - timedelta(seconds=ago)
    stated = {"health": "ok", "state": "inactive", "evaluated": evaluated, "interval": 15, **changed}
    return AlertRule.model_validate({"name": name, "query": query, **stated})


def loaded(*rules: AlertRule) -> LoadedRules:
    """Return the rules that a server has loaded."""
    return LoadedRules(rules=rules)


def series(*instances: str, each: int = 3) -> SeriesFound:
    """Return what a selector finds of these instances."""
    return SeriesFound(instances=tuple((name, each) for name in sorted(instances)))


def routed(*matchers: Matcher, goes_on: bool = False) -> Routing:
    """Return routes by which nobody is told but of what these matchers hold for."""
    route = Route(receiver="on-call", matchers=matchers, goes_on=goes_on)
    return Routing(route=Route(receiver="null", routes=(route,)), tellers=(NOBODY_TOLD, ON_CALL))


def visit(minutes: float | None = 3, *, status: int = 200, whole: bool = True, reach: float | None = 1440) -> LastVisit:
    """Return a last visit so many minutes ago, or none, in a log that begins so many minutes ago, or is empty."""
    visited, earliest = (None if ago is None else NOW - timedelta(minutes=ago) for ago in (minutes, reach))
    answered = None if minutes is None else status
    return LastVisit(looked=NOW, visited=visited, status=answered, whole=whole, earliest=earliest)
