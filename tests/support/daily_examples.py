"""Example facts about errors, queues and upgrades, healthy and unhealthy."""

from typing import Final

from remediate.probes.apt import Index, PatchState, Upgrade
from remediate.probes.error_log import PERIOD, PERIODS, ErrorGroup, ErrorLogState
from remediate.probes.queue_motion import QueueLevel, QueueMotionState, QueueWorker

NOW: Final = 1795453200
"""2026-11-23 17:00 UTC, by the host's clock."""
DAY: Final = 86400


def error(
    what: str = r"App\Exceptions\Declined",
    place: str = "app/Pay.php:12",
    **periods: int,
) -> ErrorGroup:
    """Return errors of one kind with their number per period.

    `p0=3` means three in the latest period, `p8=1` one a day earlier.
    """
    counts = tuple(periods.get(f"p{number}", 0) for number in range(PERIODS))
    ago = min((number for number, count in enumerate(counts) if count), default=0)
    last = NOW - ago * PERIOD
    return ErrorGroup(level="ERROR", what=what, place=place, counts=counts, first=last - 60, last=last)


def errors(*groups: ErrorGroup, hours: int = PERIODS * PERIOD // 3600) -> ErrorLogState:
    """Return a log with these errors, read back for so many hours."""
    return ErrorLogState(
        now=NOW,
        zone="UTC",
        reaches=NOW - hours * 3600,
        files=("laravel.log",),
        unread=(),
        writable=True,
        records=40,
        strange=0,
        future=0,
        slip=0,
        groups=groups,
        others=0,
    )


def level(
    before: int = 0,
    waiting: int = 0,
    *,
    name: str = "default",
    working: int = 0,
    taken: bool = True,
    oldest: int | None = None,
    held: int | None = None,
) -> QueueLevel:
    """Return the state of one queue."""
    counts = {"before": before, "waiting": waiting, "working": working, "later": 0, "oldest": oldest, "held": held}
    return QueueLevel.model_validate({"name": name, "taken": taken, **counts})


def worker(
    pid: int = 13057,
    *,
    queues: tuple[str, ...] = ("default",),
    stopped: bool = False,
    timeout: int = 60,
    sleep: int = 3,
    unit: str = "supervisor.service",
    connection: str = "redis",
) -> QueueWorker:
    """Return a worker that supervisor started, unless stated otherwise."""
    given = {"queues": queues, "timeout": timeout, "sleep": sleep, "unit": unit, "connection": connection}
    return QueueWorker.model_validate({"pid": pid, "started": pid * 10, "stopped": stopped, **given})


def motion(
    *levels: QueueLevel,
    whole: bool = True,
    workers: tuple[QueueWorker, ...] = (),
    seconds: float = 3,
    judged: tuple[str, ...] = (),
) -> QueueMotionState:
    """Return the movement of these queues; of one empty queue unless stated."""
    given = {"trouble": None, "connection": "redis", "seconds": seconds, "whole": whole, "judged": judged}
    return QueueMotionState.model_validate({**given, "queues": levels or (level(),), "workers": workers})


STANDING: Final = level(5, 5, taken=False)
"""A queue with waiting jobs that nobody takes."""


def stuck(*pids: int, stopped: bool = True) -> QueueMotionState:
    """Return a queue that does not move, with these workers.

    They were stopped by a signal, or they run and take no jobs.
    """
    return motion(STANDING, workers=tuple(worker(pid, stopped=stopped) for pid in pids), seconds=10)


SECURITY: Final = Index(
    confirmed=NOW - 3600, expires=NOW + 6 * DAY, suite="oldstable-security", label="Debian-Security"
)


def patches(*upgrades: Upgrade, **known: object) -> PatchState:
    """Return the upgrades that apt would do, with fresh lists unless stated."""
    given = {"manager": "apt", "now": NOW, "indices": (SECURITY,), "upgrades": upgrades, **known}
    return PatchState.model_validate(given)


FIX: Final = Upgrade(
    package="libssl3",
    installed="3.0.15-1~deb12u1",
    candidate="3.0.17-1~deb12u3",
    origins=("Debian:12.11/stable", "Debian-Security:12/stable-security"),
)
OTHER: Final = Upgrade(
    package="bash", installed="5.2.15-2+b8", candidate="5.2.15-2+b13", origins=("Debian:12.15/oldstable",)
)
THIRD: Final = Upgrade(package="php8.3-fpm", installed="8.3.1-1", candidate="8.3.2-1", origins=("sury:12/bookworm",))
