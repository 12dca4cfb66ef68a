"""A whole incident on scripted hosts and a fake clock: output, record and refusals."""

import io
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import remediate.commands.resolve as resolving
from remediate.commands import declare as declaring
from remediate.commands import escalate as escalating
from remediate.commands import incident as incidents
from remediate.commands.given import Begun, options_of, selected
from remediate.commands.incident_context import IncidentContext, IncidentReport, open_context
from remediate.commands.incident_registry import incident_commands
from remediate.commands.parsing import moment_of
from remediate.commands.run import run_from_flags
from remediate.commands.terminal import Terminal
from remediate.commands.watch import IncidentWatch
from remediate.core.options import Options
from remediate.core.playbook import Severity
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError, JournalError
from remediate.incident.events import Updated
from remediate.incident.outbox import Outbox
from remediate.incident.record import Incident
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import AlreadyDeclared, IncidentStore
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.journal import Journal
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.triage.triage import Candidate as Suspect
from remediate.triage.triage import triage
from support.incidents import DOWN, HEALTHY
from support.incidents import broken as sick
from support.incidents import host as example
from support.scripted import Changes, FactSession
from support.toy_incidents import NOON
from support.toys import document

INSIDE = example(site_vantage=["host"])
"""Nothing is asked over the network of whoever runs the tests."""
INVENTORY = """
web: {hosts: {web1: {ansible_host: 192.0.2.1, remediate: {site_url: "https://example.com/", php: php8.2}}}}
"""


TERMINAL = Terminal(MaskedWriter(io.StringIO(), Masker()), MaskedWriter(io.StringIO(), Masker()), interactive=False)


class Desk:
    """One project, and commands typed in it at moments of one's choosing."""

    def __init__(self, root: Path) -> None:
        (root / "inventories").mkdir(parents=True)
        (root / "inventories" / "prod.yml").write_text(INVENTORY)
        self.settings("")
        self.project = Project(root)
        self.root = root
        self.now = NOON
        self.out = ""

    def settings(self, text: str) -> None:
        root = getattr(self, "root", None) or Path()
        if root != Path():
            (root / "pyproject.toml").write_text(f"[tool.remediate]\n{text}")

    @contextmanager
    def room(self, **flags: object) -> Iterator[IncidentContext]:
        out, err = io.StringIO(), io.StringIO()
        masker = Masker()
        terminal = Terminal(MaskedWriter(out, masker), MaskedWriter(err, masker), interactive=False)
        with open_context(flags, self.project, terminal, program="invoke") as room:
            outbox = Outbox(room.store.database, project=room.store.project, clock=lambda: self.now)
            yield room._replace(now=self.now, who="ana@desk", notifier=replace(room.notifier, outbox=outbox))
        terminal.out.flush()
        self.out = out.getvalue()

    def __call__(self, name: str, **flags: object) -> int:
        command = {
            "declare": declaring.declare,
            "acknowledge": incidents.acknowledge,
            "contain": incidents.contain,
            "identify": incidents.identify,
            "note": incidents.note,
            "update": incidents.update,
            "escalate": escalating.escalate,
            "list": incidents.list_incidents,
            "timeline": incidents.timeline,
            "resolve": resolving.resolve,
            "postmortem": resolving.postmortem,
        }[name]
        with self.room(**flags) as room:
            return command(room)

    def after(self, minutes: float) -> "Desk":
        self.now = NOON + timedelta(minutes=minutes)
        return self

    @property
    def incident(self) -> Incident:
        with IncidentStore.open() as store:
            return store.current(None, or_newest=True)

    @property
    def messages(self) -> str:
        file = self.root.parent / "state" / "messages.txt"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)
    desk = Desk(tmp_path / "project")
    desk.settings("")
    return desk


def keep_triage(desk: Desk, state: Changes) -> None:
    report = triage((INSIDE,), (app_down,), connect=lambda _: FactSession(state))
    report = report.model_copy(update={"started": desk.now})
    with IncidentStore.open(project=desk.project.identity()) as store:
        store.keep_triage(report.operator, report.started, report.model_dump_json(by_alias=True))


