"""Commands of an open incident: claimed, contained, told, seen."""

from datetime import timedelta
from pathlib import Path

import pytest

from remediate.commands import declare as declaring
from remediate.commands.given import Begun, options_of, selected
from remediate.commands.incident_context import IncidentReport, open_context
from remediate.commands.incident_registry import incident_commands
from remediate.commands.run import run_from_flags
from remediate.core.options import Options
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError
from remediate.incident.events import Updated
from remediate.incident.store import IncidentStore
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.journal import Journal
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from support.incident_desk import INSIDE, TERMINAL, Desk, broken, keep_triage
from support.incidents import DOWN, HEALTHY
from support.scripted import FactSession
from support.toy_incidents import NOON
from support.toys import document

# -- claimed, contained, told ------------------------------------------------------------------------------------------


def test_one_person_has_it(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    desk("declare", title="x", severity="1", unclaimed=True)
    assert desk.incident.acknowledged_at is None
    assert desk.after(20)("acknowledge", commander="ben") == 0
    assert "after the 15 minutes that SEV-1 allows" in desk.out
    assert desk.after(21)("acknowledge", commander="ben") == 0
    assert desk.after(22)("acknowledge", commander="cleo") == 5
    assert "ben has it since 12:20Z: --take-over" in desk.out
    assert desk.after(23)("acknowledge", commander="cleo", take_over=True) == 0
    assert desk.incident.commander == "cleo"
    assert desk.incident.acknowledged_at == NOON + timedelta(minutes=20)


def test_what_is_written_down_is_on_the_timeline(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    for name, flag in (("contain", "action"), ("identify", "cause"), ("note", "text")):
        assert desk(name, **{flag: f"the {name}"}) == 0
        with pytest.raises(ConfigurationError, match=f"--{flag} is missing"):
            desk(name)
    assert (desk.incident.containments, desk.incident.cause) == (("the contain",), "the identify")
    assert desk.incident.status is IncidentStatus.IDENTIFIED
    desk("timeline")
    for words in ("contained", "the contain", "root cause identified", "the note"):
        assert words in desk.out


def test_an_update_is_shown_and_sent_only_when_asked(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", impact="shoppers")
    desk.after(10)("update", cause="full disk", eta="13:00")
    found = desk.incident
    assert (found.status, found.cause) == (IncidentStatus.IDENTIFIED, "full disk")
    assert found.last_update_at == NOON + timedelta(minutes=10)
    assert "- ETA: 13:00" in desk.out
    assert "[Identified] Shop closed" in desk.out
    assert desk.messages == ""
    desk.after(20)("update", status="monitoring", send=True)
    assert "update to file: sent" in desk.out
    assert "Status: Monitoring" in desk.messages
    assert (desk.root / "status-page" / "index.html").is_file()


def test_a_setting_sends_too_and_what_is_internal_is_not_for_the_public(desk: Desk) -> None:
    desk.settings("[tool.remediate.incidents]\nsend = true\n")
    desk("declare", title="Shop closed", severity="1", internal_only=True)
    assert "SEV-1 Incident Declared" in desk.messages
    assert not (desk.root / "status-page").exists()


@pytest.mark.parametrize("status", ["resolved", "over"])
def test_an_update_does_not_resolve(desk: Desk, status: str) -> None:
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match="--status takes Investigating, Identified, Monitoring"):
        desk("update", status=status)
    assert not [event for event in desk.incident.timeline if isinstance(event.data, Updated)]


def test_an_update_that_cannot_be_said_is_not_written_down(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    for kind in ("update", "status"):
        file = broken(desk, kind)
        with pytest.raises(ConfigurationError, match="severty"):
            desk("update", cause="full disk", send=True)
        file.unlink()
    assert (desk.incident.cause, desk.incident.last_update) == (None, None)


def test_an_update_that_was_only_shown_leaves_the_next_one_due(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    desk("declare", title="x", severity="1")
    desk.after(10)("update")
    assert "next    update by 12:30Z" in desk.out
    desk.after(20)("update", send=True)
    assert "next    update by 12:50Z" in desk.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"eta": "in\x07a minute"}, "--eta takes text without control characters, up to 8000$"),
        ({"eta": "x" * 8001}, "--eta takes text without control characters, up to 8000$"),
        ({"public_title": " "}, "--public-title takes text without control characters, not empty, up to 500$"),
        ({"state": "caf\udce9"}, "--state takes text: this is not UTF-8$"),
    ],
)
def test_limits_are_said_as_they_are(desk: Desk, flags: dict[str, object], words: str) -> None:
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match=f"^{words}"):
        desk("update", **flags)


