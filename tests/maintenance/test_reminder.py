"""Overdue maintenance in `incident.watch`: always shown, announced once, never fatal."""

from pathlib import Path

import pytest

from remediate.maintenance.history import History
from remediate.maintenance.reminder import Reminder
from remediate.project.project import Project
from support.toy_maintenance import DAY, NOW, report, result

LINE = "maintenance monthly of web1 is overdue by 9 d (Tech Lead): remediate maintain.monthly --host web1"


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    return Project(tmp_path)


def done(project: Project, days: int) -> None:
    with History.open(project.journal(), project=project.identity()) as history:
        history.keep(report(result(), ago=days * DAY))


def test_it_is_shown_all_the_time_and_announced_once_whoever_watches(project: Project) -> None:
    done(project, 40)
    one, other = Reminder(project, "remediate"), Reminder(project, "remediate")
    assert list(one.announced(NOW)) == [LINE]
    assert list(one.announced(NOW)) == []
    assert list(other.announced(NOW)) == [], "another process, or the same one started again"
    assert one.look(NOW) == other.look(NOW) == (LINE,)


def test_done_again_it_is_gone_and_overdue_again_it_is_announced_again(project: Project) -> None:
    done(project, 40)
    reminder = Reminder(project, "remediate")
    assert list(reminder.announced(NOW)) == [LINE]
    done(project, 0)
    assert reminder.look(NOW + DAY) == ()
    assert list(reminder.announced(NOW + DAY)) == []
    later = NOW + 40 * DAY
    assert list(reminder.announced(later)) == [LINE]


def test_what_was_never_done_is_not_overdue(project: Project) -> None:
    assert Reminder(project, "remediate").look(NOW) == ()


def test_the_history_is_not_read_at_every_look(project: Project) -> None:
    reminder = Reminder(project, "remediate")
    assert reminder.look(NOW) == ()
    done(project, 40)
    assert reminder.look(NOW + DAY / 86400) == ()
    assert reminder.look(NOW + DAY / 1440) == (LINE,)


def test_settings_that_are_wrong_are_told_and_stop_nobody(project: Project) -> None:
    done(project, 40)
    assert project.root is not None
    (project.root / "pyproject.toml").write_text("[tool.remediate.maintenance]\nspeed = 3\n")
    reminder = Reminder(project, "remediate")
    assert list(reminder.announced(NOW)) == []
    assert reminder.trouble.endswith(".maintenance: speed: unknown key; accepted: owners, rehearsed_within_days")
    assert reminder.look(NOW) == (f"maintenance: {reminder.trouble}",)
    (project.root / "pyproject.toml").write_text("[tool.remediate]\n")
    assert list(reminder.announced(NOW + DAY)) == [LINE.replace("9 d", "10 d")]
    assert reminder.trouble == ""