def answering(monkeypatch: pytest.MonkeyPatch, state: Changes) -> None:
    """The hosts of the inventory answer like this when a check asks them."""
    monkeypatch.setattr(resolving, "select", lambda *_: (INSIDE,))
    monkeypatch.setattr(resolving, "run", partial(run, connect=lambda _: FactSession(state)))


# -- declared ----------------------------------------------------------------------------------------------------------


def test_a_declaration_begins_with_what_triage_saw(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    assert desk.after(5)("declare") == 0
    found = desk.incident
    assert (found.severity, found.title, found.playbook) == (Severity.SEV1, "App down on web1", "app-down")
    assert (found.hosts, found.commander, found.acknowledged_by) == (("web1",), "ana", "ana@desk")
    assert "service accessible? no (seen)" in found.severity_reason
    assert found.impact == "The service cannot be used, all users are affected"
    assert "@here SEV-1 Incident Declared: App down on web1" in desk.out
    assert "not sent" in desk.out
    assert "--incident" in desk.out
    assert desk.messages == ""


def test_whoever_declares_it_is_shown_the_links(desk: Desk) -> None:
    desk.settings(
        """
        [tool.remediate.incidents.links]
        "Deployment runbook" = "https://wiki.example.com/deploy"
        "Provider's status" = "https://status.example.com/"
        """
    )
    tracking = 'links: {error_tracking: "https://errors.example.com/"}, php'
    (desk.root / "inventories" / "prod.yml").write_text(INVENTORY.replace("php", tracking, 1))
    desk("declare", title="Site down", severity="1", host="web1")
    assert [line.split(maxsplit=1)[1] for line in desk.out.splitlines() if line.startswith("link ")] == [
        "Deployment runbook: https://wiki.example.com/deploy",
        "Provider's status: https://status.example.com/",
        "error tracking: https://errors.example.com/",
    ]
    # An inventory that cannot be read keeps nobody from declaring what triage has seen.
    keep_triage(desk, {**HEALTHY, **DOWN})
    (desk.root / "inventories" / "prod.yml").write_text("web: [")
    assert desk("declare") == 0
    assert "Provider's status" in desk.out


def test_the_public_reads_what_a_person_gives_from_declaration_to_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, HEALTHY)
    desk("declare", title="Payments delayed", severity="1", public="Payments take longer.", send=True)
    assert "[Investigating] Payments delayed\n    Payments take longer.\n" in desk.messages
    desk("resolve", override="seen", public="All payments are now processing normally.", send=True)
    assert "[Resolved] Payments delayed\n    All payments are now processing normally.\n    Duration: " in desk.messages


def test_an_incident_that_is_handed_over_is_declared_as_what_it_is(desk: Desk) -> None:
    suspect = Suspect(
        playbook="certificate-expiry",
        severity=Severity.SEV1,
        matches=True,
        causes=("incident.hand-over: php8.2-fpm: inactive [app-down]",),
        codes=("app-down",),
        mends=False,
        evidence=("https://example.com/ 502 (from the host)",),
        against=(),
        unknown=(),
    )
    own = suspect.model_copy(update={"codes": ("config-broken", "app-down")})
    assert (declaring._whose(suspect), declaring._whose(own)) == ("app-down", "certificate-expiry")


