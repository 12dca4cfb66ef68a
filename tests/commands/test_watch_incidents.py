"""Watching incidents: announcements that are due once and printed first."""

import io

import pytest

from remediate.commands.watch import IncidentWatch
from remediate.errors import JournalError
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from support.incident_desk import Desk


def look(desk: Desk, minutes: float, watching: IncidentWatch | None = None) -> list[str]:
    """The output of one look at that minute, by a new process or one that goes on."""
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


def test_what_was_never_sent_is_said_once_and_not_forgotten(desk: Desk) -> None:
    desk.settings('[tool.remediate.incidents.channels.chat]\nkind = "file"\npath = "chat/said.txt"\n')
    (desk.root / "chat").write_text("in the way")
    desk("declare", title="Shop closed", severity="1", internal_only=True, send=True)
    line = "declaration to chat: FAILED after "
    with desk.room() as room:
        watching = IncidentWatch(room, live=False, clock=lambda: desk.now)
    for minute in (1, 301, 302):
        look(desk, minute, watching)
        assert (line in desk.out) is (minute == 301)
    desk("list")
    assert line in desk.out
    desk("resolve", override="seen")
    desk("list")
    assert line not in desk.out, "it is over"
