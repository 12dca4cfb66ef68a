"""Alerts, payloads in the vendors' forms, and policies for tests."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from remediate.alerts.alert import AlertStatus, IncomingAlert, fingerprint_of
from remediate.alerts.authentication import Authentication, Means, at_a_terminal
from remediate.alerts.decision import AlertDecision
from remediate.alerts.intake import Intake
from remediate.alerts.policy import AlertPolicy
from remediate.alerts.policy_check import ProjectNames
from remediate.alerts.policy_file import read_policy
from remediate.alerts.store import AlertStore

NOON: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES: Final = ProjectNames(
    playbooks=("app-down", "cache-down"), hosts=("web1", "web2", "db1"), groups=("all", "ungrouped", "web")
)
HOSTILE: Final = (
    *(
        "$(touch pwned)",
        "`id`",
        "{{ 7 * 7 }}",
        "{% include '/etc/passwd' %}",
        "web*",
        "web",
        "all",
        "!web2",
        "web1,web2",
    ),
    *("web1\n", " web1", "web1\x00", "WEB1", "@web", "~web.*", "web[12]", "127.0.0.1", "http://169.254.169.254/"),
    *(
        "../../etc/passwd",
        "-rf",
        "--host=web2",
        "",
        "web1.example.com",
        "\x1b]52;c;cHduZWQ=\x07",
        "%s",
        "'; DROP TABLE x",
    ),
)
"""Values of a label that name no host, whatever they look like."""

SITE: Final = """
sources:
  grafana: {format: grafana, signature: env:GRAFANA, timestamp_header: X-Grafana-Alerting-Timestamp}
  prometheus:
    format: alertmanager
    bearer: file:/run/token
    auto:
      - {labels: {alertname: SiteDown}, hosts: web1, playbooks: app-down}
rules:
  - name: site-down
    match: {alertname: SiteDown}
    sources: grafana
    host: {label: host}
    action: app-down
    mode: auto
  - name: site-down-unsigned
    match: {alertname: SiteDown}
    sources: prometheus
    host: {label: host, names: web1}
    action: app-down
    mode: auto
  - name: cache
    match: {alertname: CacheDown, severity: [critical, page]}
    host: {label: host}
    action: cache-down
  - name: watched
    match: {alertname: Slow}
    host: {label: instance, table: {"https://www.example.com/": web1}}
    action: triage
    mode: observe
"""

SIGNED: Final = Authentication(how=Means.SIGNATURE, source="grafana")
BEARER: Final = Authentication(how=Means.BEARER, source="prometheus")
TYPED: Final = at_a_terminal()


def policy(directory: Path, text: str = SITE) -> AlertPolicy:
    """Read a policy as a project has it."""
    path = directory / "alerts.yml"
    path.write_text(text)
    return read_policy(path, NAMES)


def alert(
    name: str = "SiteDown",
    *,
    host: str | None = "web1",
    status: AlertStatus = AlertStatus.FIRING,
    starts: datetime | None = None,
    source: str = "grafana",
    labels: Mapping[str, str] | None = None,
    **more: str,
) -> IncomingAlert:
    """An alert as the formats read it."""
    given = {"alertname": name, **({} if host is None else {"host": host}), **(labels or {}), **more}
    return IncomingAlert(
        fingerprint=fingerprint_of(given), status=status, name=name, labels=given, starts=starts, source=source
    )


def over(one: IncomingAlert) -> IncomingAlert:
    """The same alert, resolved."""
    return one.model_copy(update={"status": AlertStatus.RESOLVED})


class Desk:
    """A policy with a store and a clock, as the service would use it."""

    def __init__(self, store: AlertStore, given: AlertPolicy) -> None:
        self.store = store
        self.now = NOON
        self.paused: str | None = None
        self.doubts: Mapping[str, str] = {}
        self.local: Callable[[datetime], datetime] = lambda moment: moment
        self.policy = given

    @property
    def intake(self) -> Intake:
        return Intake(
            policy=self.policy,
            names=NAMES,
            paused=lambda: self.paused,
            doubt=self.doubts.get,
            local=self.local,
        )

    def take(self, *alerts: IncomingAlert, by: Authentication = SIGNED, later: float = 0) -> Sequence[AlertDecision]:
        """Take alerts some minutes later, and return what was decided for each."""
        self.now += timedelta(minutes=later)
        return [each.decision for each in self.intake.take(alerts, by, self.store, self.now)]

    def one(self, one: IncomingAlert, by: Authentication = SIGNED, later: float = 0) -> AlertDecision:
        """Take one alert."""
        (decision,) = self.take(one, by=by, later=later)
        return decision


def group(*alerts: Mapping[str, object], **more: object) -> bytes:
    """A payload as Alertmanager sends it, by its documentation."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": '{}:{alertname="SiteDown"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "remediate",
            "groupLabels": {"alertname": "SiteDown"},
            "commonLabels": {"alertname": "SiteDown"},
            "commonAnnotations": {},
            "externalURL": "http://alerts.example.com:9093",
            "alerts": alerts,
            **more,
        }
    ).encode()


def grafana(*alerts: Mapping[str, object], **more: object) -> bytes:
    """A payload as Grafana sends it, by its documentation."""
    extra = {"values": {"A": 1.5}, "valueString": "[ var='A' ]", "silenceURL": "https://grafana.example.com/s"}
    return json.dumps(
        {
            "receiver": "remediate",
            "status": "firing",
            "orgId": 1,
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "https://grafana.example.com/",
            "version": "1",
            "groupKey": "{}:{}",
            "truncatedAlerts": 0,
            "title": "[FIRING:1] (web)",
            "state": "alerting",
            "message": "**Firing**",
            "alerts": [{**each, **extra} for each in alerts],
            **more,
        }
    ).encode()


def firing(name: str = "SiteDown", **more: object) -> dict[str, object]:
    """One alert of such a group."""
    return {
        "status": "firing",
        "labels": {"alertname": name, "host": "web1", "severity": "critical"},
        "annotations": {"summary": f"{name} on web1"},
        "startsAt": "2026-11-23T12:52:26.739266876+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=up",
        "fingerprint": "c6eadffa33fcdf37",
        **more,
    }


def plain(**more: object) -> bytes:
    """A payload in plain JSON."""
    return json.dumps({"name": "SiteDown", "status": "firing", "labels": {"host": "web1"}, **more}).encode()
