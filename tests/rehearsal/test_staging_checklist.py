"""The checklist of 8.1 on a monitored host: every line as yes, no, unknown."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from support.http_thread import Quiet, serving
from support.watched_host import APP, AS_MADE, LINES, UNITS, Watched

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.stage import Stage
    from support.staged_host import Staged

# On one host: what watches it takes a while to start, and a core while it does.
pytestmark = [pytest.mark.container, pytest.mark.xdist_group("watched")]

ALERTS = tuple(line for line in LINES if line != "error-tracking")


@pytest.fixture(scope="module", autouse=True)
def _ends(stage: "Stage") -> Iterator[None]:
    yield
    stage.host.script(f"systemctl stop {' '.join(UNITS)}; rm -rf /root/watched")


@pytest.fixture
def watched(staged: "Staged", cli: "Cli") -> Watched:
    staged.sh(AS_MADE)
    return Watched(staged, cli)


def test_a_host_that_is_watched(watched: Watched) -> None:
    found = watched.answers({})
    assert any(
        'agency_queue_jobs{queue="default"} has 1 series now' in line for line in found["queue-monitoring"].evidence
    )
    assert any("goes to on-call (webhook)" in line for line in found["disk-alerts"].evidence)
    assert any("answers 201 to the host" in line for line in found["error-tracking"].evidence)

    ended = watched.run()
    assert ended.code == 0
    assert "6 yes, 0 no, 0 cannot know" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 120


def test_it_changes_nothing(watched: Watched) -> None:
    before = watched.staged.bystanders()
    watched.asked()
    assert watched.staged.bystanders() == before


def test_an_alert_that_was_not_set(watched: Watched) -> None:
    watched.rules("/alert: DiskSpaceLow/,$d", "grep -qv DiskSpaceLow")
    found = watched.answers({"disk-alerts": False})
    assert found["disk-alerts"].summary == "Prometheus has no alert rule called DiskSpaceLow"

    ended = watched.run()
    assert ended.code == 5
    assert "NO    Disk space alerts set" in ended.out
    assert "5 yes, 1 no, 0 cannot know" in ended.out


@pytest.mark.parametrize(
    ("line", "edit", "metric"),
    [
        ("uptime", "s/probe_success/probe_succeeded/", "probe_succeeded"),
        ("database-monitoring", "s/mysql_up/mariadb_up/", "mariadb_up"),
        ("queue-monitoring", "s/agency_queue_jobs/agency_queue_size/", "agency_queue_size"),
        ("disk-alerts", "s/node_filesystem_avail_bytes/node_filesystem_avail/", "node_filesystem_avail "),
        ("certificate-alerts", "s/probe_ssl_earliest_cert_expiry/probe_tls_expiry/", "probe_tls_expiry"),
    ],
)
def test_an_alert_over_a_metric_that_nobody_delivers(watched: Watched, line: str, edit: str, metric: str) -> None:
    """Prometheus finds nothing wrong with it: it is evaluated, its health is ok, and it can never fire."""
    watched.rules(edit, f"grep -q '{metric.strip()}'")
    found = watched.answers({line: False})
    assert "cannot fire: there is no series" in found[line].summary
    assert metric.strip() in found[line].summary


def test_labels_that_nothing_has_are_a_question_for_a_person(watched: Watched) -> None:
    watched.rules('s/queue="default"/queue="mails"/', "grep -q mails")
    found = watched.answers({"queue-monitoring": None})
    assert "or what it is about has not happened yet" in found["queue-monitoring"].summary


def test_an_alert_that_fires_is_set(watched: Watched) -> None:
    watched.rules("s/< 0.05/< 2/; s/for: 15m/for: 0s/", "grep -q firing")
    found = watched.answers({})
    assert "it fires at present" in "\n".join(found["disk-alerts"].evidence)


def test_an_exporter_that_stopped(watched: Watched) -> None:
    watched.stop("prometheus-node-exporter")
    watched.until("absent(node_filesystem_avail_bytes)", '"1"')
    found = watched.answers({"disk-alerts": False, "queue-monitoring": False})
    assert "there is no series of node_filesystem_avail_bytes" in found["disk-alerts"].summary

    watched.stop("prometheus-mysqld-exporter", "prometheus-blackbox-exporter")
    watched.until("absent(mysql_up) and absent(probe_success)", '"1"')
    watched.answers(dict.fromkeys(ALERTS, False))


def test_an_alertmanager_that_stopped(watched: Watched) -> None:
    watched.stop("prometheus-alertmanager")
    found = watched.answers(dict.fromkeys(ALERTS, False))
    assert "nobody is notified of any alert: Alertmanager: no connection" in found["disk-alerts"].summary


def test_an_alertmanager_that_tells_nobody(watched: Watched) -> None:
    watched.sh(
        "sed -i 's/^  receiver: on-call/  receiver: nobody/' /etc/prometheus/alertmanager.yml\n"
        "systemctl reload prometheus-alertmanager; sleep 1"
    )
    found = watched.answers(dict.fromkeys(ALERTS, False))
    assert "DiskSpaceLow reaches nobody: receiver nobody has no means to tell" in found["disk-alerts"].summary


def test_prometheus_that_stopped(watched: Watched) -> None:
    watched.stop("prometheus")
    found = watched.answers(dict.fromkeys(ALERTS, False))
    assert "nobody evaluates DatabaseDown: Prometheus: no connection" in found["database-monitoring"].summary


def test_prometheus_that_hangs_is_not_known_to_be_one_that_stopped(watched: Watched) -> None:
    watched.sh("systemctl kill -s STOP prometheus")
    try:
        found = watched.answers(dict.fromkeys(ALERTS))
        assert "no answer in time" in found["database-monitoring"].summary
    finally:
        watched.sh("systemctl kill -s CONT prometheus")


def test_prometheus_asked_from_the_controller(watched: Watched) -> None:
    """Nobody listens there on this machine, which says nothing of others: the host's own would have said yes."""
    place = {"url": "http://127.0.0.1:1", "alertmanager": "http://127.0.0.1:1", "vantage": "controller"}
    found = watched.answers(dict.fromkeys(ALERTS), inventory=watched.monitoring(prometheus=place))
    assert "no connection" in found["disk-alerts"].summary