def test_a_person_knows_better_than_triage(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare", severity="sev2", title="Shop closed", reason="only the shop", impact="shoppers", commander="ben")
    found = desk.incident
    assert (found.severity, found.severity_reason, found.title) == (Severity.SEV2, "only the shop", "Shop closed")
    assert (found.impact, found.commander) == ("shoppers", "ben")


def test_an_old_triage_and_one_of_other_hosts_count_for_nothing(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    with pytest.raises(ConfigurationError, match="how bad is it"):
        desk.after(121)("declare", title="x")
    keep_triage(desk.after(0), HEALTHY)
    with pytest.raises(ConfigurationError, match="what is it called"):
        desk.after(130)("declare", severity="1")
    with pytest.raises(ConfigurationError, match="no host"):
        desk("declare", severity="1", host="elsewhere")


def test_runs_since_it_was_noticed_belong_to_it(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    session = FactSession({**HEALTHY, **DOWN})
    report = run(app_down, (INSIDE,), connect=lambda _: session, options=Options(plan=True))
    desk.now = report.started + timedelta(seconds=1)
    with IncidentStore.open(project=desk.project.identity()) as store:
        store.keep_triage("x", report.started - timedelta(minutes=1), triage_text(report.started))
    desk("declare")
    assert [one.run for one in desk.incident.runs] == [report.run]
    desk("note", text="and another")
    assert len(desk.incident.runs) == 1


def triage_text(moment: datetime) -> str:
    report = triage((INSIDE,), (app_down,), connect=lambda _: FactSession({**HEALTHY, **DOWN}))
    started = moment - timedelta(minutes=1)
    return report.model_copy(update={"started": started}).model_dump_json(by_alias=True)


def test_a_severity_that_was_given_says_so(desk: Desk) -> None:
    desk("declare", title="x", severity="3")
    assert "because it was given\n" in desk.out


def test_nobody_claims_it_for_somebody_else(desk: Desk) -> None:
    desk("declare", title="x", severity="1", commander="bob")
    assert (desk.incident.commander, desk.incident.acknowledged_at) == ("bob", None)
    assert "commander bob, who has not claimed it yet" in desk.out
    desk("declare", title="y", severity="1", commander="ana")
    with IncidentStore.open() as store:
        assert store.incidents(limit=1)[0].acknowledged_by == "ana@desk"


@pytest.mark.parametrize("kind", ["declaration", "status"])
def test_what_cannot_be_said_is_not_declared(desk: Desk, kind: str) -> None:
    broken(desk, kind)
    for send in (True, False):
        with pytest.raises(ConfigurationError, match="severty"):
            desk("declare", title="x", severity="1", send=send)
    with pytest.raises(ConfigurationError, match="no incident"):
        _ = desk.incident


def test_what_nobody_would_get_is_not_declared(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents.channels.calls]\nkind = "file"\naudiences = ["person"]\n')
    with pytest.raises(ConfigurationError, match="no channel takes what is internal"):
        desk("declare", title="x", severity="1", send=True)
    with pytest.raises(ConfigurationError, match="no incident"):
        _ = desk.incident


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


def test_the_public_does_not_read_what_our_hosts_are_called(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, HEALTHY)
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare", send=True)
    desk("update", send=True)
    desk("resolve", send=True)
    for status in ("Investigating", "Resolved"):
        assert f"[{status}] App down\n" in desk.messages
    assert "Declared: App down on web1" in desk.messages
    for file in ("index.html", "feed.atom"):
        assert "web1" not in (desk.root / "status-page" / file).read_text()


def test_the_public_knows_it_by_the_name_that_it_is_given(desk: Desk) -> None:
    desk("declare", title="nginx on web1", severity="1", public_title="Our shop", send=True)
    assert "[Investigating] Our shop\n" in desk.messages
    desk("update", public_title="Checkout", send=True)
    desk("resolve", override="seen", send=True)
    assert "[Resolved] Checkout\n" in desk.messages
    assert "nginx" not in (desk.root / "status-page" / "index.html").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"severity": "5"}, "--severity takes SEV-1, SEV-2, SEV-3 or SEV-4"),
        ({"severity": "1", "users": "none"}, "--users takes all, many, few"),
        ({"severity": "1", "detected": "luck"}, "--detected takes monitoring, user, internal"),
        ({"severity": "1", "first_alert": "yesterday"}, "--first-alert takes 14:02"),
        ({"severity": "1", "title": "two\nlines"}, "--title takes text without control characters"),
        ({"severity": "1", "run": ["7f3a"]}, "no run begins like that"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_declared(desk: Desk, flags: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match="^" + words.replace("(", r"\(")):
        desk("declare", **{"title": "x", **flags})
    with pytest.raises(ConfigurationError, match="no incident"):
        _ = desk.incident


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("12m", -12), ("2h ago", -120), ("11:50", -10), ("12:30", 30 - 1440), ("2026-11-23T12:05+01:00", -55)],
)
def test_a_moment_is_typed_as_people_say_it(text: str, minutes: float) -> None:
    settings = IncidentSettings(timezone="UTC")
    assert moment_of(text, "first-alert", settings, NOON) == NOON + timedelta(minutes=minutes)


