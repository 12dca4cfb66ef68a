"""Runs survive a failing output, and questions can be answered or left."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.core.outcome import Report, RunVerdict, Touched
from remediate.journal.journal import Journal

ONE_RUN = Path(__file__).with_name("one_run.py")
OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
SECONDS = 60


class OneRun:
    """A run in a process of its own, and what became of it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "report.json"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ONE_RUN.parent.parent),
            "REMEDIATE_STATE_DIR": str(directory / "state"),
            "PYTHONIOENCODING": "utf-8",
        }
        self.url = f"sqlite:///{directory / 'state' / 'journal.sqlite3'}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def argv(self, *flags: str, name: str = "wéb1", hold: float = 0.1) -> tuple[str, ...]:
        return (sys.executable, str(ONE_RUN), str(self.file), name, str(hold), *flags)

    def start(
        self, argv: tuple[str, ...], *, stdin: int = subprocess.DEVNULL, out: int, err: int
    ) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            argv, stdin=stdin, stdout=out, stderr=err, env=self.environment, start_new_session=True
        )
        self.processes.append(process)
        return process

    def is_(self, verdict: RunVerdict, code: int, touched: Touched = Touched.YES) -> Report:
        report = Report.model_validate_json(self.file.read_text())
        assert (report.verdict, report.exit_code, report.touched) == (verdict, code, touched)
        assert self.processes[-1].wait(SECONDS) == code
        return report

    def journaled(self) -> str | None:
        with Journal.open(self.url) as journal:
            (run,) = journal.runs(limit=5)
            return run.verdict


@pytest.fixture
def run(tmp_path: Path) -> Iterator[OneRun]:
    one = OneRun(tmp_path)
    yield one
    for process in one.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def nobody_reads() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


# -- output that goes nowhere ------------------------------------------------------------------------------------------


def test_a_reader_who_has_left(run: OneRun) -> None:
    out = nobody_reads()
    process = run.start(run.argv("--yes"), out=out, err=subprocess.PIPE)
    os.close(out)
    _, said = process.communicate(timeout=SECONDS)
    run.is_(RunVerdict.FIXED, 0)
    assert run.journaled() == "fixed"
    assert b"holding" in said
    for trace in (b"Traceback", b"Exception ignored", b"BrokenPipe", b"not all there"):
        assert trace not in said


def test_nobody_reads_anything(run: OneRun) -> None:
    out = nobody_reads()
    run.start(run.argv("--yes"), out=out, err=out).wait(SECONDS)
    os.close(out)
    run.is_(RunVerdict.FIXED, 0)
    assert run.journaled() == "fixed"


