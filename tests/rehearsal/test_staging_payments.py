"""Failed jobs of payments on a real host, and many runs at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.engine.fleet import run, select
from remediate.rehearsal.faults import JobsFailed
from remediate.remedies.queue import RetryJobs
from remediate.remedies.single import SingleRemedy

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = pytest.mark.container

APP = "/home/forge/agency-platform"
FAILED = JobsFailed(php="php8.2", path=APP)


class Payments:
    """The application's work, from its worker's log and its database."""

    def __init__(self, staged: "Staged", journal: Path) -> None:
        self._staged = staged
        self._journal = journal
        (self.host,) = select(staged.name, staged.inventory)

    def fix(self, *, wait: float = 0, number: int = 0) -> Report:
        """Run the remedy, with a journal of its own."""
        options = Options(yes=True, hold=1, timeout=300, wait=wait)
        journal = f"sqlite:///{self._journal}/{number}.sqlite"
        return run(SingleRemedy(RetryJobs), (self.host,), options=options, operator="test", journal=journal)

    def break_with(self, **jobs: object) -> None:
        """Have jobs fail, for real."""
        FAILED.model_copy(update=jobs).inject(self._staged.host)
        self._staged.sh(f": > {APP}/storage/logs/worker.log")

    def worked(self) -> int:
        """The number of jobs that a worker took."""
        return int(self._staged.sh(f"grep -c Processing: {APP}/storage/logs/worker.log || true"))

    def recorded(self) -> int:
        """The number of the fault's payments that were recorded."""
        return self._count("payments where event_id like 'evt_fault_%'")

    def failed(self) -> int:
        """The number of failed jobs now."""
        return self._count("failed_jobs")

    def _count(self, what: str) -> int:
        return int(self._staged.sh(f'mariadb agency -NBe "select count(*) from {what}"'))  # noqa: S608  # a test's own


@pytest.fixture
def payments(staged: "Staged", tmp_path: Path) -> Iterator[Payments]:
    staged.sh("mariadb agency -e 'truncate failed_jobs; truncate payments'")
    yield Payments(staged, tmp_path)
    staged.sh("mariadb agency -e 'truncate failed_jobs'; supervisorctl start 'agency-worker:*' || true")


def test_twenty_at_once_push_each_job_once(payments: Payments) -> None:
    payments.break_with(recorded=30)
    assert payments.failed() == 30

    def one(number: int) -> Report:
        time.sleep(number)  # all surveys in the same second are too much for a small host, and nothing would be done
        return payments.fix(wait=number % 2 * 100, number=number)

    with ThreadPoolExecutor(20) as pool:
        reports = list(pool.map(one, range(20)))
    payments.fix(number=20)

    assert (payments.worked(), payments.recorded(), payments.failed()) == (30, 30, 0)
    acted = [step.remedy for report in reports for step in report.hosts[0].steps if step.changed]
    assert acted in (["queue.retry"], [])
