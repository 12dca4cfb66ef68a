"""Due dates of maintenance, pure: from an occasion, its last run and the time."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final


class Occasion(Enum):
    """The occasions of maintenance: the checklist of 8.1, or a frequency of 8.2."""

    CHECKLIST = "checklist"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def command(self) -> str:
        """The command to type."""
        return "prevent.checklist" if self is Occasion.CHECKLIST else f"maintain.{self.value}"

    @property
    def period(self) -> timedelta | None:
        """The interval; None if the runbook gives no frequency."""
        return _PERIODS.get(self)

    def due_after(self, done: datetime) -> datetime | None:
        """Return when it is due again; None without an interval.

        It counts as overdue only a tenth of its interval later, so that a slow timer is not late.
        """
        return None if self.period is None else done + self.period

    def overdue(self, done: datetime, now: datetime) -> timedelta | None:
        """Return by how much it is overdue; None if it is not."""
        due, period = self.due_after(done), self.period
        if due is None or period is None or now < due + period / 10:
            return None
        return now - due


_PERIODS: Final = {
    Occasion.DAILY: timedelta(days=1),
    Occasion.WEEKLY: timedelta(days=7),
    Occasion.MONTHLY: timedelta(days=31),
    Occasion.QUARTERLY: timedelta(days=92),
}