def test_a_monitor_that_visits(watched: Watched) -> None:
    """The blackbox exporter asks for the site as a monitor outside would, and stands in nginx's own log."""
    log = "/var/log/nginx/access.log"
    inventory = watched.monitoring(uptime={"visits": {"log": log, "agent": "Blackbox Exporter"}})
    found = watched.answers({"uptime": None}, inventory=inventory)
    assert "Permission denied" in found["uptime"].summary  # as Debian writes it, and forge is not in adm

    watched.sh(f"chmod o+r {log}; until grep -q 'Blackbox Exporter' {log}; do sleep 0.2; done")
    found = watched.answers({}, inventory=inventory)
    assert any(
        "somebody calling itself Blackbox Exporter visited 0 min ago" in line for line in found["uptime"].evidence
    )


def test_a_monitor_that_stopped_visiting(watched: Watched) -> None:
    log = "/var/log/nginx/uptime.log"
    old = "$(date -u -d '1 hour ago' '+%d/%b/%Y:%H:%M:%S +0000')"
    watched.sh(f'echo "192.0.2.7 - - [{old}] \\"GET / HTTP/1.1\\" 200 5 \\"-\\" \\"UptimeRobot/2.0\\"" > {log}')
    visits = {"log": log, "agent": "UptimeRobot"}
    inventory = watched.monitoring(uptime={"visits": visits})

    found = watched.answers({"uptime": False}, inventory=inventory)
    assert "visited 60 min ago for the last time, 15 min are allowed" in found["uptime"].summary

    patient = watched.monitoring(uptime={"visits": {**visits, "within_minutes": 90}})
    watched.answers({}, inventory=patient)

    watched.sh(f"chmod 600 {log}; chown root:root {log}")
    found = watched.answers({"uptime": None}, inventory=patient)
    assert "Permission denied" in found["uptime"].summary