# -- claimed, contained, told, escalated -------------------------------------------------------------------------------


def test_one_person_has_it(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    desk("declare", title="x", severity="1", unclaimed=True)
    assert desk.incident.acknowledged_at is None
    assert desk.after(20)("acknowledge", commander="ben") == 0
    assert "after the 15 minutes that SEV-1 allows" in desk.out
    assert desk.after(21)("acknowledge", commander="ben") == 0
    assert desk.after(22)("acknowledge", commander="cleo") == 5
    assert "ben has it since 12:20 (12:20Z): --take-over" in desk.out
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


def test_whom_the_matrix_wants_is_called_in(desk: Desk) -> None:
    desk.settings(
        '[tool.remediate.incidents]\ntimezone = "UTC"\n'
        '[tool.remediate.incidents.contacts.tech-lead]\nprimary = "Tess"\n'
    )
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match=r"nobody is due yet; at .* it is tech-lead"):
        desk.after(10)("escalate")
    assert desk.after(31)("escalate", send=True) == 0
    assert "call    Tech Lead: Tess by Phone/Slack" in desk.out
    assert "SEV-1 needs you" in desk.messages
    (made,) = desk.incident.escalations
    assert (made.roles, made.people) == (("tech-lead",), ("Tech Lead: Tess by Phone/Slack",))
    desk.after(32)("escalate", situation="breach")
    assert [each.value for each in desk.incident.situations] == ["breach"]
    assert "nobody is named: set legal in contacts" in desk.out
    assert len(desk.incident.escalations) == 1, "who was only shown has not been called in"
    assert "nobody was called in: --send sends it" in desk.out
    desk.after(33)("escalate", to="devops", why="the disk", send=True)
    assert desk.incident.escalations[-1].reason == "the disk"
    for flags, words in (({"to": "king"}, "no role 'king'"), ({"situation": "rain"}, "--situation takes")):
        with pytest.raises(ConfigurationError, match=words):
            desk("escalate", **flags)


@pytest.mark.parametrize("roles", [",", " , ,"])
def test_nobody_is_no_role(desk: Desk, roles: str) -> None:
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match="--to takes: on-call, tech-lead"):
        desk("escalate", to=roles)


def broken(desk: Desk, kind: str) -> Path:
    templates = desk.root / "incidents" / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    file = templates / f"{kind}.txt.j2"
    file.write_text("{{ severty }}")
    return file


