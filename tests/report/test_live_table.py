"""The table of many hosts on a terminal."""

import os
import pty
import time
from collections import Counter
from collections.abc import Callable

import pytest

from remediate.core.outcome import RunVerdict
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.report.live_table import HostRow, LiveTable, live_table, table
from remediate.report.text import TextReporter
from support.fleets import OfFpm, ScriptedFleet, toy_host
from support.screen import Screen, drawn
from support.toys import report_of

pytestmark = pytest.mark.usefixtures("hurry")

NARROW = (80, 24)


def until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not seen() and time.monotonic() < end:
        time.sleep(0.02)


def rows(count: int) -> tuple[HostRow, ...]:
    return tuple(HostRow(f"web{number}", "connecting", 100.0 - number) for number in range(1, count + 1))


def test_a_line_per_host_at_work_and_one_that_counts() -> None:
    ended = Counter({RunVerdict.HEALTHY: 3, RunVerdict.NOT_FIXED: 1})
    work = (HostRow("web1", "connecting", 98), HostRow("database-1", "php-fpm.restart: it is failed", 88))
    assert table(work, ended, 10, 100, NARROW) == [
        "  database-1    12 s  php-fpm.restart: it is failed",
        "  web1           2 s  connecting",
        "  4 of 10 hosts done, 3 HEALTHY, 1 NOT FIXED; 2 at work, 4 waiting",
    ]


@pytest.mark.parametrize("height", [2, 4, 10, 24])
@pytest.mark.parametrize("count", [0, 1, 6, 7, 20, 1000])
def test_the_table_always_fits(height: int, count: int) -> None:
    lines = table(rows(count), Counter(), 1000, 100, (80, height))
    assert len(lines) <= max(2, height - 3)
    assert all(len(line) < 80 for line in lines)
    told = sum(" s  connecting" in line for line in lines)
    assert told == count or f"  and {count - told} more at work" in lines


def test_those_that_have_worked_longest_are_shown() -> None:
    assert table(rows(50), Counter(), 50, 100, (80, 7))[0].startswith("  web50 ")


@pytest.mark.parametrize("text", ["x" * 300, "日本語" * 60, "e\u0301" * 200])
def test_a_long_or_wide_text_is_cut_at_the_width(text: str) -> None:
    (line, _) = table((HostRow("web1", text, 0),), Counter(), 1, 0, NARROW)
    assert line.endswith("...")
    assert sum(2 if each in "日本語" else each != "\u0301" for each in line) <= 79


def scripted(screen: Screen, fleet: ScriptedFleet, size: tuple[int, int] = NARROW) -> list[str]:
    """Run it with both streams on one terminal; return what is left on it."""
    out = MaskedWriter(screen, Masker())
    live = LiveTable(out, lambda: size, with_results=True)
    fleet.run(reporter=TextReporter(out, out, program="invoke", target="web*", live=live))
    return screen.lines


def test_the_table_is_gone_at_the_end_and_the_results_stand() -> None:
    fleet, screen, seen = ScriptedFleet(4, well=("web1",), broken=("web3",)), Screen(), list[list[str]]()

    def look(_: str) -> None:
        until(lambda: "toy.fpm: " in "".join(screen.lines))
        seen.append(screen.lines)

    fleet.at_act = look
    left = scripted(screen, fleet)
    assert any(line.startswith("  web2 ") and "toy.fpm" in line for line in seen[0]), seen[0]
    assert "hosts done" not in "".join(left)
    assert not any(line.startswith("  ") and " s  " in line[:40] for line in left)
    assert next(line for line in left if line.startswith("web1: ")).startswith("web1: HEALTHY in ")
    assert "web4: REFUSED: nothing was changed: earlier-host-failed" in left
    assert left[-3].endswith("go on with the rest: invoke fix.toy --host web4"), left[-5:]


def test_more_hosts_than_rows_are_counted_and_only_trouble_is_told() -> None:
    fleet, screen = ScriptedFleet(30, well=tuple(f"web{number}" for number in range(2, 31))), Screen()
    left = scripted(screen, fleet, (80, 12))
    assert not any("HEALTHY in" in line for line in left)
    assert any(line.startswith("web1: FIXED") for line in left)
    assert any(line.startswith("30 hosts: ") and "29 HEALTHY" in line for line in left)


def test_nothing_is_drawn_while_a_person_is_asked() -> None:
    screen = Screen()
    live = LiveTable(screen, lambda: NARROW, with_results=True)
    live.open(2)
    live.working("web1", "connecting")
    until(lambda: "web1" in screen.getvalue())
    with live.above():
        before = screen.getvalue()
        assert drawn(before) == [""]
        screen.write("web1 is production. Type web1 to go on: web1\n")
        time.sleep(0.6)  # the time is the subject: several drawings would have come
        assert screen.lines == ["web1 is production. Type web1 to go on: web1", ""]
    assert any("web1  " in line for line in screen.lines[1:])
    live.close()
    assert screen.lines == ["web1 is production. Type web1 to go on: web1", ""]


def test_secrets_are_masked_and_a_host_cannot_move_the_cursor() -> None:
    screen, fleet = Screen(), ScriptedFleet(2)
    err = MaskedWriter(screen, Masker(["s3cret-value"]))
    reporter = TextReporter(screen, err, program="invoke", live=LiveTable(err, lambda: NARROW, with_results=False))
    hosts = tuple(map(toy_host, fleet.names))
    reporter.began("7f3a", OfFpm(), hosts, "ana@laptop")
    reporter.progress(hosts[0], "\x1b[2J\x1b[9Apassword=hunter2 s3cret-value\nFIXED")
    until(lambda: "  web1 " in screen.getvalue())
    reporter.ended(report_of())
    assert not any(word in screen.getvalue() for word in ("hunter2", "s3cret", "[2J", "[9A", "\nFIXED"))


@pytest.mark.parametrize(("term", "lives"), [("xterm", True), ("dumb", False)])
def test_a_terminal_that_can_has_a_table(monkeypatch: pytest.MonkeyPatch, term: str, lives: bool) -> None:
    monkeypatch.setenv("TERM", term)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        writer = MaskedWriter(stream, Masker())
        assert (live_table(writer, writer) is not None) is lives
    os.close(ours)


def test_a_pipe_and_a_closed_stream_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        piped = MaskedWriter(stream, Masker())
        assert live_table(piped, piped) is None
        nothing = MaskedWriter(None, Masker())
        assert live_table(nothing, nothing) is None
    os.close(reading)


def test_no_line_is_longer_than_the_terminal_in_any_encoding() -> None:
    class Old(Screen):
        encoding = "iso-8859-1"

    screen = Old()
    live = LiveTable(screen, lambda: NARROW, with_results=True)
    live.open(2)
    live.working("web1", "“typographic” — " * 20)
    live.working("日本", "connecting")
    until(lambda: "web1" in screen.getvalue() and "u65e5" in screen.getvalue())
    seen = screen.lines
    live.close()
    assert any("\\u201c" in line for line in seen)
    assert max(map(len, seen)) < 80
