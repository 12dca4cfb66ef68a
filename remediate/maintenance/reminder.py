"""Overdue maintenance in `incident.watch`: always shown, announced once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from remediate.errors import ConfigurationError
from remediate.maintenance.history import History
from remediate.maintenance.settings import maintenance_settings
from remediate.maintenance.status import Standing, overdue_line, status
from remediate.project.project import Project

_EVERY: Final = timedelta(minutes=1)
"""Interval of reading the history: the watch looks every few seconds, but overdue changes slowly."""


class Reminder:
    """The overdue duties of one project, for one watching process."""

    def __init__(self, project: Project, program: str) -> None:
        self._project = project
        self._program = program
        self._looked: datetime | None = None
        self._overdue: tuple[Standing, ...] = ()
        self._settled: tuple[Standing, ...] = ()
        self.trouble = ""
        """The fault of wrong maintenance settings, without which nothing is known; watching incidents goes on."""

    def look(self, now: datetime) -> tuple[str, ...]:
        """Return the overdue duties, one line each, or why they are unknown. Raises JournalError."""
        if self._looked is None or not timedelta() <= now - self._looked < _EVERY:
            self._overdue = self._read(now)
            self._looked = now
        if self.trouble:
            return (f"maintenance: {self.trouble}",)
        return tuple(overdue_line(each, self._program) for each in self._overdue)

    def announced(self, now: datetime) -> Iterator[str]:
        """Yield overdue duties that were not announced yet, each once recorded. Raises JournalError.

        The caller must show each line at once: no other process will announce it.
        """
        self.look(now)
        fresh = [each for each in self._overdue if each not in self._settled]
        if fresh:
            with self._open() as history:
                for each in fresh:
                    first = each.done is not None and history.remind(
                        each.occasion, each.subject, done=each.done, at=now
                    )
                    if first:
                        yield overdue_line(each, self._program)
        self._settled = self._overdue

    def _read(self, now: datetime) -> tuple[Standing, ...]:
        try:
            settings = maintenance_settings(self._project.root)
            self.trouble = ""
        except ConfigurationError as error:
            self.trouble = str(error)
            return ()
        with self._open() as history:
            found = status(history.latest(), history.done(), settings, now, hosts=self._project.host_names())
        return tuple(each for each in found.standings if each.overdue is not None)

    def _open(self) -> History:
        return History.open(self._project.journal(), project=self._project.identity())
