"""`make demo-service` has a policy, a rule and a receiver that fit each other."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from docs import demo_service
from docs.demo_service import FAULT
from docs.demo_stage import EXAMPLES, NAME, PORT
from remediate.alerts.policy import AlertPolicy
from remediate.alerts.policy_file import project_policy
from remediate.commands.docs.example import EXAMPLE
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal.placement import STOCK, rename_host
from support.doc_pages import ROOT


def policy(place: Path) -> AlertPolicy:
    """Return the example's policy, read in a project with the demo's host."""
    shutil.copytree(EXAMPLES, place, dirs_exist_ok=True)
    (place / "inventories").mkdir()
    (place / f"inventories/{NAME}.yml").write_text(rename_host(STOCK.read_text(), NAME))
    project = Project(place)
    return project_policy(project, Inventory.load(project.inventories()))


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((EXAMPLES / name).read_text()))


def test_the_alert_that_prometheus_sends_is_the_one_of_the_policy(tmp_path: Path) -> None:
    known = policy(tmp_path)
    (alert,) = read("site-down.yml")["groups"][0]["rules"]
    probed = yaml.safe_load(
        (ROOT / "remediate/rehearsal/image_files/rootfs/etc/prometheus/prometheus.yml").read_text()
    )["scrape_configs"][-1]["static_configs"][0]["targets"][0]
    rule = known.rule_for({"alertname": alert["alert"], **alert["labels"], "instance": probed}, "prometheus")
    assert rule is not None
    assert rule.host.table == {probed: NAME}
    (grant,) = known.sources["prometheus"].auto
    assert (rule.action, grant.hosts, grant.playbooks) == ("app-down", (NAME,), ("app-down",))


def test_the_receiver_calls_a_source_of_the_policy(tmp_path: Path) -> None:
    (webhook,) = read("alertmanager.yml")["receivers"][0]["webhook_configs"]
    address = urlsplit(webhook["url"])
    assert (address.hostname, address.port) == ("127.0.0.1", PORT)
    assert address.path.removeprefix("/alerts/") in policy(tmp_path).sources


def test_its_fault_is_one_that_the_playbook_fixes() -> None:
    declared = {case.name: case.expected.value for case in app_down.cases(EXAMPLE)}
    assert declared[FAULT] == "fixed"


@pytest.mark.parametrize("ended", [2, KeyboardInterrupt])
def test_a_host_that_is_only_half_up_is_taken_down_too(monkeypatch: pytest.MonkeyPatch, ended: object) -> None:
    taken: list[str] = []

    def started(*_: object, **__: object) -> SimpleNamespace:
        if ended is KeyboardInterrupt:
            raise KeyboardInterrupt
        return SimpleNamespace(returncode=ended)

    def down(name: str, **_: object) -> None:
        taken.append(name)
        raise ConfigurationError("no container engine")

    monkeypatch.setattr(subprocess, "run", started)
    monkeypatch.setattr(demo_service, "down", down)
    with suppress(KeyboardInterrupt):
        assert demo_service.performance() == 2
    assert taken == [NAME]