@pytest.mark.parametrize("closed", ["2>&1 >&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_started_with_streams_closed(run: OneRun, closed: str) -> None:
    argv = ("/bin/sh", "-c", f'exec "$@" {closed}', "sh", *run.argv("--yes"))
    out, _ = run.start(argv, out=subprocess.PIPE, err=subprocess.STDOUT).communicate(timeout=SECONDS)
    run.is_(RunVerdict.FIXED, 0)
    assert run.journaled() == "fixed"
    assert b"Traceback" not in out


def test_no_streams_and_nobody_to_ask(run: OneRun) -> None:
    argv = ("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *run.argv())
    run.start(argv, out=subprocess.DEVNULL, err=subprocess.DEVNULL).wait(SECONDS)
    run.is_(RunVerdict.REFUSED, 3, Touched.NO)


def test_a_stream_that_cannot_write_every_letter(run: OneRun) -> None:
    run.environment["PYTHONIOENCODING"] = "ascii"
    out, said = run.start(run.argv("--yes"), out=subprocess.PIPE, err=subprocess.PIPE).communicate(timeout=SECONDS)
    run.is_(RunVerdict.FIXED, 0)
    assert rb"on w\xe9b1" in out
    assert b"FIXED in" in out
    assert b"Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told(run: OneRun) -> None:
    out = os.open("/dev/full", os.O_WRONLY)
    process = run.start(run.argv("--yes"), out=out, err=subprocess.PIPE)
    os.close(out)
    _, said = process.communicate(timeout=SECONDS)
    run.is_(RunVerdict.FIXED, 0)
    assert b"standard output: [Errno 28]" in said
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


# -- a person at a terminal --------------------------------------------------------------------------------------------


class Person:
    """Somebody at the terminal that controls a run, so that Ctrl-C and closing it do what they do."""

    def __init__(self, run: OneRun, *flags: str, name: str = "wéb1", hold: float = 0.1) -> None:
        self.seen = b""
        self._notifier, line = pty.openpty()
        argv = (sys.executable, "-c", OWN_TERMINAL, *run.argv(*flags, name=name, hold=hold))
        self.process = run.start(argv, stdin=line, out=line, err=line)
        os.close(line)

    def sees(self, text: str) -> None:
        until = time.monotonic() + SECONDS
        while text.encode() not in self.seen:
            assert select.select([self._notifier], [], [], max(0.0, until - time.monotonic()))[0], self.seen.decode()
            self.seen += os.read(self._notifier, 65536)

    def types(self, text: bytes) -> None:
        os.write(self._notifier, text)

    def leaves(self) -> None:
        os.close(self._notifier)

    def reads_on(self) -> str:
        """Read what is said until the program ends."""
        until = time.monotonic() + SECONDS
        while True:
            assert select.select([self._notifier], [], [], max(0.0, until - time.monotonic()))[0], self.seen.decode()
            try:
                more = os.read(self._notifier, 65536)
            except OSError:  # the other end is closed
                more = b""
            if not more:
                return self.seen.decode(errors="replace")
            self.seen += more


QUESTION = "is production. Type wéb1 or prod to go on: "


@pytest.fixture
def asked(run: OneRun) -> Person:
    """A person who sees the question."""
    person = Person(run)
    person.sees(QUESTION)
    return person


@pytest.mark.parametrize(
    ("answer", "verdict", "code", "touched"),
    [
        *((name.encode(), RunVerdict.FIXED, 0, Touched.YES) for name in ("wéb1\n", "prod\n")),
        *((other, RunVerdict.REFUSED, 3, Touched.NO) for other in (b"yes\n", b"all\n", b"\n", b"\x04", b"\xff\xfe\n")),
    ],
)
def test_the_name_of_the_host_or_of_its_group_is_consent_and_nothing_else(
    run: OneRun, asked: Person, answer: bytes, verdict: RunVerdict, code: int, touched: Touched
) -> None:
    asked.types(answer)
    said = asked.reads_on()
    run.is_(verdict, code, touched)
    assert "Traceback" not in said


def test_ctrl_c_at_the_question_ends_the_run(run: OneRun, asked: Person) -> None:
    asked.types(b"\x03")
    said = asked.reads_on()
    report = run.is_(RunVerdict.INTERRUPTED, 130, Touched.NO)
    assert [step.changed for step in report.hosts[0].steps] == [False]
    assert run.journaled() == "interrupted"
    assert "nothing was changed" in said
    assert "Traceback" not in said
    assert "finishing the step" not in said


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_at_the_question_end_it_too(run: OneRun, asked: Person, kind: signal.Signals) -> None:
    asked.process.send_signal(kind)
    asked.reads_on()
    run.is_(RunVerdict.INTERRUPTED, 130, Touched.NO)


def test_a_terminal_closed_at_the_question(run: OneRun, asked: Person) -> None:
    asked.leaves()
    asked.process.wait(SECONDS)
    run.is_(RunVerdict.INTERRUPTED, 130, Touched.NO)


def test_a_terminal_closed_while_it_acts(run: OneRun) -> None:
    person = Person(run, "--yes", hold=20)
    person.sees("holding")
    person.leaves()
    person.process.wait(SECONDS)
    run.is_(RunVerdict.INTERRUPTED, 130)
    assert run.journaled() == "interrupted"


def test_a_closed_terminal_sends_its_signal_twice(run: OneRun) -> None:
    person = Person(run, "--yes", hold=20)
    person.sees("holding")
    for _ in range(3):
        person.process.send_signal(signal.SIGHUP)
    person.reads_on()
    run.is_(RunVerdict.INTERRUPTED, 130)


def test_nohup_is_respected(run: OneRun) -> None:
    argv = ("/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *run.argv("--yes", hold=1))
    process = run.start(argv, out=subprocess.PIPE, err=subprocess.STDOUT)
    assert process.stdout is not None
    assert any(b"holding" in line for line in process.stdout)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=SECONDS)
    run.is_(RunVerdict.FIXED, 0)


def test_a_question_is_seen_whatever_its_host_is_called(run: OneRun) -> None:
    person = Person(run, name="token-web1")
    person.sees("token-web1 is production. Type token-web1 or prod to go on: ")
    person.types(b"token-web1\n")
    person.reads_on()
    run.is_(RunVerdict.FIXED, 0)
