"""Workers that hang in STOPPING, as `supervisorctl restart all` leaves those that a signal has stopped."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.verdict import Decision
from remediate.playbooks.app_down import app_down
from remediate.report.hints import CommandHints
from remediate.report.lines import step_lines, verdict_lines
from remediate.report.wrapping import WIDTH
from remediate.testing import play
from support import daily_examples as exd
from support import examples as ex
from support.incidents import DATABASE, HEALTHY, HOST, QUEUE, WORKERS, working
from support.outcomes import code
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def hung() -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that a signal has stopped, and that was asked to end since."""
    process = subprocess.Popen(("sleep", "300"))
    process.send_signal(signal.SIGSTOP)
    while state(process) != "T":
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    yield process
    process.kill()
    process.wait()


def told(outcome: HostOutcome) -> str:
    """Return all that a person reads of the steps and of how it ended, on one line."""
    hints = CommandHints("remediate", "app-down", "7f3a", app_down.severity)
    steps = (line for number, step in enumerate(outcome.steps, 1) for line in step_lines(number, WIDTH, step))
    return " ".join(" ".join((*steps, *verdict_lines(outcome, hints))).split())


def stopping(pid: int) -> Changes:
    return {WORKERS: Output(stdout=f"agency-worker:agency-worker_00 STOPPING pid {pid}\n")}


def test_they_are_left_to_end_and_what_lets_them_end_is_named_and_works(hung: subprocess.Popen[bytes]) -> None:
    session = FactSession({**HEALTHY, **stopping(hung.pid)})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.ran) == (RunVerdict.REFUSED, Touched.NO, [])
    assert code(outcome) == "in-transition"
    text = told(outcome)
    assert "next: wait until it has changed its state, then remediate check.app-down --host web1" in text

    (ask,) = re.findall(r"`sudo (kill -CONT [0-9]+)`", text)
    assert state(hung) == "T"
    subprocess.run(ask.split(), check=True)
    assert hung.wait(60) == -signal.SIGTERM

    # Supervisor starts none that it was told to stop; the same playbook does.
    session = FactSession({**HEALTHY, WORKERS: ex.workers("STOPPED", "STOPPED")}, working("RUNNING", "RUNNING"))
    again = play(app_down, session, host=HOST)
    assert again.verdict is RunVerdict.FIXED, again.error
    assert [step.remedy for step in again.steps if step.changed] == ["worker.start"]


def test_what_breaks_a_job_off_ends_one_that_does_not_listen(hung: subprocess.Popen[bytes]) -> None:
    text = told(play(app_down, FactSession({**HEALTHY, **stopping(hung.pid)}), host=HOST))
    (force,) = re.findall(r"`sudo (kill -KILL [0-9]+)`", text)
    subprocess.run(force.split(), check=True)
    assert hung.wait(60) == -signal.SIGKILL


def test_workers_are_not_renewed_for_what_another_incident_has_them_wait_for() -> None:
    """They are at their jobs for too long because the database does not answer: ended, their jobs would be lost."""
    overdue = exd.motion(
        exd.level(5, 5, taken=False, held=1200, working=2), workers=(exd.worker(13057), exd.worker(13058)), seconds=10
    )
    session = FactSession({**HEALTHY, QUEUE: overdue, DATABASE: ex.DATABASE_GONE})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.error and outcome.error.code, session.ran) == ("database-down", [])
    (step,) = (each for each in outcome.steps if each.remedy == "worker.restart")
    assert (step.decision, step.why) == (Decision.NOT_ATTEMPTED, "needs incident.hand-over first")
    alone = FactSession({**HEALTHY, QUEUE: overdue})
    play(app_down, alone, host=HOST)
    assert alone.ran
