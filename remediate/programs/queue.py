"""Commands that retry Laravel's failed jobs, each at most once even in concurrent runs."""

from collections.abc import Iterable
from typing import Final

from remediate.core.command import Run
from remediate.programs.run import run_php

BUDGET_SECONDS: Final = 300
"""Seconds after which no further batch is started. The rest is left for the next run."""


def retry_jobs(php: str, path: str, user: str, ids: Iterable[str], *, batch: int, patience: int) -> Run:
    """Return the command that retries failed jobs in this order: one, then in batches.

    Each job is claimed before it is pushed: its row is marked, and only the run that marked it continues. The row is
    locked until the framework's own `queue:retry` has pushed the job and deleted the row. A batch of `batch` jobs has
    to leave the queue within `patience` seconds, and none of them may fail again. Otherwise no further batch is
    started.
    """
    words, given = (path, str(batch), str(patience), str(BUDGET_SECONDS)), "".join(f"{each}\n" for each in ids)
    seconds = BUDGET_SECONDS + patience + 15
    return run_php(php, "retry_jobs", *words, user=user, seconds=seconds, stdin=given)
