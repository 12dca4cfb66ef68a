"""Rendering of answers by Prometheus, Alertmanager, access logs and error tracking."""

import json
from datetime import UTC, datetime
from typing import Final

import yaml

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.alertmanager import Matcher, Route, Routing
from remediate.probes.error_tracking import TrackingState
from remediate.probes.php import MARKER
from remediate.probes.prometheus import Alertmanagers, ConfigurationLoaded, SeriesFound, ServerTime
from remediate.probes.prometheus_rules import AlertRule, LoadedRules
from remediate.probes.visits import READ_BYTES, LastVisit

_OK: Final = "200 0.004 "
_NEVER: Final = "0001-01-01T00:00:00Z"


def of_watching(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    match fact:
        case LoadedRules() | ServerTime() | ConfigurationLoaded() | Alertmanagers() | SeriesFound():
            return _json({"status": "success", "data": _of_prometheus(fact)})
        case Routing():
            return _json({"cluster": {"status": "ready"}, "config": {"original": _configuration(fact)}})
        case LastVisit():
            size = 4711 if fact.whole else READ_BYTES + 1
            read = (int(fact.earliest is not None), _visit(fact.earliest, 200), _visit(fact.visited, fact.status))
            return Output(stdout="\n".join(map(str, (int(fact.looked.timestamp()), size, *read, ""))))
        case TrackingState():
            return Output(stdout=f"\n{MARKER}{fact.model_dump_json()}\n")
        case _:
            return None


def _json(document: object) -> Output:
    return Output(stdout=json.dumps(document), stderr=_OK)


def _of_prometheus(fact: LoadedRules | ServerTime | ConfigurationLoaded | Alertmanagers | SeriesFound) -> object:
    match fact:
        case LoadedRules():
            groups = [{"name": "staging", "interval": rule.interval, "rules": [_rule(rule)]} for rule in fact.rules]
            return {"groups": groups}
        case ServerTime():
            return {"resultType": "scalar", "result": [fact.at.timestamp(), str(fact.at.timestamp())]}
        case ConfigurationLoaded():
            return {"lastConfigTime": fact.loaded.isoformat(), "reloadConfigSuccess": True}
        case Alertmanagers():
            return {"activeAlertmanagers": [{"url": url} for url in fact.active], "droppedAlertmanagers": []}
        case SeriesFound():
            result = [
                {"metric": {"instance": name} if name else {}, "value": [1795422000.5, str(count)]}
                for name, count in fact.instances
            ]
            return {"resultType": "vector", "result": result}


def _rule(rule: AlertRule) -> object:
    return {
        "type": "alerting",
        "name": rule.name,
        "query": rule.query,
        "duration": 60,
        "labels": dict(rule.labels),
        "annotations": {},
        "alerts": [],
        "health": rule.health,
        "lastError": rule.error,
        "state": rule.state,
        "lastEvaluation": _NEVER if rule.evaluated is None else rule.evaluated.isoformat(),
    }


def _configuration(fact: Routing) -> str:
    receivers = [
        {"name": each.name, **{f"{means}_configs": [{"send_resolved": True}] for means in each.means}}
        for each in fact.tellers
    ]
    return yaml.safe_dump({"route": _route(fact.route), "receivers": receivers})


def _route(route: Route) -> dict[str, object]:
    return {
        "receiver": route.receiver,
        "matchers": [_matcher(each) for each in route.matchers],
        "continue": route.goes_on,
        "routes": [_route(each) for each in route.routes],
    }


def _matcher(matcher: Matcher) -> str:
    return f'{matcher.label}{matcher.operator}"{matcher.value}"' if matcher.operator else matcher.value


def _visit(at: datetime | None, status: int | None) -> str:
    if at is None:
        return ""
    return (
        f'192.0.2.7 - - [{at.astimezone(UTC):%d/%b/%Y:%H:%M:%S +0000}] "GET / HTTP/2.0" {status} 512 "-" "Monitor/2.0"'
    )