def test_whom_nothing_can_reach_is_not_recorded_as_called(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    file = broken(desk, "escalation")
    with pytest.raises(ConfigurationError, match="severty"):
        desk.after(31)("escalate", send=True)
    assert not desk.incident.escalations
    file.unlink()
    assert desk("escalate", send=True) == 0
    assert [one.roles for one in desk.incident.escalations] == [("tech-lead",)]


def test_whoever_is_killed_between_calling_and_writing_it_down_calls_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk("declare", title="x", severity="1")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(escalating, "_escalated", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.after(31)("escalate", send=True)
    assert not desk.incident.escalations
    assert desk("escalate", send=True) == 0
    assert len(desk.incident.escalations) == 1
    assert desk.messages.count("needs you") == 1


def test_a_call_is_not_lost_to_a_setting(desk: Desk) -> None:
    desk.settings(
        '[tool.remediate.incidents.channels.slack]\nkind = "apprise"\nreference = "env:NO"\naudiences = ["internal"]\n'
    )
    desk("declare", title="x", severity="1")
    assert desk.after(31)("escalate", send=True) == 0
    assert "escalation to messages.txt: sent" in desk.out
    assert "escalation to this terminal: sent" in desk.out
    assert "SEV-1 needs you" in desk.messages


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
    assert "next    update by 12:30 (12:30Z)" in desk.out
    desk.after(20)("update", send=True)
    assert "next    update by 12:50 (12:50Z)" in desk.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"eta": "in\x07a minute"}, "--eta takes text without control characters$"),
        ({"eta": "x" * 8001}, "--eta takes up to 8000 characters$"),
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
    assert "(13:00Z): escalate to Product, Support: customer-facing impact for over 1 h" in desk.out
    desk("timeline", markdown=True)
    assert "- SEV-2 declared: Shop \\| closed (ana@desk)" in desk.out.replace("12:00 - ", "")
    desk("timeline", json=True)
    report = IncidentReport.model_validate_json(desk.out)
    assert report.incident == desk.incident
    assert [each.kind.value for each in report.due] == ["update", "escalate"]
    document("incident", desk.out)


# -- resolved ----------------------------------------------------------------------------------------------------------


def test_nothing_is_resolved_while_its_symptom_is_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    answering(monkeypatch, {**HEALTHY, **DOWN})
    assert desk("resolve") == 5
    assert "NOT RESOLVED: app-down on web1 is refused\n" in desk.out
    with IncidentStore.open() as store:
        shown = store.shown(desk.incident.id)
    assert f"next    invoke check.app-down --host web1 --incident {shown}\n        or add --override" in desk.out
    answering(monkeypatch, sick("nginx down"))
    assert desk("resolve") == 5
    assert f"next    invoke fix.app-down --host web1 --incident {shown}\n        or add --override" in desk.out
    assert desk.incident.open
    check, _ = desk.incident.runs
    assert (check.playbook, check.mode) == ("app-down", "plan")
    assert desk("resolve", override="the page is cached for everybody") == 0
    assert (desk.incident.open, desk.incident.override) == (False, "the page is cached for everybody")


@pytest.mark.usefixtures("interruptible")
def test_a_check_that_is_interrupted_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")

    def connect(_: object) -> FactSession:
        os.kill(os.getpid(), signal.SIGINT)
        return FactSession(HEALTHY)

    monkeypatch.setattr(resolving, "run", partial(run, connect=connect))
    assert desk("resolve") == 130
    assert "NOT RESOLVED: interrupted" in desk.out
    assert (desk.incident.open, [one.verdict for one in desk.incident.runs]) == (True, ["interrupted"])


def test_what_is_healthy_is_resolved_told_and_written_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    answering(monkeypatch, HEALTHY)
    assert desk("resolve", send=True, override="not needed") == 0
    found = desk.incident
    assert (found.status, found.override) == (IncidentStatus.RESOLVED, "")
    assert [(one.playbook, one.host, one.verdict) for one in found.confirmed] == [("app-down", "web1", "healthy")]
    assert "services      app-down on web1: healthy" in desk.out
    assert "[Resolved]" in desk.messages
    assert found.postmortem_at is not None
    assert found.postmortem_path is not None
    file = desk.root / found.postmortem_path
    assert "# Post-Mortem: App down on web1" in file.read_text()
    assert desk("resolve", incident=found.id, send=True) == 0
    assert "was announced before: not sent again" in desk.out
    assert desk.messages.count("[Resolved]") == 1
    with pytest.raises(ConfigurationError, match="no incident is open"):
        desk("update")

    file.write_text(file.read_text().replace("*To be written.*", "It was the disk.", 1))
    desk("note", text="the disk was replaced")
    assert desk("postmortem") == 0
    assert "left as people wrote it: root-cause" in desk.out
    assert "It was the disk." in file.read_text()
    assert "the disk was replaced" in file.read_text()


