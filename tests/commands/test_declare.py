"""Declaring an incident: what triage saw, what a person gives, what is refused."""

from datetime import timedelta

import pytest

from remediate.commands.parsing import moment_of
from remediate.core.options import Options
from remediate.core.playbook import Severity
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.playbooks.app_down import app_down
from remediate.triage.candidate import handled_by
from support.incident_desk import INSIDE, INVENTORY, Desk, answering, broken, keep_triage, triage_text
from support.incidents import DOWN, HEALTHY
from support.scripted import FactSession
from support.toy_incidents import NOON
from support.triages import unfixable


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
    suspect = unfixable("certificate-expiry", "incident.hand-over: php8.2-fpm: inactive [app-down]", "app-down")
    own = suspect.model_copy(update={"codes": ("config-broken", "app-down")})
    assert (handled_by(suspect), handled_by(own)) == ("app-down", "certificate-expiry")


def test_a_person_knows_better_than_triage(desk: Desk) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare", severity="sev2", title="Shop closed", reason="only the shop", impact="shoppers", commander="ben")
    found = desk.incident
    assert (found.severity, found.severity_reason, found.title) == (Severity.SEV2, "only the shop", "Shop closed")
    assert (found.impact, found.commander) == ("shoppers", "ben")


def test_a_triage_is_told_with_its_age(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk.after(5)("declare")
    assert "        from the triage of 12:00Z, 5 min ago,\n" not in desk.out
    assert "        from the triage of 12:00Z, 5 min ago\n" in desk.out
    assert "before" not in desk.incident.severity_reason
    desk("timeline")
    assert "triaged: 2026-11-23 12:00:00Z" in desk.out


def test_an_old_triage_is_not_taken_for_what_is_seen_now(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk.after(45)("declare")
    again = "invoke triage --host web1 looks again"
    assert f"        from the triage of 12:00Z, 45 min ago, which may be over: {again}\n" in desk.out
    assert desk.incident.severity_reason.endswith("; seen 45 min before"), "everybody reads it"


def test_a_triage_that_is_too_old_is_named_with_the_way_to_look_again(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents]\ntimezone = "UTC"\n')
    keep_triage(desk, {**HEALTHY, **DOWN})
    unused = "the triage of 12:00Z, 3 h ago, is too old and was not used: invoke triage --host web1 looks again"
    for flags in ({}, {"severity": "1"}):
        with pytest.raises(ConfigurationError, match=rf"run triage before; {unused}$"):
            desk.after(180)("declare", **flags)
    desk.after(180)("declare", title="Shop closed", severity="1", host="web1")
    assert f"        {unused}\n" in desk.out
    desk.after(1600)("declare", title="Search slow", severity="1", host="web1")
    assert "too old" not in desk.out


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
    with pytest.raises(ConfigurationError, match="no channel takes internal messages"):
        desk("declare", title="x", severity="1", send=True)
    with pytest.raises(ConfigurationError, match="no incident"):
        _ = desk.incident


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
