"""incident.watch as a process: a view on a terminal, lines elsewhere, killed without harm."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.playbook import Severity
from remediate.incident.events import Declared
from remediate.incident.messages import MessageKind, render
from remediate.incident.notifier import Notifier
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText, template_context
from remediate.maintenance.history import History
from remediate.maintenance.report import MaintenanceReport, Subject
from remediate.maintenance.schedule import Occasion
from support import command_box

SECONDS = 90


@pytest.fixture
def environment(tmp_path: Path, state: Path) -> dict[str, str]:
    with IncidentStore.open(project=str(tmp_path)) as store:
        # An hour ago: unclaimed, untold, and one row of the matrix due.
        moment = datetime.now(UTC) - timedelta(minutes=61)
        store.declare("ana", moment, Declared(title="Shop closed", severity=Severity.SEV1, commander="ana"))
    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    return command_box.environment(tmp_path, state, TERM="xterm")


def start(
    environment: dict[str, str], *words: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [command_box.REMEDIATE, "incident.watch", *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=environment["HOME"],
        env=environment,
        text=True,
    )


OVERDUE = "maintenance monthly of web1 is overdue by 9 d (Tech Lead)"


def looked_long_ago(environment: dict[str, str]) -> None:
    moment = datetime.now(UTC) - timedelta(days=40)
    with History.open(None, project=environment["HOME"]) as history:
        history.keep(MaintenanceReport.of("1", Occasion.MONTHLY, "ana", moment, moment, (Subject(name="web1"),)))


def announced(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.search(r"Z DUE  ", line)]


def test_killed_and_started_again_it_says_nothing_twice(environment: dict[str, str]) -> None:
    out = ""
    for end in (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        process = start(environment, "--every", "0.2")
        assert process.stdout is not None
        out += process.stdout.readline()  # it is in the middle of its first look, or past it
        process.send_signal(end)
        rest, errors = process.communicate(timeout=SECONDS)
        out += rest
        assert errors == ""
        assert process.returncode == (0 if end is signal.SIGTERM else -end)
    lines = [line.partition("DUE  ")[2] for line in announced(out)]
    assert len(lines) == len(set(lines))
    with IncidentStore.open() as store:
        keys = store.current(None).announced
    # One that was killed may have written what it then did not come to say; nothing is said that is not written.
    assert len(lines) <= len(keys) == 4


def test_two_at_once_share_what_there_is_to_say(environment: dict[str, str]) -> None:
    both = [start(environment, "--once") for _ in range(2)]
    out = "".join(process.communicate(timeout=SECONDS)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert len(announced(out)) == 4
    again = start(environment, "--once").communicate(timeout=SECONDS)[0]
    assert announced(again) == []
    assert "OVERDUE" in again, "that it is overdue is seen all the same"
    assert "\x1b" not in out + again


def test_overdue_maintenance_is_said_once_however_often_it_is_restarted(environment: dict[str, str]) -> None:
    looked_long_ago(environment)
    told = f"DUE  {OVERDUE}: remediate maintain.monthly --host web1"
    first = start(environment, "--once").communicate(timeout=SECONDS)
    assert told in first[0]
    again = start(environment, "--once").communicate(timeout=SECONDS)
    assert "maintenance" not in again[0]
    assert first[1] == again[1] == ""


def test_settings_of_maintenance_that_are_wrong_stop_no_watch(environment: dict[str, str]) -> None:
    (Path(environment["HOME"]) / "pyproject.toml").write_text("[tool.remediate.maintenance]\nspeed = 3\n")
    process = start(environment, "--once")
    out, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert len(announced(out)) == 4
    assert "tool.remediate.maintenance: speed: unknown key; accepted: owners, rehearsed_within_days" in errors


def test_one_that_nobody_reads_any_more_ends_and_leaves_its_announcements_to_others(
    environment: dict[str, str],
) -> None:
    process = start(environment, "--every", "0.2")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # `| true`: nobody is there from the beginning
    assert process.wait(SECONDS) == 5
    assert process.stderr.read() == "remediate: nobody reads what is announced here any more, so watching has ended\n"
    process.stderr.close()
    assert len(announced(start(environment, "--once").communicate(timeout=SECONDS)[0])) == 4


def test_one_that_has_said_everything_ends_with_its_reader(environment: dict[str, str]) -> None:
    start(environment, "--once").communicate(timeout=SECONDS)
    process = start(environment, "--every", "0.2")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()  # `| head -1`, and nothing more to say
    assert process.wait(SECONDS) == 5
    assert process.stderr is not None
    process.stderr.close()


def test_a_message_for_the_terminal_is_left_to_who_sends_it(environment: dict[str, str]) -> None:
    with IncidentStore.open() as store:
        settings = IncidentSettings()
        notifier = Notifier.of(settings, store, root=None, screen=None)
        incident = store.current(None)
        said = template_context(incident, MessageText(), settings, incident.declared_at)
        message = render(
            incident,
            MessageKind.UPDATE,
            Audience.INTERNAL,
            said,
            templates=notifier.templates,
            masker=notifier.masker,
            now=incident.declared_at,
        )
        notifier.outbox.queue(message, ("terminal", "file"))
        out = start(environment, "--once").communicate(timeout=SECONDS)[0]
        assert "Incident Update" not in out
        assert [each.channel for each in notifier.outbox.deliveries(unfinished=True)] == ["terminal"]


def test_on_a_terminal_it_is_a_view_that_is_drawn_anew(environment: dict[str, str]) -> None:
    looked_long_ago(environment)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = start(environment, "--every", "0.2", stdout=slave, stderr=subprocess.DEVNULL)
    os.close(slave)
    seen = b""
    end = time.monotonic() + SECONDS
    while seen.count(b"\x1b[H\x1b[2J") < 3 and time.monotonic() < end:
        if select.select([master], [], [], 1)[0]:
            seen += os.read(master, 65536)
    process.send_signal(signal.SIGINT)
    while select.select([master], [], [], 1)[0]:
        try:
            os.read(master, 65536)
        except OSError:
            break
    assert process.wait(SECONDS) == 0
    os.close(master)
    text = seen.decode()
    for words in ("SEV-1  Shop closed", "NOBODY HAS IT", "OVERDUE by", "escalate", "Ctrl-C ends watching"):
        assert words in text
    assert text.count(OVERDUE) >= 2, "in every view, not only once"
    # Eighty columns, and what to type stands at the end of a line that is longer.
    assert re.search(r"incident\.acknowledge\s+--incident\s+[0-9a-f]{4}", text)
    assert not set(re.findall(r"\x1b[^A-Za-z]*[A-Za-z]", text)) - {"\x1b[H", "\x1b[2J"}
