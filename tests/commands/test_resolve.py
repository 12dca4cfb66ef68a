"""Resolving: the check of the symptom, everybody told, and the post-mortem."""

import os
import re
import signal
from datetime import timedelta
from threading import Event

import pytest

import remediate.commands.resolve as resolving
from remediate.commands.parsing import moment_of
from remediate.errors import ConfigurationError
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.vocabulary import IncidentStatus
from support.incident_desk import Desk, answering, connecting, keep_triage
from support.incidents import DOWN, HEALTHY
from support.incidents import broken as sick
from support.scripted import FactSession
from support.toy_incidents import NOON


def test_nothing_is_resolved_while_its_symptom_is_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    answering(monkeypatch, {**HEALTHY, **DOWN})
    assert desk("resolve") == 5
    assert "NOT RESOLVED: app-down on web1 is refused\n" in desk.out
    with IncidentStore.open() as store:
        shown = store.shown(desk.incident.id)
    assert (
        f"next    invoke check.app-down --host web1 --incident {shown}\n        or invoke incident.resolve" in desk.out
    )
    answering(monkeypatch, sick("nginx down"))
    assert desk("resolve") == 5
    assert f"next    invoke fix.app-down --host web1 --incident {shown}\n        or invoke incident.resolve" in desk.out
    assert desk.incident.open
    check, _ = desk.incident.runs
    assert (check.playbook, check.mode) == ("app-down", "plan")
    assert desk("resolve", override="the page is cached for everybody") == 0
    assert (desk.incident.open, desk.incident.override) == (False, "the page is cached for everybody")


@pytest.mark.usefixtures("interruptible")
def test_a_check_that_is_interrupted_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    heard = Event()
    monkeypatch.setattr("remediate.commands.terminal._progress", lambda _: heard.set())

    def connect(_: object) -> FactSession:
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(30)  # A thread hears it, and the check could be over before.
        return FactSession(HEALTHY)

    connecting(monkeypatch, connect)
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
    assert "not everybody was notified: invoke incident.resolve --incident" in desk.out
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


def test_a_post_mortem_that_cannot_be_written_is_no_success(desk: Desk) -> None:
    desk("declare", title="x", severity="1")
    (desk.root / "incidents").write_text("in the way")
    with IncidentStore.open() as store:
        shown = store.shown(desk.incident.id)
    for _ in range(2):
        assert desk("resolve", override="seen") == 5
        assert not desk.incident.open
        assert "no post-mortem written: " in desk.err
        assert "cannot be written" in desk.err
        assert f"next          invoke incident.postmortem --incident {shown} --output FILE" in desk.out
    with pytest.raises(ConfigurationError, match="--output: ~nobody-here/x begins with a user who has no home"):
        desk("postmortem", incident=shown, output="~nobody-here/x")
    assert desk("postmortem", incident=shown, output=str(desk.root / "elsewhere.md")) == 0
    assert "# Post-Mortem: x" in (desk.root / "elsewhere.md").read_text()


def test_a_page_that_was_not_reached_is_not_called_told(desk: Desk) -> None:
    desk("declare", title="Shop closed", severity="1", send=True)
    page = desk.root / "status-page"
    page.rename(desk.root / "aside")
    page.write_text("in the way")
    desk.after(10)("resolve", override="seen", send=True)
    for minute in (10, 10, 11):
        desk.after(minute)("resolve", send=True)
        assert "resolution to status-page: not yet, after " in desk.out
        assert "resolution (public) was announced before" not in desk.out
        assert "invoke incident.watch keeps trying" in desk.out
    desk.after(30)("list")
    assert "resolution to status-page: not yet, after 2 attempts" in desk.out
    assert "due to be tried again since 12:11:10 UTC" in desk.out
    assert "invoke incident.watch keeps trying" in desk.out
    page.unlink()
    (desk.root / "aside").rename(page)
    desk.after(31)("resolve", send=True)
    assert "resolution (public) was announced before: not sent again" in desk.out
    assert "No known incidents" in (page / "index.html").read_text()


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
    assert re.search(
        '^next    invoke incident.resolve --incident [0-9a-f]+ --override "why it is over"$', desk.out, re.MULTILINE
    )
    assert desk("resolve", override="they stopped") == 0
    assert desk.incident.postmortem_path is None


def test_a_check_that_cannot_be_run_is_a_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk("declare")
    (desk.root / "inventories" / "prod.yml").write_text("web: {hosts: {web9: {}}}\n")
    assert desk("resolve") == 5
    assert "app-down on web1 is not asked" in desk.out