@pytest.mark.parametrize("name", ["a\nb", "caf\udce9", "\x1b[2J", " ", "x" * 5000])
def test_whoever_has_an_odd_name_can_declare(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: name)
    with open_context({"title": "x", "severity": "1", "send": True}, desk.project, TERMINAL, program="invoke") as room:
        assert declaring.declare(room) == 0
    assert desk.incident.acknowledged_by
    assert desk.incident.declared_by.isprintable()


# -- seen --------------------------------------------------------------------------------------------------------------


def test_it_is_listed_told_and_printed_as_a_document(desk: Desk) -> None:
    desk("list")
    assert "no incidents yet" in desk.out
    desk("declare", title="Shop | closed", severity="2")
    desk.after(45)("list")
    assert "SEV-2  Investigating  Shop | closed   45 min   update OVERDUE" in desk.out
    desk("list", json=True)
    document("incidents", desk.out)
    desk("timeline")
    assert "escalate to Product, Support: customer-facing impact for over 1 h" in desk.out
    desk("timeline", markdown=True)
    assert "- SEV-2 declared: Shop \\| closed (ana@desk)" in desk.out.replace("12:00 - ", "")
    desk("timeline", json=True)
    report = IncidentReport.model_validate_json(desk.out)
    assert report.incident == desk.incident
    assert [each.kind.value for each in report.due] == ["update", "escalate"]
    document("incident", desk.out)


def test_a_run_names_an_incident_that_exists(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    with IncidentStore.open() as store:
        shown = store.shown(desk.incident.id)
    asked: list[object] = []

    def connect(host: object) -> FactSession:
        asked.append(host)
        return FactSession(HEALTHY)

    with pytest.raises(ConfigurationError, match="no incident begins like that"):
        run(app_down, (INSIDE,), connect=connect, options=Options(plan=True, incident="INC-7"))
    assert asked == []
    report = run(app_down, (INSIDE,), connect=connect, options=Options(plan=True, incident=shown))
    assert report.incident == desk.incident.id
    assert [one.verdict for one in desk.incident.runs] == ["healthy"]


def test_another_projects_incidents_are_not_this_ones(desk: Desk, tmp_path: Path) -> None:
    """One journal for each user, whatever they work on: nobody's customers read of another's outage."""
    other = Desk(tmp_path / "other")
    other.settings("")
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare", title="Acme checkout down", severity="1", send=True)
    acme = desk.incident.id
    desk.after(0)("list")
    assert "Acme" in desk.out
    for command in ("list", "update", "timeline"):
        if command == "list":
            assert other(command) == 0
        else:
            with pytest.raises(ConfigurationError):
                other(command)
        assert "Acme" not in other.out
    with pytest.raises(ConfigurationError, match=rf"{acme} belongs to {desk.root}: .*`project`"):
        other("update", incident=acme, send=True)
    flags = {"host": "web1", "incident": acme, "plan": True}
    begun = Begun(selected(flags, other.project, TERMINAL), options_of(flags), lambda _: FactSession(HEALTHY))
    with pytest.raises(ConfigurationError, match=rf"belongs to {desk.root}"):
        run_from_flags(app_down, begun, flags, other.project, TERMINAL, program="invoke")
    assert desk.incident.runs == ()
    with pytest.raises(ConfigurationError, match="how bad is it"):
        other("declare")  # that triage was of another project's hosts
    other("declare", title="Globex search down", severity="1", send=True)
    page = (other.root / "status-page" / "index.html").read_text()
    assert "Globex" in page
    assert "Acme" not in page + other.out
    assert "Globex" not in (desk.root / "status-page" / "index.html").read_text()
    desk("update", send=True)
    assert "Globex" not in (desk.root / "status-page" / "index.html").read_text()


def test_every_incident_command_is_in_the_contract() -> None:
    names = {command.name.partition(".")[2] for command in incident_commands(Project(None))}
    fixed = {"declare", "acknowledge", "update", "escalate", "resolve", "timeline", "postmortem", "list", "watch"}
    assert fixed <= names
    assert names - fixed == {"contain", "identify", "note"}


def test_the_journal_is_not_needed_for_nothing(desk: Desk) -> None:
    Journal.open().close()
    desk("list", open=True)
    assert "no incident is open" in desk.out
