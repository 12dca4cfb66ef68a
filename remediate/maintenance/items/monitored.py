"""Monitoring of the site, its database, queue, disks and certificate (8.1)."""

from typing import ClassVar, Final

from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.monitoring import Monitor
from remediate.core.playbook import Probes
from remediate.errors import Unreadable
from remediate.maintenance.item import Finding, Item, Seen
from remediate.maintenance.items.alerting import Alert
from remediate.maintenance.items.outside import endpoint_page, judge_endpoint, judge_visits, visits_probe
from remediate.maintenance.partial_finding import Part, linked, readable, together
from remediate.maintenance.schedule import Occasion
from remediate.probes.prometheus_rules import AlertRule, AlertRules
from remediate.probes.promql import read

_SHOWN: Final = 5
"""Number of rules that are named as candidates, if the inventory names none."""


class Monitored(Item):
    """One line of the checklist: something is monitored, and its monitor answers.

    Everything that the inventory names for it (alert, visits, endpoint) must say yes.
    """

    occasion = Occasion.CHECKLIST
    owner = "DevOps"  # 8.1 names no owner; DevOps already has the patches and backups of 8.2
    key: ClassVar[str]
    """Its name in the inventory, below remediate.monitoring."""
    metrics: ClassVar[tuple[str, ...]]
    """Typical parts of such metrics' names, to find rules that the inventory does not name."""

    @property
    def place(self) -> str:
        """Its full key in the inventory."""
        return f"remediate.monitoring.{self.key}"

    def _monitor(self, host: Host) -> Monitor | None:
        monitoring = host.settings.monitoring
        return {
            "uptime": monitoring.uptime,
            "database": monitoring.database,
            "queue": monitoring.queue,
            "disk": monitoring.disk,
            "certificate": monitoring.certificate,
        }[self.key]

    def _alert(self, host: Host) -> Alert | None:
        monitor, prometheus = self._monitor(host), host.settings.monitoring.prometheus
        if monitor is None or monitor.alert is None or prometheus is None:
            return None
        return Alert(prometheus, monitor.alert, monitor.instance, self.place)

    def _all_rules(self, host: Host) -> AlertRules | None:
        """Return a probe for all rules, if the inventory names nothing and has a Prometheus."""
        prometheus = host.settings.monitoring.prometheus
        if self._monitor(host) is not None or prometheus is None:
            return None
        return AlertRules(url=str(prometheus.url).rstrip("/"), asked_from=prometheus.vantage)

    @override
    def probes(self, host: Host) -> Probes:
        monitor, alert, rules = self._monitor(host), self._alert(host), self._all_rules(host)
        visits = () if monitor is None or monitor.visits is None else (visits_probe(monitor.visits),)
        page = () if monitor is None or monitor.endpoint is None else (endpoint_page(monitor.endpoint),)
        return (*(alert.probes() if alert else ()), *visits, *page, *((rules,) if rules else ()))

    @override
    def further(self, host: Host, facts: Facts) -> Probes:
        alert = self._alert(host)
        return () if alert is None else alert.further(facts)

    @override
    def judge(self, seen: Seen) -> Finding:
        monitor, alert = self._monitor(seen.host), self._alert(seen.host)
        if monitor is None:
            return self._unwatched(seen)
        parts: list[Part] = []
        yes: list[str] = []
        if alert is not None:
            parts += readable(lambda: alert.judge(seen.facts))
            yes.append(alert.yes)
        if (visits := monitor.visits) is not None:
            parts += readable(lambda: [judge_visits(visits, seen.facts)])
            yes.append(f"{visits.agent} visits the site")
        if (endpoint := monitor.endpoint) is not None:
            parts += readable(lambda: [judge_endpoint(endpoint, seen.facts)])
            yes.append("the monitoring service says yes")
        return linked(together(parts, "; ".join(yes)), seen.host.settings.links.monitoring)

    def _unwatched(self, seen: Seen) -> Finding:
        """Return the finding if the inventory names nothing: Prometheus may have a matching rule."""
        missing, link = f"nothing is configured in the inventory: {self.place}", seen.host.settings.links.monitoring
        write = f"write what watches it under {self.place}: alert, visits or endpoint (docs/inventory.md)"
        rules = self._all_rules(seen.host)
        if rules is None:
            return linked(Finding(ok=False, summary=missing, advice=(write,)), link)
        try:
            loaded = seen.facts[rules].rules
        except Unreadable as why:
            says = f"{missing}; whether Prometheus has it is not known: {why}"
            return linked(Finding(ok=None, summary=says, advice=(write,)), link)
        found = list(dict.fromkeys(rule.name for rule in loaded if self._is_about(rule)))
        if not found:
            says = f"{missing}; none of Prometheus's {len(loaded)} alert rules looks like one"
            return linked(Finding(ok=False, summary=says, advice=(write,)), link)
        named = ", ".join(found[:_SHOWN])
        advice = (f"if one of these is it, name it: {self.place}.alert: {found[0]}",)
        return linked(Finding(ok=None, summary=f"{missing}; Prometheus has {named}", advice=advice), link)

    def _is_about(self, rule: AlertRule) -> bool:
        try:
            names = [selector.name for selector in read(rule.query).selectors]
        except Unreadable:
            return False
        return any(part in name for name in names for part in self.metrics)


class Uptime(Monitored):
    """Monitoring that notices an outage of the site."""

    name = "uptime"
    title = "Uptime monitoring configured"
    key = "uptime"
    metrics = ("probe_success", "probe_http_status_code", "nginx_up")


class DatabaseMonitoring(Monitored):
    """Monitoring that notices an outage of the database."""

    name = "database-monitoring"
    title = "Database monitoring enabled"
    key = "database"
    metrics = ("mysql_", "mariadb_", "pg_", "postgres")


class QueueMonitoring(Monitored):
    """Monitoring that notices a growing queue."""

    name = "queue-monitoring"
    title = "Queue monitoring active"
    key = "queue"
    metrics = ("queue", "horizon", "_jobs")


class DiskAlerts(Monitored):
    """Monitoring that notices a disk filling up."""

    name = "disk-alerts"
    title = "Disk space alerts set"
    key = "disk"
    metrics = ("node_filesystem_", "disk_")


class CertificateAlerts(Monitored):
    """Monitoring that notices a certificate about to expire."""

    name = "certificate-alerts"
    title = "SSL expiry alerts set"
    key = "certificate"
    metrics = ("probe_ssl_", "cert", "x509")
