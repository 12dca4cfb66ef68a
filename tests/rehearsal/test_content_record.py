"""The record of a playbook's last rehearsal, and where it is marked."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from remediate.commands.docs.pages import page
from remediate.commands.given import beginning
from remediate.commands.run import run_from_flags
from remediate.commands.runs import list_runs
from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.engine.fleet import run
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal.content import digest, unrehearsed, write_record
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from support.incidents import HEALTHY
from support.printed import Printed
from support.scripted import FactSession, Opened

# -- records -----------------------------------------------------------------------------------------------------------


def report(*, passed: bool = True, of: str | None = None, day: int = 23) -> RehearsalReport:
    trial = TrialOutcome(
        name="healthy", fault="nothing", expected="healthy", deviations=() if passed else ("it lies",), seconds=2
    )
    return RehearsalReport(
        playbook="app-down",
        version="0.1.0",
        digest=of or digest(app_down),
        started=datetime(2026, 11, day, 8, 31, 40, 500, tzinfo=UTC),
        seconds=75.3,
        whole=True,
        trials=(trial,),
    )


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The wheel's directory of the packaged playbooks' records."""
    place = tmp_path / "wheel"
    (place / "rehearsals").mkdir(parents=True)
    monkeypatch.setattr("remediate.rehearsal.content.resources", SimpleNamespace(files=lambda _: place))
    return place


def ship(report: RehearsalReport, wheel: Path) -> None:
    written = write_record(report, wheel / "made")
    written.rename(wheel / "rehearsals" / written.name)


@pytest.fixture
def project(tmp_path: Path, wheel: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


def test_a_record_says_what_was_rehearsed_and_when_that_ended(tmp_path: Path) -> None:
    path = write_record(report(), tmp_path)
    assert path == tmp_path / "docs/rehearsals/app-down.json"
    assert json.loads(path.read_text()) == {
        "playbook": "app-down",
        "digest": digest(app_down),
        "version": "0.1.0",
        "finished": "2026-11-23T08:32:55Z",
        "trials": 1,
        "passed": True,
    }


def test_never(project: Project) -> None:
    assert unrehearsed(app_down, project) == "never rehearsed"
    assert unrehearsed(app_down, Project(None)) == "never rehearsed"


def test_passed(project: Project) -> None:
    write_record(report(), project.demand_root())
    assert unrehearsed(app_down, project) is None


def test_failed(project: Project) -> None:
    write_record(report(passed=False), project.demand_root())
    assert unrehearsed(app_down, project) == "its last rehearsal failed"


def test_changed_since(project: Project) -> None:
    write_record(report(of="0" * 64), project.demand_root())
    assert unrehearsed(app_down, project) == "not rehearsed since it was changed (last on 2026-11-23)"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"playbook": 7}', "\xff", '{"finished": "yesterday"}'])
def test_a_record_that_cannot_be_read_is_none(text: str, project: Project) -> None:
    path = write_record(report(), project.demand_root())
    path.write_bytes(text.encode("latin-1"))
    assert unrehearsed(app_down, project) == "never rehearsed"


def test_a_time_without_a_zone_is_no_time(project: Project, wheel: Path) -> None:
    path = write_record(report(of="1"), project.demand_root())
    path.write_text(path.read_text().replace("55Z", "55"))
    ship(report(of="2", day=20), wheel)
    assert unrehearsed(app_down, project) == "not rehearsed since it was changed (last on 2026-11-20)"


def test_the_record_that_the_wheel_brings_counts(project: Project, wheel: Path) -> None:
    ship(report(), wheel)
    assert unrehearsed(app_down, project) is None
    assert unrehearsed(app_down, Project(None)) is None


def test_what_failed_here_after_it_passed_there_has_failed(project: Project, wheel: Path) -> None:
    ship(report(day=20), wheel)
    write_record(report(passed=False), project.demand_root())
    assert unrehearsed(app_down, project) == "its last rehearsal failed"


def test_what_passed_here_after_it_failed_there_has_passed(project: Project, wheel: Path) -> None:
    ship(report(passed=False, day=20), wheel)
    write_record(report(), project.demand_root())
    assert unrehearsed(app_down, project) is None


