"""The stored record of incidents: complete, shared, and kept where a project says."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text

from remediate.core.outcome import HostOutcome, Mode, Report, RunVerdict, StepOutcome, Touched, Verified
from remediate.core.verdict import Decision
from remediate.errors import ConfigurationError, JournalError
from remediate.incident.events import Acknowledged, Identified, Noted, Resolved
from remediate.incident.run_events import RunLanded
from remediate.incident.store import AlreadyDeclared, IncidentStore
from remediate.incident.timeline import entries
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunEnd, RunRecord
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from support.toy_incidents import NOON, declared, minutes


@pytest.fixture
def store(url: str) -> "IncidentStore":
    return IncidentStore.open(url)


def test_what_is_written_comes_back(store: IncidentStore) -> None:
    with store:
        incident = store.declare("ana@desk", NOON, declared(impact="everybody\nin Europe", first_alert_at=minutes(-3)))
        store.append(incident.id, "ben@desk", minutes(1), Acknowledged(commander="ben"), once="acknowledged")
        found = store.load(incident.id)
        assert (found.title, found.impact, found.commander) == ("Application down", "everybody\nin Europe", "ben")
        assert (found.declared_at, found.first_alert_at) == (NOON, minutes(-3))
        assert store.find(store.shown(incident.id)) == incident.id
        assert [one.id for one in store.incidents()] == [incident.id]


def test_another_process_sees_it_and_opening_again_loses_nothing(store: IncidentStore, url: str) -> None:
    with store:
        incident = store.declare("ana", NOON, declared())
    with IncidentStore.open(url) as again:
        assert again.load(incident.id) == incident


def test_what_happens_once_happens_once(store: IncidentStore) -> None:
    with store:
        incident = store.declare("ana", NOON, declared()).id
        first = store.append(incident, "ana", minutes(1), Resolved(summary="first"), once="resolved")
        second = store.append(incident, "ben", minutes(1), Resolved(summary="second"), once="resolved")
        assert (first is None, second is None) == (False, True)
        assert store.append(incident, "ben", minutes(2), Noted(text="a")) is not None
        assert store.append(incident, "ben", minutes(2), Noted(text="a")) is not None
        assert [event.kind for event in store.load(incident).timeline] == ["declared", "resolved", "note", "note"]


def test_two_who_saw_the_same_declare_one_incident(url: str) -> None:
    run, other = new_run_id(), new_run_id()
    IncidentStore.open(url).close()  # that it is made takes longer than what they are to do

    def declare(who: str) -> str:
        with IncidentStore.open(url) as store:
            store.ids()  # connected before anybody begins
            ready.wait()
            try:
                return store.declare(who, NOON, declared(triaged_at=minutes(-1)), runs=[run]).id
            except AlreadyDeclared as error:
                return str(error)

    ready = Barrier(6)
    with ThreadPoolExecutor(6) as people:
        said = sorted(people.map(declare, [f"w{number}" for number in range(6)]))
    with IncidentStore.open(url) as store:
        (incident,) = store.ids()
        assert said.count(incident) == 1
        assert sum(f"incident {store.shown(incident)} has just been declared" in line for line in said) == 5
        # Who saw something else says so: what belongs to the first stays there.
        second = store.declare("ben", NOON, declared(), runs=[run, other])
        assert store.attached() == {run: incident, other: second.id}


def test_nothing_is_recorded_for_an_incident_that_nobody_declared(store: IncidentStore) -> None:
    with store:
        with pytest.raises(JournalError, match="has not been declared"):
            store.append(new_run_id(), "ana", NOON, Noted(text="x"))
        with pytest.raises(ConfigurationError, match="there are none yet"):
            store.find("7f3a")
        with pytest.raises(ConfigurationError, match="no incident is open"):
            store.current(None)


def test_the_only_open_incident_is_meant_when_none_is_named(store: IncidentStore) -> None:
    with store:
        one, two = (store.declare("ana", minutes(number), declared()).id for number in (0, 1))
        with pytest.raises(ConfigurationError, match=r"2 incidents are open \(.*, .*\): say which"):
            store.current(None)
        store.append(two, "ana", minutes(2), Resolved(), once="resolved")
        assert store.current(None).id == one
        store.append(one, "ana", minutes(3), Resolved(), once="resolved")
        with pytest.raises(ConfigurationError, match="no incident is open"):
            store.current(None)
        assert store.open_incidents() == ()
        assert [each.id for each in store.open_incidents(and_newest=1)] == [two]
        assert store.current(None, or_newest=True).id == two
        assert store.current(store.shown(one)).id == one
        with pytest.raises(ConfigurationError, match="the newest are"):
            store.find("g")


def test_what_looks_like_a_secret_is_not_kept(store: IncidentStore, url: str) -> None:
    with store:
        incident = store.declare("ana", NOON, declared(impact="the key sk_live_canary5f1ecanary leaked")).id
        store.append(incident, "ana", NOON, Identified(cause="DB_PASSWORD=canary-5f1e was wrong"))
        assert "canary" not in store.load(incident).model_dump_json()


# Runs land by themselves


def a_run(journal: Journal, incident: str | None, *, finished: bool = True) -> str:
    run = new_run_id()
    journal.begin(
        RunRecord(
            id=run,
            started=minutes(3),
            mode="fix",
            playbook="app-down",
            operator="ana@desk",
            hosts=("web1",),
            version="1",
            incident=incident,
        )
    )
    journal.intend(
        Intent(run=run, host="web1", position=1, remedy="php-fpm.restart", params="{}", commands="[]", intended_at=NOON)
    )
    if not finished:
        return run
    journal.conclude(run, "web1", 1, "proven", "new InvocationID")
    steps = (
        StepOutcome(
            remedy="php-fpm.restart",
            title="php8.3-fpm",
            params={},
            decision=Decision.PROCEED,
            why="php8.3-fpm.service is failed",
            changed=True,
            verified=Verified.PROVEN,
            evidence="new InvocationID",
        ),
        StepOutcome(
            remedy="nginx.restart", title="nginx", params={}, decision=Decision.REFUSE, code="unit-masked", why="masked"
        ),
        StepOutcome(
            remedy="database.scale", title="x", params={}, decision=Decision.REFUSE, code="human-step", why="scale it"
        ),
    )
    host = HostOutcome(
        name="web1",
        address="web1",
        verdict=RunVerdict.FIXED,
        exit_code=RunVerdict.FIXED.exit_code,
        touched=Touched.YES,
        seconds=32,
        serving_again_seconds=1.9,
        steps=steps,
    )
    report = Report(
        version="1",
        run=run,
        mode=Mode.FIX,
        playbook="app-down",
        operator="ana@desk",
        incident=incident,
        started=minutes(3),
        seconds=32,
        verdict=RunVerdict.FIXED,
        exit_code=RunVerdict.FIXED.exit_code,
        touched=Touched.YES,
        hosts=(host,),
    )
    journal.finish(
        run,
        RunEnd(
            verdict=RunVerdict.FIXED.value,
            exit_code=0,
            touched="yes",
            finished=minutes(4),
            report=report.model_dump_json(by_alias=True),
        ),
    )
    return run


def test_a_run_is_on_the_timeline_by_itself(store: IncidentStore, url: str) -> None:
    with store, Journal.open(url) as journal:
        incident = store.declare("ana", NOON, declared()).id
        other = store.declare("ana", NOON, declared()).id
        run = a_run(journal, incident)
        found = store.load(incident)
        assert [event.kind for event in found.timeline] == ["declared", "run"]
        (landed,) = found.runs
        assert (landed.run, journal.find(landed.shown).id, landed.verdict, landed.seconds) == (run, run, "fixed", 32)
        assert landed.serving_again_seconds == 1.9
        assert [one.evidence for one in landed.changes] == ["new InvocationID"]
        assert [one.code for one in landed.refusals] == ["unit-masked"]
        assert [one.why for one in landed.human_steps] == ["scale it"]
        assert (found.status, found.fixed_at) == (IncidentStatus.MONITORING, minutes(3) + timedelta(seconds=32))
        assert store.load(other).runs == ()


def test_a_run_that_never_ended_is_told_as_one(store: IncidentStore, url: str) -> None:
    with store, Journal.open(url) as journal:
        incident = store.declare("ana", NOON, declared()).id
        a_run(journal, incident, finished=False)
        (landed,) = store.load(incident).runs
        assert (landed.verdict, [one.remedy for one in landed.steps]) == (None, ["php-fpm.restart"])
        assert landed.changes == ()
        told = entries(store.load(incident))[-1].title
        assert told.startswith("fix.app-down on web1: running, or never ended"), "it may be running just now"
        journal.justify(landed.run, "BREAK-GLASS")
        journal.justify(landed.run, "nobody answers")
        assert entries(store.load(incident))[-1].details[0].endswith("BREAK-GLASS; nobody answers")


def test_a_run_from_before_can_be_attached_once(store: IncidentStore, url: str) -> None:
    with store, Journal.open(url) as journal:
        run = a_run(journal, None)
        incident = store.declare("ana", minutes(10), declared(), runs=[run, run])
        assert [one.run for one in incident.runs] == [run]
        assert [event.kind for event in incident.timeline] == ["run", "declared", "attached"]


def test_a_report_of_a_later_version_costs_only_its_details(store: IncidentStore, url: str) -> None:
    with store, Journal.open(url) as journal:
        incident = store.declare("ana", NOON, declared()).id
        run = a_run(journal, incident)
        with store.database.writing() as connection:
            connection.execute(text("UPDATE runs SET report = '{}'"))
        (landed,) = store.load(incident).runs
        assert isinstance(landed, RunLanded)
        assert (landed.run, landed.verdict, len(landed.steps)) == (run, None, 1)


# Where it is


def test_a_project_names_the_database_of_its_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pyproject.toml"
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)

    def named(value: str) -> str | None:
        file.write_text(f"[tool.remediate]\njournal = {value}\n")
        return Project(tmp_path).journal()

    assert named('"postgresql://db/remediate"') == "postgresql://db/remediate"
    monkeypatch.setenv("TEAM_JOURNAL", "postgresql://ana:secret@db/x")
    assert named('"env:TEAM_JOURNAL"') == "postgresql://ana:secret@db/x"
    for wrong in ('"postgresql://ana:secret@db/x"', "3", '"env:NOT_SET_ANYWHERE"'):
        with pytest.raises(ConfigurationError) as error:
            named(wrong)
        assert "secret" not in str(error.value)
    monkeypatch.setenv("REMEDIATE_JOURNAL", "postgresql://other/x")
    assert named('"postgresql://db/remediate"') is None
    assert Project(None).journal() is None


def test_a_project_is_where_it_is_or_what_its_team_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "ops"
    root.mkdir()
    file = root / "pyproject.toml"
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)

    def called(text: str) -> str:
        file.write_text(text)
        return Project(root).identity()

    assert called("[tool.remediate]\n") == str(root), "in a user's own journal there may be two of one name"
    assert called('[tool.remediate]\nproject = "acme"\n') == "acme"
    shared = '[tool.remediate]\njournal = "env:NOT_SET_ANYWHERE"\n'
    assert called(shared) == "ops", "colleagues have their checkouts elsewhere"
    assert called(f'[project]\nname = "acme-ops"\n{shared}') == "acme-ops"
    for wrong in ('""', "3", '"a\\nb"'):
        with pytest.raises(ConfigurationError, match="project takes a name"):
            called(f"[tool.remediate]\nproject = {wrong}\n")
    monkeypatch.setenv("REMEDIATE_JOURNAL", "postgresql://other/x")
    assert called("[tool.remediate]\n") == "ops"
    assert Project(None).identity() == ""


def test_the_environment_names_a_database_for_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATE_JOURNAL", f"sqlite:///{tmp_path}/other.sqlite3")
    with IncidentStore.open() as store, Journal.open() as journal:
        incident = store.declare("ana", datetime.now(UTC), declared()).id
        a_run(journal, incident)
        assert len(store.load(incident).runs) == 1
    assert (tmp_path / "other.sqlite3").is_file()
