"""Runs and intents to write into a journal, here or in another process."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from remediate.journal.models import Intent, RunRecord
from remediate.journal.run_id import new_run_id

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


SECRET = "canary-5f1e"

IN_A_PROCESS = """
import os, signal, sys
from datetime import UTC, datetime
from remediate.errors import JournalError
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunEnd, RunRecord
import remediate.journal.database

NOW = datetime.now(UTC)

def record(run):
    return RunRecord(id=run, started=NOW, mode="fix", playbook="p", operator="o", hosts=("web1",), version="1")

def intent(run, position):
    return Intent(
        run=run, host="web1", position=position, remedy="r", params="{}", commands="[]", intended_at=NOW
    )
"""


def record(run: str | None = None, *, started: datetime = NOON, reason: str | None = None) -> RunRecord:
    return RunRecord(
        id=run or new_run_id(),
        started=started,
        mode="fix",
        playbook="app-down",
        operator="ana",
        hosts=("web1", "web2"),
        version="0.1.0",
        reason=reason,
    )


def intent(run: str, position: int = 1, *, host: str = "web1", params: str = "{}", commands: str = "[]") -> Intent:
    return Intent(
        run=run,
        host=host,
        position=position,
        remedy="nginx.restart",
        params=params,
        commands=commands,
        intended_at=NOON,
    )


def in_a_process(script: str, *arguments: object) -> str:
    # Not measured: some of these processes may not write a file when they end, which coverage would.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_A_PROCESS + script, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    return text
