"""Example facts about a host's monitoring."""

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
    """Return an alert rule that was evaluated `ago` seconds ago; None means never."""
    evaluated = None if ago is None else NOW - timedelta(seconds=ago)
    stated = {"health": "ok", "state": "inactive", "evaluated": evaluated, "interval": 15, **changed}
    return AlertRule.model_validate({"name": name, "query": query, **stated})


def loaded(*rules: AlertRule) -> LoadedRules:
    """Return the rules that a server has loaded."""
    return LoadedRules(rules=rules)


def series(*instances: str, each: int = 3) -> SeriesFound:
    """Return the series of these instances that a selector finds."""
    return SeriesFound(instances=tuple((name, each) for name in sorted(instances)))


def routed(*matchers: Matcher, goes_on: bool = False) -> Routing:
    """Return routes that notify somebody only when these matchers hold."""
    route = Route(receiver="on-call", matchers=matchers, goes_on=goes_on)
    return Routing(route=Route(receiver="null", routes=(route,)), tellers=(NOBODY_TOLD, ON_CALL))


def visit(minutes: float | None = 3, *, status: int = 200, whole: bool = True, reach: float | None = 1440) -> LastVisit:
    """Return a last visit so many minutes ago, or none.

    `reach` is the age of the log's first line in minutes, None for an empty log.
    """
    visited, earliest = (None if ago is None else NOW - timedelta(minutes=ago) for ago in (minutes, reach))
    answered = None if minutes is None else status
    return LastVisit(looked=NOW, visited=visited, status=answered, whole=whole, earliest=earliest)
