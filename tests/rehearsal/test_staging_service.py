"""The systemd unit and the nginx proxy of docs/service.md, installed from the page's own text and tried."""

from collections.abc import Iterator

import pytest

from support.service_machine import CREDENTIALS, DOMAIN, FAULT, ServiceMachine, delivery, service_machine

pytestmark = [pytest.mark.container, pytest.mark.xdist_group("service")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceMachine]:
    with service_machine(tmp_path_factory.mktemp("service")) as one:
        yield one


def test_the_unit_is_ready_and_may_do_nothing_more_than_it_needs(machine: ServiceMachine) -> None:
    machine.until(lambda: machine.unit("ActiveState") == "active")
    assert machine.unit("StatusText") == ""
    status = machine.sh(f"cat /proc/{machine.pid}/status")
    assert "NoNewPrivs:\t1" in status
    assert f"Uid:\t{machine.sh('id -u remediate')}\t" in status
    inside = f"/proc/{machine.pid}/root"
    for place in ("/usr/local", "/etc", "/var/log"):
        assert "Read-only" in machine.sh(f"touch {inside}{place}/x 2>&1 || true")
    assert machine.sh(f"ls {inside}/home") == ""
    assert machine.sh("stat -c '%U %a' /var/lib/remediate") == "remediate 700"
    assert "systemd" in machine.sh("systemd-analyze verify /etc/systemd/system/remediate.service 2>&1; echo systemd")


def test_its_secrets_are_read_as_credentials_and_by_nobody_else(machine: ServiceMachine) -> None:
    for name in ("alertmanager.token", "ssh_key"):
        assert "denied" in machine.sh(f"runuser -u remediate -- cat /etc/remediate/{name} 2>&1 || true")
        machine.sh(f"runuser -u remediate -- test -r {CREDENTIALS}/{name}")
        assert "denied" in machine.sh(f"runuser -u www-data -- cat {CREDENTIALS}/{name} 2>&1 || true")


def test_the_proxy_passes_on_alerts_and_nothing_else(machine: ServiceMachine) -> None:
    machine.until(lambda: machine.unit("ActiveState") == "active")
    assert machine.posted(delivery(), token="a-wrong-token-0123456789") == 401
    assert machine.asked("/alerts/prometheus") == 403
    assert machine.posted("x" * (2 * 1024 * 1024)) == 413
    for path in ("/healthz", "/metrics", "/runs", "/"):
        assert machine.asked(path) == 404, path
    listening = machine.sh("ss -Hltn 'sport = :8787'").split()
    assert listening[3] == "127.0.0.1:8787"
    assert DOMAIN in machine.sh("nginx -T 2>/dev/null | grep server_name")


def test_killed_while_it_fixes_it_comes_back_and_ends_what_it_began(machine: ServiceMachine) -> None:
    machine.sh(FAULT)
    assert machine.posted(delivery()) == 202
    machine.until(machine.serves)
    before = machine.pid
    machine.sh(f"kill -KILL {before}")
    machine.until_back(before)
    machine.until(lambda: bool(machine.verdicts()), 180)
    assert machine.verdicts() == {"fixed"}
    assert machine.serves()
    assert int(machine.unit("NRestarts")) == 1


def test_a_service_that_hangs_is_started_again_by_the_watchdog(machine: ServiceMachine) -> None:
    machine.sh(
        "mkdir -p /run/systemd/system/remediate.service.d; cd /run/systemd/system/remediate.service.d;"
        " printf '[Service]\\nWatchdogSec=10\\n' > quick.conf; systemctl daemon-reload; systemctl restart remediate"
    )
    hanging = machine.pid
    machine.sh(f"kill -STOP {hanging}")
    machine.until_back(hanging)
    assert "Watchdog timeout" in machine.sh("journalctl -q -u remediate")
    assert machine.posted(delivery("resolved")) == 202


def test_it_stops_in_order(machine: ServiceMachine) -> None:
    machine.sh("systemctl stop remediate")
    assert machine.unit("Result") == "success"
    assert machine.sh("ls /run/credentials/remediate.service 2>&1 || true").endswith("No such file or directory")
    lines = machine.sh("journalctl -q -o cat -u remediate")
    assert "stopped" in lines
    assert "a-token-of-the-test" not in lines
