"""Checks before an incident counts as over."""

from pathlib import Path

import pytest

from remediate.incident.events import Alerted
from remediate.incident.resolution import checks
from remediate.incident.run_events import RunLanded
from remediate.project.project import Project
from support.toy_following import ALERT
from support.toy_incidents import declared, folded, run


def alert(host: str, playbook: str | None = None) -> Alerted:
    return ALERT.model_copy(update={"host": host, "playbook": playbook})


@pytest.mark.parametrize(
    ("playbook", "used", "checked"),
    [
        ("app-down", (), {"app-down": ("web1", "web2")}),
        ("app-down", (run(),), {"app-down": ("web1", "web2")}),
        ("app-down", (run(playbook="high-load"),), {"high-load": ("web1",), "app-down": ("web1", "web2")}),
        (None, (run(playbook="high-load"),), {"high-load": ("web1", "web2")}),
        ("app-down", (run(hosts=("web1", "web2")),), {"app-down": ("web1", "web2")}),
        ("gone", (run(playbook="gone"),), {}),
        (None, (), {}),
    ],
)
def test_no_host_of_an_alert_is_left_to_its_alert_alone(
    tmp_path: Path, playbook: str | None, used: tuple[RunLanded, ...], checked: dict[str, tuple[str, ...]]
) -> None:
    """Of a storm, one host's run may be withdrawn because its alert ends before the run begins."""
    runs = ((3, one) for one in used)
    incident = folded((0, alert("web1")), (1, alert("web2")), *runs, first=declared(playbook=playbook))
    assert {one.playbook: one.hosts for one in checks(incident, Project(tmp_path))} == checked


@pytest.mark.parametrize(
    ("joined", "checked"),
    [
        (alert("web1", "high-load"), {"app-down": ("web1",), "high-load": ("web1",)}),
        (alert("web2", "high-load"), {"app-down": ("web1",), "high-load": ("web2",)}),
        (alert("web1", "gone"), {"app-down": ("web1",), "gone": ("web1",)}),
        (alert("web1", "app-down"), {"app-down": ("web1",)}),
        (alert("web1"), {"app-down": ("web1",)}),
    ],
)
def test_an_alert_of_another_rule_is_checked_by_its_own_playbook_though_its_run_was_withdrawn(
    tmp_path: Path, joined: Alerted, checked: dict[str, tuple[str, ...]]
) -> None:
    """One whose playbook is gone is asked for, too: that it cannot be made is a doubt."""
    first = declared(playbook="app-down")
    incident = folded((0, alert("web1", "app-down")), (1, joined), (3, run()), first=first)
    assert {one.playbook: one.hosts for one in checks(incident, Project(tmp_path))} == checked


def test_of_what_a_person_declared_the_used_hosts_are_checked(tmp_path: Path) -> None:
    incident = folded((3, run()), first=declared(playbook="app-down", hosts=("web1", "web2")))
    assert {one.playbook: one.hosts for one in checks(incident, Project(tmp_path))} == {"app-down": ("web1",)}
