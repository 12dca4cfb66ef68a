"""The staging host with what watches it, and the checklist's answers about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from remediate.maintenance.item import Result
from remediate.maintenance.report import MaintenanceReport
from support.command_line import Cli, Ended
from support.staged_host import Staged

APP = "/home/forge/agency-platform"
RULES = "/etc/prometheus/rules/agency-platform.yml"

LINES = (
    "uptime",
    "error-tracking",
    "database-monitoring",
    "queue-monitoring",
    "disk-alerts",
    "certificate-alerts",
)

UNITS = (
    *("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "prometheus-blackbox-exporter"),
    *("prometheus-mysqld-exporter", "agency-queue-metrics"),
)

_ASK = "curl -s -G http://127.0.0.1:9090/api/v1/query --data-urlencode"

AS_MADE = f"""set -u
[ -d /root/watched ] || {{ mkdir /root/watched; cp -a /etc/prometheus /root/watched/; cp -a {APP}/.env \
    {APP}/config/app.php {APP}/bootstrap/cache/config.php /root/watched/; }}
rm -rf /etc/prometheus; cp -a /root/watched/prometheus /etc/prometheus
cp -a /root/watched/.env {APP}/.env; cp -a /root/watched/app.php {APP}/config/app.php
cp -a /root/watched/config.php {APP}/bootstrap/cache/config.php
systemctl kill -s CONT prometheus 2> /dev/null || true
systemctl start {" ".join(UNITS)}
# Not reloaded: a HUP just after a start ends them, who do not listen to it yet.
systemctl restart prometheus prometheus-alertmanager
systemctl reload nginx
count() {{ {_ASK} "query=count($1)" | sed -n 's/.*,"\\([0-9]*\\)"\\].*/\\1/p'; }}
rules() {{ curl -s http://127.0.0.1:9090/api/v1/rules; }}
i=0
until [ "$(count '{{__name__=~"mysql_up|agency_queue_jobs|probe_success|probe_ssl_earliest_cert_expiry"}}')" = 4 ] &&
    [ -n "$(count node_filesystem_readonly)" ] && rules | grep -q CertificateExpiresSoon.*DiskSpaceLow &&
    ! rules | grep -q '"health":"unknown"' &&
    # Prometheus takes up to five seconds after its start or a reload to find even the ones that are written down.
    curl -s http://127.0.0.1:9090/api/v1/alertmanagers | grep -q 9093
do i=$((i+1)); [ $i -lt 100 ] || exit 9; sleep 0.3; done
"""
"""Everything as it was made, everything started, every rule evaluated, and every series there."""


@dataclass(frozen=True)
class Watched:
    """The staging host, with what watches it."""

    staged: Staged
    cli: Cli

    def sh(self, script: str) -> None:
        self.staged.sh(script)

    def stop(self, *units: str) -> None:
        self.sh(f"systemctl stop {' '.join(units)}")

    def until(self, query: str, shown: str) -> None:
        """Wait until Prometheus answers a query with a text."""
        self.sh(f"for i in $(seq 100); do {_ASK} 'query={query}' | grep -q '{shown}' && exit; sleep 0.2; done; exit 1")

    def rules(self, edit: str, shown: str) -> None:
        """Edit the rules with sed and wait until Prometheus tells of them so, and has found its Alertmanager again."""
        asked = 'curl -s http://127.0.0.1:9090/api/v1/rules | grep -v \'"health":"unknown"\''
        found = "curl -s http://127.0.0.1:9090/api/v1/alertmanagers | grep -q 9093"
        self.sh(
            f"sed -i '{edit}' {RULES}; systemctl reload prometheus\n"
            f"for i in $(seq 100); do {asked} | {shown} && {found} && exit; sleep 0.2; done; exit 1"
        )

    def run(self, *flags: str, inventory: Path | None = None, environment: Mapping[str, str] | None = None) -> Ended:
        target = ("--host", self.staged.name, "--inventory", str(inventory or self.staged.inventory))
        known = {**self.cli.environment, **(environment or {})}
        return self.cli("invoke", "prevent.checklist", *target, *flags, environment=known)

    def asked(
        self, *, inventory: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> dict[str, Result]:
        """Run it and return its results, once they are what the exit code says."""
        ended = self.run("--json", inventory=inventory, environment=environment)
        report = MaintenanceReport.model_validate_json(ended.out)
        (subject,) = report.subjects
        assert subject.error is None
        found = {result.item: result for result in subject.results}
        assert tuple(found) == LINES
        well = all(result.ok for result in subject.results)
        assert (ended.code, report.exit_code) == ((0, 0) if well else (5, 5)), ended.err
        return found

    def answers(self, expected: Mapping[str, bool | None], **given: Path) -> dict[str, Result]:
        """Assert that these lines are answered so, and all others with yes."""
        found = self.asked(inventory=given.get("inventory"))
        assert {name: result.ok for name, result in found.items()} == {**dict.fromkeys(LINES, True), **expected}, {
            name: result.summary for name, result in found.items()
        }
        return found

    def monitoring(self, **changed: object) -> Path:
        """Write an inventory in which something else is said about monitoring."""
        group = yaml.safe_load(self.staged.inventory.read_text())["staging"]["vars"]["remediate"]
        return self.staged.inventory_with(monitoring={**group["monitoring"], **changed})
