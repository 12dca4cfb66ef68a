"""Shared parts of maintenance container tests: a run, and one item of its report."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from remediate.maintenance.item import Result
from remediate.maintenance.report import MaintenanceReport

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged


class Looks:
    """Runs maintenance on the staging host as cron does, with a separate history."""

    def __init__(self, cli: "Cli", staged: "Staged") -> None:
        self._cli = cli
        self._staged = staged
        self.inventory: Path | None = None

    def __call__(self, command: str, item: str) -> Result:
        """Return the result of `maintain.…` for one item, a day after the previous run."""
        self._a_day_later()
        target = ("--host", self._staged.name, "--inventory", str(self.inventory or self._staged.inventory))
        ended = self._cli("invoke", command, *target, "--json")
        report = MaintenanceReport.model_validate_json(ended.out)
        assert ended.code == report.exit_code == (0 if all(subject.well for subject in report.subjects) else 5)
        (subject,) = report.subjects
        assert subject.error is None
        (result,) = (result for result in subject.results if result.item == item)
        return result

    def _a_day_later(self) -> None:
        journal = Path(self._cli.home) / "state/journal.sqlite3"
        if journal.exists():
            with closing(sqlite3.connect(journal)) as connection, connection:
                for table, moment in (("maintenance", "started"), ("maintenance_samples", "at")):
                    connection.execute(f"update {table} set {moment} = datetime({moment}, '-1 day')")  # noqa: S608