def test_whoever_was_interrupted_after_the_end_can_still_tell_everybody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk("declare", title="Shop closed", severity="1", send=True)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(resolving, "_walk", killed)
        with pytest.raises(KeyboardInterrupt):
            desk("resolve", override="seen", send=True)
    assert not desk.incident.open
    assert "[Resolved]" not in desk.messages
    for _ in range(2):
        assert desk("resolve", send=True) == 0
        assert desk.messages.count("[Resolved]") == 1
        assert desk.messages.count("Incident Resolved") == 1
    assert len([event for event in desk.incident.timeline if event.kind == "resolved"]) == 1
    assert desk.incident.postmortem_path is not None


def test_what_was_only_shown_at_the_end_is_sent_by_asking_again(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", send=True)
    assert desk("resolve", override="seen") == 0
    assert "not everybody was told: invoke incident.resolve --incident" in desk.out
    assert "[Resolved]" not in desk.messages
    assert desk("resolve", send=True) == 0
    assert "[Resolved] Shop closed" in desk.messages


def test_the_public_that_was_told_is_told_of_the_end_however_harmless_it_has_become(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", send=True)
    desk.after(5)("update", severity="3", state="only slow", send=True)
    assert desk.messages.count("[Investigating] Shop closed") == 2
    desk("resolve", override="seen", send=True)
    assert "[Resolved] Shop closed" in desk.messages
    page = (desk.root / "status-page" / "index.html").read_text()
    assert "No known incidents" in page


def test_the_public_is_not_told_of_what_was_never_public(desk: Desk) -> None:
    desk("declare", title="Slow search", severity="3", send=True)
    desk("resolve", override="seen", send=True)
    assert "[Resolved]" not in desk.messages


@pytest.mark.parametrize(
    ("text", "later"),
    [("13:00", 60), ("11:00", 1380), ("12:00", 1440), ("2026-11-24T10:00+00:00", 1320)],
)
def test_a_post_mortem_is_held_at_the_next_such_time(text: str, later: float) -> None:
    settings = IncidentSettings(timezone="UTC")
    assert moment_of(text, "postmortem-at", settings, NOON, ahead=True) == NOON + timedelta(minutes=later)


@pytest.mark.parametrize("text", ["2026-11-22T10:00+00:00", "2h", "12m", "25:00", "soon"])
def test_a_post_mortem_is_not_held_in_the_past(text: str, desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    with pytest.raises(ConfigurationError, match=r"^--postmortem-at.*(is past|takes 10:00)"):
        desk("resolve", override="seen", postmortem_at=text)
    assert desk.incident.open


def test_a_post_mortem_that_people_have_written_is_done(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    desk("resolve", override="seen")
    found = desk.incident
    assert (found.postmortem_path is not None, found.postmortem_written) == (True, False)
    file = desk.root / str(found.postmortem_path)
    file.write_text(file.read_text().replace("*To be written.*", "It was the disk.", 1))
    desk("postmortem")
    desk("postmortem")
    assert desk.incident.postmortem_written
    assert len([event for event in desk.incident.timeline if event.kind == "postmortem"]) == 2


def test_without_a_check_only_a_person_can_say_that_it_is_over(desk: Desk) -> None:
    desk("declare", title="Phones ring", severity="3")
    assert desk("resolve") == 5
    assert "no check can say that it is over" in desk.out
    assert desk("resolve", override="they stopped") == 0
    assert desk.incident.postmortem_path is None


def test_a_check_that_cannot_be_run_is_a_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    (desk.root / "inventories" / "prod.yml").write_text("web: {hosts: {web9: {}}}\n")
    assert desk("resolve") == 5
    assert "app-down on web1 is not asked" in desk.out


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


# -- watched -----------------------------------------------------------------------------------------------------------


def look(desk: Desk, minutes: float, watching: IncidentWatch | None = None) -> list[str]:
    """What one look says at that minute, by a new process or one that goes on."""
    desk.after(minutes)
    with desk.room() as room:
        one = watching or IncidentWatch(room, live=False, clock=lambda: desk.now)
        if watching is not None:
            watching._room = room
        one.look()
    return [line for line in desk.out.splitlines() if "DUE " in line and "OVERDUE" not in line]


def test_what_is_due_is_announced_once_whoever_watches(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", unclaimed=True)
    assert look(desk, 14) == []
    (claim,) = look(desk, 15)
    assert "nobody has claimed it" in claim
    assert "invoke incident.acknowledge --incident" in claim
    assert look(desk, 16) == [], "another process, after a restart"
    assert len(look(desk, 30)) == 2
    assert look(desk, 31) == []
    (again,) = look(desk, 61)[:1]
    assert "DUE" in again
    assert len(look(desk, 300)) == 1, "after a long sleep, only the last missed update"
    announced = [event for event in desk.incident.timeline if event.kind == "announced"]
    assert len({event.data.model_dump_json() for event in announced}) == len(announced)


def test_a_view_shows_no_announcement_of_what_has_been_done_since(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", unclaimed=True)
    with desk.room() as room:
        watching = IncidentWatch(room, live=True, clock=lambda: desk.now)
    (line,) = set(look(desk, 16, watching))
    assert "nobody has claimed it" in line
    desk("acknowledge")
    assert look(desk, 17, watching) == []


def test_one_that_goes_on_tells_what_others_did(desk: Desk) -> None:
    with desk.room() as room:
        watching = IncidentWatch(room, live=False, clock=lambda: desk.now)
        watching.look()
    assert "no open" in desk.out
    desk.after(1)("declare", title="Shop closed", severity="1")
    look(desk, 2, watching)
    assert "SEV-1 declared: Shop closed" in desk.out
    desk.after(3)("update")
    look(desk, 4, watching)
    assert "update: Investigating" in desk.out
    look(desk, 5, watching)
    assert desk.out == ""
    desk("resolve", override="seen")
    look(desk, 6, watching)
    assert "resolved" in desk.out
    look(desk, 7, watching)
    assert "resolved" not in desk.out


def test_what_is_announced_is_printed_before_anything_that_may_fail(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk("declare", title="Shop closed", severity="1", unclaimed=True)
    desk.after(15)

    def delivering(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr("remediate.commands.watch.deliver_due", delivering)
    out = io.StringIO()
    with desk.room() as room:
        terminal = room.terminal._replace(out=MaskedWriter(out, Masker()))
        watching = IncidentWatch(room._replace(terminal=terminal), live=False, clock=lambda: desk.now)
        for _ in range(2):
            with pytest.raises(JournalError):
                watching.look()
    assert out.getvalue().count("nobody has claimed it") == 1
    assert out.getvalue().count("watching; 1 open") == 1


def test_what_is_not_sent_yet_stands_under_its_incident(desk: Desk) -> None:
    desk.settings(
        '[tool.remediate.incidents.channels.slack]\nkind = "apprise"\nreference = "env:NO"\naudiences = ["internal"]\n'
    )
    desk("declare", title="Shop closed", severity="1", send=True)
    closed = desk.incident.id
    desk("declare", title="Mails late", severity="3")
    desk("list")
    lines = desk.out.splitlines()
    (at,) = (number for number, line in enumerate(lines) if "slack: not yet" in line)
    assert "Shop closed" in lines[at - 1]
    assert desk("resolve", incident=closed, override="seen") == 0
    desk("list", open=True)
    (line,) = (line for line in desk.out.splitlines() if "slack: not yet" in line)
    assert line.startswith(f"{closed[-12:-8]}  not listed here: declaration to slack")


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
    begun = Begun(selected(flags, other.project, TERMINAL.warn), options_of(flags), lambda _: FactSession(HEALTHY))
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
