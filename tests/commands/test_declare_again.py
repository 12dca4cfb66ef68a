"""Declaring while one is open: whose triage and whose runs they are."""

import re
from datetime import timedelta

import pytest

from remediate.commands import declare as declaring
from remediate.commands.incident_context import IncidentContext
from remediate.commands.terminal import Terminal
from remediate.core.options import Options
from remediate.core.playbook import Severity
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError
from remediate.incident.store import AlreadyDeclared, IncidentStore
from remediate.playbooks.app_down import app_down
from support.incident_desk import INSIDE, Desk, keep_triage
from support.incidents import DOWN, HEALTHY
from support.scripted import FactSession


def test_what_is_open_already_is_said(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1")
    assert "already open" not in desk.out
    desk("declare", title="Search down", severity="2")
    assert re.search("^already open: [0-9a-f]+ SEV-1 Shop closed$", desk.out, re.MULTILINE)


@pytest.mark.parametrize(("answer", "code", "number"), [("", 5, 1), ("n", 5, 1), ("y", 0, 2)])
def test_a_person_is_asked_whether_it_is_another_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, number: int
) -> None:
    desk("declare", title="Shop closed", severity="1")
    monkeypatch.setattr(Terminal, "ask", lambda *_: answer)
    with desk.room(title="Shop closed", severity="1") as room:
        assert declaring.declare(room._replace(terminal=room.terminal._replace(interactive=True))) == code
    with IncidentStore.open() as store:
        assert len(store.ids()) == number


def test_a_triage_is_evidence_of_one_incident(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    with pytest.raises(ConfigurationError, match="how bad is it"):
        desk.after(5)("declare")
    desk("declare", title="Mails late", severity="3")
    with IncidentStore.open() as store:
        (other,) = store.incidents(limit=1)
    assert (other.hosts, other.playbook, other.impact) == ((), None, "")


def test_what_was_looked_at_again_since_is_no_evidence_of_another_incident(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk.after(5)
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    with pytest.raises(ConfigurationError, match="how bad is it"):
        desk.after(5)("declare")
    keep_triage(desk, HEALTHY)
    with pytest.raises(ConfigurationError, match="how bad is it"):
        desk.after(5)("declare")


def test_two_who_declare_at_the_same_moment_declare_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})

    def meanwhile(room: IncidentContext) -> bool:
        """Between reading the triage and writing: somebody else is faster."""
        monkeypatch.setattr(declaring, "_another", lambda _: True)
        assert desk("declare", send=True) == 0
        return True

    monkeypatch.setattr(declaring, "_another", meanwhile)
    with pytest.raises(AlreadyDeclared, match="has just been declared from the same triage"):
        desk("declare", send=True)
    with IncidentStore.open() as store:
        assert len(store.ids()) == 1
    assert desk.messages.count("Incident Declared") == 1


def test_a_triage_tells_nothing_of_what_is_called_otherwise_unless_a_host_is_named(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    with pytest.raises(ConfigurationError, match="how bad is it"):
        desk("declare", title="Mails late")
    desk("declare", title="Shop closed", host="web1")
    assert (desk.incident.playbook, desk.incident.severity) == ("app-down", Severity.SEV1)


def test_a_run_belongs_to_one_incident(desk: Desk) -> None:
    report = run(app_down, (INSIDE,), connect=lambda _: FactSession({**HEALTHY, **DOWN}), options=Options(plan=True))
    desk.now = report.started + timedelta(seconds=1)
    desk("declare", title="Mails late", severity="3", first_alert="2h")
    assert desk.incident.runs == (), "without a host, nothing tells that a run is about it"
    desk("declare", title="Shop closed", severity="1", host="web1", first_alert="2h")
    desk("declare", title="Shop slow", severity="2", host="web1", first_alert="2h")
    with IncidentStore.open() as store:
        slow, closed, _ = store.incidents()
    assert ([one.run for one in closed.runs], slow.runs) == ([report.run], ())
    with pytest.raises(ConfigurationError, match="belongs to incident"):
        desk("declare", title="z", severity="1", run=[report.run])
