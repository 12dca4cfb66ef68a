"""Rehearsals and runs of playbooks, from a real journal and real records."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.outcome import HostOutcome, Mode, Report, RunVerdict, Touched
from remediate.journal.journal import Journal
from remediate.journal.models import RunEnd, RunRecord
from remediate.journal.run_id import new_run_id
from remediate.maintenance.items.runbook_review import NEVER_ENDED, Use
from remediate.maintenance.playbook_usage import uses
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal.content import DIRECTORY, RehearsalRecord, digest

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("REMEDIATE_JOURNAL", url)
    root = tmp_path / "project"
    (root / DIRECTORY).mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.remediate]\n")
    return Project(root)


def ran(
    verdict: RunVerdict | None,
    ago: timedelta,
    *,
    took: timedelta = timedelta(0),
    playbook: str = "app-down",
    mode: Mode = Mode.FIX,
    hosts: Mapping[str, RunVerdict] | None = None,
) -> None:
    outcomes = tuple(
        HostOutcome(name=name, address=name, verdict=each, exit_code=0, touched=Touched.YES, seconds=1)
        for name, each in (hosts or {}).items()
    )
    run, started = new_run_id(), NOW - ago
    report = Report(
        version="0.1.0",
        run=run,
        mode=mode,
        playbook=playbook,
        operator="ana",
        started=started,
        seconds=1,
        verdict=verdict,
        exit_code=0,
        touched=Touched.YES,
        hosts=outcomes,
    )
    with Journal.open() as journal:
        journal.begin(
            RunRecord(
                id=run,
                started=started,
                mode=mode.value,
                playbook=playbook,
                operator="ana",
                hosts=("web1",),
                version="0.1.0",
                reason=None,
            )
        )
        if verdict is not None:
            text = report.model_dump_json(by_alias=True)
            journal.finish(
                run, RunEnd(verdict=verdict.value, exit_code=0, touched="yes", finished=started + took, report=text)
            )


def of(project: Project, name: str = "app-down", *, since: datetime | None = None) -> Use:
    (found,) = (use for use in uses(project, now=NOW, since=since) if use.playbook == name)
    return found


def test_of_an_unused_playbook_nothing_is_made_up(project: Project) -> None:
    found = of(project, "cache-down")
    assert (found.used, found.verdicts) == (None, {})
    assert [use.playbook for use in uses(project, now=NOW, since=None)] == list(project.playbooks())


def test_runs_that_could_change_something_count_since_the_last_review(project: Project) -> None:
    ran(RunVerdict.NOT_FIXED, 100 * DAY)
    ran(RunVerdict.FIXED, 3 * DAY)
    ran(RunVerdict.FIXED, 2 * DAY)
    ran(RunVerdict.PENDING, DAY, mode=Mode.PLAN)
    ran(RunVerdict.UNKNOWN, DAY, playbook="nginx.restart")
    found = of(project, since=NOW - 90 * DAY)
    assert found.used == NOW - 2 * DAY
    assert found.verdicts == {"fixed": 2}
    assert of(project).verdicts == {"fixed": 2, "not_fixed": 1}
    assert of(project, since=NOW - DAY).used == NOW - 2 * DAY
    assert of(project, since=NOW - DAY).verdicts == {}


def test_several_hosts_count_one_by_one_where_they_differ(project: Project) -> None:
    ran(RunVerdict.MIXED, DAY, hosts={"web1": RunVerdict.FIXED, "web2": RunVerdict.NOT_FIXED})
    ran(RunVerdict.MIXED, DAY)
    assert of(project).verdicts == {"fixed": 1, "not_fixed": 1, "mixed": 1}


def test_a_run_without_an_end_counts_once_it_cannot_be_going_on(project: Project) -> None:
    ran(None, timedelta(hours=1))
    assert of(project).verdicts == {}
    ran(None, 2 * DAY)
    assert of(project).verdicts == {NEVER_ENDED: 1}


def test_a_run_that_was_under_way_at_the_last_review_is_judged_by_this_one(project: Project) -> None:
    review = NOW - 90 * DAY
    ran(None, 90 * DAY + timedelta(hours=2))
    ran(None, 92 * DAY)
    ran(RunVerdict.NOT_FIXED, 90 * DAY + timedelta(hours=2), took=timedelta(hours=3))
    ran(RunVerdict.NOT_FIXED, 90 * DAY + timedelta(hours=2), took=timedelta(hours=1))
    assert of(project, since=review).verdicts == {NEVER_ENDED: 1, "not_fixed": 1}


@pytest.mark.parametrize(("content", "current"), [(digest(app_down), True), ("0" * 64, False)])
def test_its_record_says_when_of_what_and_how_it_ended(project: Project, content: str, *, current: bool) -> None:
    record = RehearsalRecord(
        playbook="app-down", digest=content, version="0.1.0", finished=NOW - DAY, trials=36, passed=False
    )
    assert project.root is not None
    (project.root / DIRECTORY / "app-down.json").write_text(record.model_dump_json())
    found = of(project)
    assert (found.rehearsed, found.current, found.passed) == (NOW - DAY, current, False)


def test_a_playbook_that_cannot_be_loaded_is_said_to_be_so(project: Project) -> None:
    assert project.root is not None
    (project.root / "playbooks").mkdir()
    (project.root / "playbooks" / "shop_down.py").write_text("def shop_down(:\n")
    found = of(project, "shop-down")
    assert found.broken is not None
    assert "shop_down.py" in found.broken
