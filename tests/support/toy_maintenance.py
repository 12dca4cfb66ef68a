"""Example reports of maintenance."""

from datetime import UTC, datetime, timedelta
from typing import Final

from remediate.journal.run_id import new_run_id
from remediate.maintenance.item import Result, Sample
from remediate.maintenance.report import MaintenanceReport, Subject
from remediate.maintenance.schedule import Occasion

NOW: Final = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
HOSTILE: Final = '/srv/"a\\b\n## owned | [x](javascript:1) <img src=x onerror=1> `id` \x1b[31m{{ 7 * 7 }}'
"""A hostile name that a host may report, to test every output for injection."""


def result(ok: bool | None = True, item: str = "capacity", **stated: object) -> Result:
    usual: dict[str, object] = {
        "ok": ok,
        "summary": "no local file system reaches 95 % within 60 days",
        "item": item,
        "title": "Capacity planning",
        "owner": "Tech Lead",
    }
    return Result.model_validate({**usual, **stated})


def report(
    *results: Result,
    host: str = "web1",
    occasion: Occasion = Occasion.MONTHLY,
    ago: timedelta = timedelta(),
    error: str | None = None,
) -> MaintenanceReport:
    """Return a report about one host that began `ago` before now."""
    started = NOW - ago
    subject = Subject(name=host, address=f"{host}.example.com", error=error, results=results)
    return MaintenanceReport.of(new_run_id(), occasion, "ana", started, started + timedelta(seconds=2), (subject,))


def looked(*reports: MaintenanceReport) -> dict[tuple[Occasion, str], datetime]:
    """Return when each host was last examined, as the history stores it."""
    oldest_first = sorted(reports, key=lambda each: each.started)
    return {(each.occasion, each.subjects[0].name): each.started for each in oldest_first if not each.subjects[0].error}


def numbers(host: str, at: datetime, *samples: Sample) -> MaintenanceReport:
    """Return a daily report with measured disk use."""
    subject = Subject(name=host, capacity=samples)
    return MaintenanceReport.of(new_run_id(), Occasion.DAILY, "ana", at, at, (subject,))


def used(value: float, name: str = "/") -> Sample:
    return Sample(name=name, value=value, unit="%")
