"""Retries failed jobs of Laravel, each at most once despite concurrent runs."""

from collections.abc import Iterable
from typing import Final

from remediate.core.command import Run
from remediate.programs.run import PROGRAMS, run_php

BUDGET_SECONDS: Final = 300
"""After this time no further batch is begun: the rest is left for the next run."""


def retry_jobs(php: str, path: str, user: str, ids: Iterable[str], *, batch: int, patience: int) -> Run:
    """Return the command that retries these failed jobs in this order: one, then `batch` at a time.

    Each is claimed before it is pushed: its row is marked and only who marked it goes on; the row is locked until the
    framework's own `queue:retry` has pushed the job and deleted it. A batch has to leave the queue within `patience`
    seconds, without one of it failing again, or no further one is begun.
    """
    words, given = (path, str(batch), str(patience), str(BUDGET_SECONDS)), "".join(f"{each}\n" for each in ids)
    seconds = BUDGET_SECONDS + patience + 15
    return run_php(php, PROGRAMS, "retry_jobs", *words, user=user, seconds=seconds, stdin=given)
