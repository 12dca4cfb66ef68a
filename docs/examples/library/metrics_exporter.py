"""A metrics exporter for Prometheus: what `check.app-down` sees of a group, once a minute. It changes nothing.

`python metrics_exporter.py web` serves the metrics on 127.0.0.1:9877. It needs `pip install 'remediate[prometheus]'`.
"""

import sys
import time
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, start_http_server

import remediate
from remediate.playbooks.app_down import app_down

PORT: Final = 9877
EVERY_SECONDS: Final = 60.0


class Metrics:
    """The last answers of all hosts. A verdict is a set of states, one of which is 1: unknown is an answer, too."""

    def __init__(self) -> None:
        """Make the metrics, in a registry of their own."""
        self.registry = CollectorRegistry()
        self._verdict = Gauge(
            "remediate_host_verdict", "1 for the last verdict of a host.", ("host", "verdict"), registry=self.registry
        )
        self._ok = Gauge(
            "remediate_probe_ok", "1 if it was as it should be, 0 if not.", ("host", "probe"), registry=self.registry
        )
        self._looked = Gauge("remediate_look_timestamp_seconds", "The time of the last look.", registry=self.registry)

    def take(self, report: remediate.Report) -> None:
        """Replace what was there with a report. A probe without an answer has no value."""
        self._ok.clear()
        for host in report.hosts:
            for verdict in remediate.RunVerdict:
                self._verdict.labels(host.name, verdict.value).set(verdict is host.verdict)
            for reading in host.before:
                if reading.ok is not None:
                    self._ok.labels(host.name, f"{reading.label} ({reading.vantage.value})").set(reading.ok)
        self._looked.set(report.started.timestamp())


def serve(group: str) -> None:
    """Look again and again. The connections stay open; one that died is opened again."""
    metrics = Metrics()
    start_http_server(PORT, addr="127.0.0.1", registry=metrics.registry)
    with remediate.session(group) as hosts:
        while True:
            metrics.take(hosts.check(app_down))
            time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    serve(sys.argv[1])