# -- where it is marked ------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(project: Project, monkeypatch: pytest.MonkeyPatch, state: Path) -> Project:
    """A project with a host that is well, and a journal of its own."""
    monkeypatch.setattr("remediate.transport.dialing.Dialling", lambda *_: Opened(FactSession(HEALTHY)))
    inventory = project.demand_root() / "inventories" / "prod.yml"
    inventory.parent.mkdir()
    inventory.write_text(
        "web:\n  hosts:\n    web1:\n      ansible_host: 192.0.2.1\n      remediate: {site_url: 'https://example.com/',"
        " site_vantage: [host], health_path: /health, site_contains: Welcome, php: php8.2,"
        " app_path: /home/forge/agency-platform, worker_program: agency-worker}\n"
    )
    return project


def plan(project: Project, *, plan: bool = True, **flags: object) -> Printed:
    streams = Printed()
    given = {"host": "web1", "plan": plan, "hold": "0", "yes": True, **flags}
    with beginning(given, project, streams.terminal) as begun:
        report = run_from_flags(app_down, begun, given, project, streams.terminal, program="remediate")
        assert report.exit_code == 0, streams.out.getvalue()
    return streams


HINT = "app-down: never rehearsed; prove it with remediate rehearse.app-down"


def test_a_plan_says_that_nothing_has_proven_the_playbook(checked: Project) -> None:
    assert HINT in plan(checked).out.getvalue()
    assert HINT not in plan(checked, plan=False).out.getvalue()
    document = plan(checked, json=True)
    assert json.loads(document.out.getvalue())["verdict"] == "healthy"
    assert HINT in document.err.getvalue()
    write_record(report(), checked.demand_root())
    assert "rehearse" not in plan(checked).out.getvalue()


def test_a_playbook_is_rehearsable_if_it_declares_a_rehearsal() -> None:
    bare = playbook(severity=Severity.SEV3, symptoms=lambda _: ())(lambda _: ())
    assert (app_down.is_rehearsable, bare.is_rehearsable) == (True, False)
    assert bare.cases(Host(name="web1", ssh=SshTarget(address="192.0.2.1"))) == ()


def test_a_playbook_without_cases_is_not_sent_to_a_rehearsal_that_would_be_refused(
    checked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Playbook, "is_rehearsable", False)
    printed = plan(checked).out.getvalue()
    assert "app-down: never rehearsed: it declares no case of a rehearsal" in printed
    assert "rehearse.app-down" not in printed


def test_a_plan_leaves_the_declared_cases_to_the_rehearsal(checked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """They import all that breaks a host, which takes longer than the plan. A fault in them ends no plan either."""
    monkeypatch.setattr(Playbook, "cases", lambda _, host: host.shop)
    assert HINT in plan(checked).out.getvalue()


def test_what_a_plan_says_below_its_report_is_no_wider_than_it(checked: Project) -> None:
    write_record(report().model_copy(update={"digest": "of other code"}), checked.demand_root())
    printed = plan(checked).out.getvalue()
    assert "not rehearsed since it was changed" in printed
    assert " remediate rehearse.app-down\n" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_runs_list_marks_playbooks_that_nothing_has_proven(checked: Project) -> None:
    plan(checked)
    host = Host(name="web2", ssh=SshTarget(address="192.0.2.2"))
    run(SingleRemedy(RestartNginx), (host,), options=Options(plan=True), connect=lambda _: FactSession(HEALTHY))

    def listed() -> str:
        streams = Printed()
        assert list_runs({}, checked, streams.terminal, program="invoke") == 0
        return streams.out.getvalue()

    assert "app-down [not rehearsed] on web1" in listed()
    assert "do.nginx.restart on web2" in listed(), "a single remedy is no playbook"
    write_record(report(), checked.demand_root())
    assert "app-down on web1" in listed()


def test_runs_list_still_lists_what_was_done_by_a_playbook_that_is_broken_by_now(checked: Project) -> None:
    plan(checked)
    own = checked.demand_root() / "playbooks" / "app_down.py"
    own.parent.mkdir()
    own.write_text("def app_down():\n    pass\n\nraise RuntimeError('no')\n")
    streams = Printed()
    assert list_runs({}, checked, streams.terminal, program="invoke") == 0
    assert "app-down [cannot be loaded] on web1" in streams.out.getvalue()


def test_a_page_says_whether_its_playbook_was_rehearsed(project: Project) -> None:
    listed = project.playbooks()["app-down"]
    assert "> Rehearsal: **never rehearsed**: `invoke rehearse.app-down`." in page(app_down, listed, project)
    write_record(report(), project.demand_root())
    text = page(app_down, listed, project)
    assert "> Rehearsal: passed, in its present form." in text
    assert "| php-fpm-masked | php8.3-fpm is stopped and masked | refused (`unit-masked`) |" in text