def test_a_key_that_is_not_set(watched: Watched) -> None:
    rebuilt = f"setpriv --reuid forge --regid forge --init-groups php8.2 {APP}/artisan config:cache > /dev/null"
    watched.sh(f"sed -i 's/^FLARE_KEY=.*/FLARE_KEY=/' {APP}/.env")
    watched.answers({})  # the configuration in use still has it

    watched.sh(rebuilt)
    found = watched.answers({"error-tracking": False})
    assert "flare.key is not set in the cached configuration" in found["error-tracking"].summary


def test_a_client_that_is_not_loaded(watched: Watched) -> None:
    rebuilt = f"setpriv --reuid forge --regid forge --init-groups php8.2 {APP}/artisan config:cache > /dev/null"
    watched.sh(f"sed -i /ErrorReportsServiceProvider/d {APP}/config/app.php; {rebuilt}")
    found = watched.answers({"error-tracking": False})
    assert "installed, and not loaded by the application" in found["error-tracking"].summary

    flare = watched.monitoring(error_tracking={"url": "http://127.0.0.1:8090/api/reports"})
    found = watched.answers({"error-tracking": False}, inventory=flare)
    assert r"Spatie\LaravelFlare\FlareServiceProvider is not installed" in found["error-tracking"].summary


def test_an_ingest_that_is_gone(watched: Watched) -> None:
    watched.sh("rm /etc/nginx/sites-enabled/ingest; systemctl reload nginx; sleep 1")
    found = watched.answers({"error-tracking": False})
    assert "does not answer the host: no connection" in found["error-tracking"].summary


def test_an_application_that_does_not_start_is_not_known_to_report(watched: Watched) -> None:
    watched.sh(f"echo '<?php throw new Exception(1);' > {APP}/bootstrap/cache/config.php")
    found = watched.answers({"error-tracking": None})
    assert "PHP ended with" in found["error-tracking"].summary


def test_nothing_configured(watched: Watched) -> None:
    found = watched.answers(
        dict.fromkeys(LINES, False), inventory=watched.staged.inventory_with(without=("monitoring",))
    )
    assert all("nothing is configured in the inventory" in result.summary for result in found.values())

    alone = {"prometheus": {"url": "http://127.0.0.1:9090"}}
    found = watched.answers(
        {**dict.fromkeys(ALERTS, None), "error-tracking": False},
        inventory=watched.staged.inventory_with(monitoring=alone),
    )
    assert found["queue-monitoring"].advice[0].endswith("remediate.monitoring.queue.alert: QueueGrows")


class Service(Quiet, BaseHTTPRequestHandler):
    """A monitoring service that knows one token."""

    TOKEN: ClassVar = "canary-4711-token"
    body: ClassVar = b'{"status": "active"}'

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {self.TOKEN}"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(self.body if known else b"{}")


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    with serving(HTTPServer(("127.0.0.1", 0), Service)) as server:
        yield server


def test_a_monitoring_service_that_wants_a_token(watched: Watched, service: HTTPServer, tmp_path: Path) -> None:
    page = {"url": f"http://127.0.0.1:{service.server_port}/17", "token": "env:CHECK_TOKEN", "contains": "active"}

    def asked(token: str, **changed: str) -> bool | None:
        inventory = watched.monitoring(uptime={"endpoint": {**page, **changed}})
        return watched.asked(inventory=inventory, environment={"CHECK_TOKEN": token})["uptime"].ok

    assert asked(Service.TOKEN) is True
    assert asked(Service.TOKEN, contains="paused") is False
    assert asked("another-token") is None
    state = tmp_path / "home" / "state"
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"prevent" in kept or b"checklist" in kept
    assert Service.TOKEN.encode() not in kept
