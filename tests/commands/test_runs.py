"""Records of runs: missing records are reported, and broken runs show their next command."""

from datetime import UTC, datetime

import pytest

from remediate.commands.runs import list_runs, show_run
from remediate.core.outcome import RunVerdict
from remediate.errors import JournalError
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunRecord
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from support.nginx_runs import Told
from support.printed import Printed


def broken(_: object, *args: object, **named: object) -> None:
    raise JournalError("the journal cannot be written: No space left on device")


@pytest.mark.parametrize(
    "failing", [("conclude", "finish"), ("finish", "require_writable"), ("conclude",), ("finish",)]
)
@pytest.mark.usefixtures("project")
def test_a_run_that_is_not_recorded_says_so_and_keeps_its_verdict(
    failing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in failing:
        monkeypatch.setattr(Journal, name, broken)
    told = Told()
    assert (told.report.verdict, told.report.exit_code) == (RunVerdict.FIXED, 0)
    assert told.err.getvalue().count("warning: this run is not recorded: ") == 1
    assert "No space left on device" in told.err.getvalue()
    if failing != ("finish",):  # that the last write of all fails is known only once the verdict was told
        assert "evidence: only this output" in told.out.getvalue()
        assert "runs.show" not in told.out.getvalue()


@pytest.mark.usefixtures("project")
def test_a_run_that_is_recorded_names_its_record() -> None:
    told = Told()
    assert "evidence: remediate runs.show " in told.out.getvalue()
    assert "warning" not in told.err.getvalue()


def begin(journal: Journal, playbook: str = "app-down", *, intents: int = 1, day: int = 1) -> str:
    started = datetime(2026, 11, day, tzinfo=UTC)
    record = RunRecord(
        id=new_run_id(),
        started=started,
        mode="fix",
        playbook=playbook,
        operator="ana@laptop",
        hosts=("web1", "web2"),
        version="0.1.0",
    )
    journal.begin(record)
    for position in range(intents):
        journal.intend(
            Intent(
                run=record.id,
                host="web1",
                position=position,
                remedy="nginx.restart",
                params="{}",
                commands="[]",
                intended_at=started,
            )
        )
    return record.id


def listed(project: Project, **flags: object) -> str:
    printed = Printed()
    assert list_runs(flags, project, printed.terminal, program="remediate") == 0
    return printed.out.getvalue()


@pytest.mark.parametrize(("name", "command"), [("app-down", "check.app-down"), ("do.nginx.restart", "triage")])
def test_a_run_that_broke_off_while_acting_is_listed_with_a_way_to_look(
    journal: Journal, project: Project, name: str, command: str
) -> None:
    run_id = begin(journal, name)
    said = listed(project)
    assert "1 step was begun without an outcome, and may or may not have run" in said
    assert f"look with remediate {command} --host web1,web2\n" in said
    printed = Printed()
    show_run({"run": run_id}, project, printed.terminal, program="remediate")
    assert f"look with remediate {command} --host web1,web2\n" in printed.out.getvalue()


def test_a_run_that_broke_off_before_acting_is_listed_as_such(journal: Journal, project: Project) -> None:
    begin(journal, intents=0)
    assert "running now, or its process died: remediate runs.show " in listed(project)


def test_what_broke_off_longer_ago_is_not_forgotten(journal: Journal, project: Project) -> None:
    begin(journal, intents=2)
    begin(journal, intents=0, day=2)
    said = listed(project, limit="1")
    assert "2 steps were begun without an outcome, and may or may not have run in an older run" in said


def test_what_was_concluded_is_not_listed_as_open(journal: Journal, project: Project) -> None:
    journal.conclude(begin(journal), "web1", 0, "proven", "runs")
    assert "without an outcome" not in listed(project)
