"""Facts as healthy and broken hosts give them, to state a test's table with."""

from datetime import UTC, datetime
from typing import Final

from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.disk import DiskState, Room
from remediate.probes.http import Answer, Failure
from remediate.probes.laravel import AppState, DatabaseState, DatabaseTrouble, DeployState
from remediate.probes.network import Listeners
from remediate.probes.php_fpm import Ping, PoolsState, PoolState
from remediate.probes.queue import FailedJob, FailedJobsState, QueueFlowState, Retried
from remediate.probes.supervisor import ProgramState, StrayProcess, StrayWorkers, WorkerPids, WorkerState
from remediate.probes.systemd import LogLines, UnitState
from remediate.probes.webhook import Delivery, ProviderEvents, WebhookState

RUNNING: Final = UnitState(
    load="loaded",
    active="active",
    sub="running",
    file="enabled",
    result="success",
    invocation="01ed8f9b2a0a4c6db04ef50431f9c3f7",
    main_pid=1041,
    restarts=0,
    job=0,
    exit="",
    active_since=2340.648910,
    changed_at=datetime(2026, 11, 23, 8, 31, 11, tzinfo=UTC),
)
"""A unit that has been running for long."""
STOPPED: Final = RUNNING.model_copy(
    update={"active": "inactive", "sub": "dead", "main_pid": 0, "active_since": 2340.648910, "exit": "exit 0"}
)
"""A unit that somebody stopped."""
FAILED: Final = STOPPED.model_copy(
    update={"active": "failed", "sub": "failed", "result": "exit-code", "exit": "exit 255"}
)
"""A unit whose process ended with an error."""
START_LIMIT: Final = FAILED.model_copy(update={"result": "start-limit-hit"})
"""A unit that systemd has given up on."""
STARTING: Final = STOPPED.model_copy(update={"active": "activating", "sub": "start", "job": 4711})
"""A unit on its way up."""
MASKED: Final = STOPPED.model_copy(update={"load": "masked", "file": "masked"})
"""A unit that a person has made unstartable."""
MISSING: Final = UnitState(
    load="not-found",
    active="inactive",
    sub="dead",
    file="",
    result="success",
    invocation="",
    main_pid=0,
    restarts=0,
    job=0,
    exit="",
    active_since=None,
    changed_at=None,
)
"""A unit that the host does not have."""

SOUND: Final = ConfigCheck(state=ConfigState.SOUND)
"""A configuration that its program accepts."""
BROKEN_CONFIG: Final = ConfigCheck(
    state=ConfigState.BROKEN, message='invalid parameter "bogus"', file="/etc/nginx/nginx.conf", line=3
)
"""A configuration that its program rejects."""
UNCHECKED: Final = ConfigCheck(state=ConfigState.UNCHECKED, message="(30: Read-only file system)")
"""A configuration check that could not run."""

NO_LINES: Final = LogLines(lines=())
"""A log in which nothing stands."""

POOLS: Final = PoolsState(
    pools=(
        PoolState(
            name="www",
            listen="/run/php/php8.2-fpm.sock",
            ping=Ping.ANSWERED,
            listens=True,
            queue=0,
            children=5,
            max_children=5,
            ticks=0,
        ),
    )
)
"""Pools that answer."""

APP: Final = AppState(version="8.83.26", maintenance=False, config_cached=True)
"""An application that is up."""
IN_MAINTENANCE: Final = APP.model_copy(update={"maintenance": True})
"""An application that somebody took down on purpose."""
DATABASE: Final = DatabaseState(trouble=None, waiting=0)
"""A database that answers."""
DATABASE_BUSY: Final = DatabaseState(trouble=None, waiting=7)
"""A database that keeps queries waiting."""
DATABASE_GONE: Final = DatabaseState(trouble=DatabaseTrouble.REFUSED, waiting=0)
"""A database that does not run."""
NO_DEPLOY: Final = DeployState(running=())
"""Nobody changes the application's code."""
DEPLOYING: Final = DeployState(running=("composer install --no-dev",))
"""A deploy is under way."""

NOBODY: Final = Listeners(programs=(), names=())
"""A port on which nobody listens."""
NO_STRAYS: Final = StrayWorkers(processes=())
"""No worker works unsupervised."""
ROOMY: Final = DiskState(space=(Room(mount="/", percent=23),), inodes=(Room(mount="/", percent=3),), full=95)
"""Disks with room."""
FULL: Final = DiskState(space=(Room(mount="/", percent=100),), inodes=(Room(mount="/", percent=3),), full=95)
"""A full disk."""
NO_DAEMON: Final = WorkerState(processes=(), daemon=False)
"""What supervisor says of its programs when it does not run: nothing."""
NO_PROGRAM: Final = WorkerState(processes=(), daemon=True)
"""What supervisor says of a program that it does not know."""


def pools(ping: Ping, *, queue: int = 0, children: int = 5, ticks: int = 0, listens: bool = True) -> PoolsState:
    """Return one pool of at most five children, and what became of a request to it."""
    changed = {"ping": ping, "queue": queue, "children": children, "ticks": ticks, "listens": listens}
    return PoolsState(pools=(POOLS.pools[0].model_copy(update=changed),))


def listening(*programs: tuple[str, int]) -> Listeners:
    """Return the programs that listen on a port, by name and pid."""
    return Listeners(
        programs=tuple(f"{name} ({pid})" for name, pid in programs),
        names=tuple(dict.fromkeys(name for name, _ in programs)),
    )


def workers(*states: str, program: str = "agency-worker", pid: int = 13057, uptime: float = 1000) -> WorkerState:
    """Return a supervisor group of which each process is in that state; those that run have a pid from `pid` on."""
    return WorkerState(
        processes=tuple(
            ProgramState(name=f"{program}:{program}_{number:02d}", state=state, pid=pid + number, uptime=uptime)
            if state == "RUNNING"
            else ProgramState(name=f"{program}:{program}_{number:02d}", state=state, detail=_DETAILS.get(state, ""))
            for number, state in enumerate(states)
        ),
        daemon=True,
    )


_DETAILS: Final = {
    "STOPPED": "Nov 23 08:31 AM",
    "FATAL": "Exited too quickly (process log may have details)",
    "BACKOFF": "Exited too quickly (process log may have details)",
    "EXITED": "Nov 23 08:31 AM",
}


def pids(*known: WorkerState) -> WorkerPids:
    """Return the process ids that supervisor tells for these programs: 0 for what does not run."""
    return WorkerPids(pids=tuple(str(each.pid or 0) for state in known for each in state.processes))


def strays(*processes: tuple[int, int], path: str = "/home/forge/agency-platform", user: str = "forge") -> StrayWorkers:
    """Return workers without a parent, each by its pid and its start time."""
    arguments = f"/usr/bin/php8.2 {path}/artisan queue:work redis --sleep=1"
    return StrayWorkers(
        processes=tuple(
            StrayProcess(pid=pid, started=started, user=user, arguments=arguments) for pid, started in processes
        )
    )


def started_again(unit: UnitState, times: int = 1) -> UnitState:
    """Return the unit as it is after so many more starts: another invocation, another process."""
    invocation = f"{(int(unit.invocation or '0', 16) + times) % 16**32:032x}"
    return RUNNING.model_copy(update={"invocation": invocation, "main_pid": (unit.main_pid or 1041) + times})


def page(status: int = 200, *, right: bool = True, redirect: str | None = None) -> Answer:
    """Return what a request was answered with."""
    return Answer(status=status, failure=None, redirect=redirect, right=right, seconds=0.012)


def no_page(failure: Failure = Failure.REFUSED) -> Answer:
    """Return what a request comes to that got no answer."""
    return Answer(status=None, failure=failure, redirect=None, right=True, seconds=0.003)


def webhook(
    wrong: int = 400, right: int | None = 200, *, secret: bool = True, events: ProviderEvents | None = None
) -> WebhookState:
    """Return how a webhook answers, by status, an event with a wrong and one with the right signature."""
    return WebhookState(
        secret=secret,
        wrong=Delivery(status=wrong, error=0),
        right=None if right is None else Delivery(status=right, error=0),
        events=events,
    )


def delivered(*, accepted: int = 0, refused: int = 0, failed: int = 0, missed: int | None = None) -> ProviderEvents:
    """Return what a payment provider was answered; those that were missed are the others unless stated."""
    left = refused + failed if missed is None else missed
    last = 1795444283 if accepted + left else 0
    return ProviderEvents(accepted=accepted, refused=refused, failed=failed, missed=left, last=last)


RECORDS: Final = r"App\Jobs\RecordStripePayment"
"""A job that may be run twice."""
CHARGES: Final = r"App\Jobs\ChargeCustomer"
"""A job that must not be."""


def failed_job(
    number: int, name: str = RECORDS, *, hours: int | None = 0, retried: Retried = Retried.NO, queue: str = "default"
) -> FailedJob:
    """Return a failed job; with the same number it is the same job, which has another row once it was retried."""
    uuid = f"1834e024-75a6-4ba2-8cdd-{number:012d}"
    row = number + (1000 if retried is Retried.AGAIN else 0)
    given = {"name": name, "exception": "PDOException", "queue": queue, "hours": hours, "retried": retried}
    return FailedJob.model_validate({"id": uuid, "row": row, "uuid": uuid, **given})


def failed_jobs(*jobs: FailedJob) -> FailedJobsState:
    """Return the failed jobs of the classes that were asked for."""
    return FailedJobsState(trouble=None, jobs=jobs, asked=True)


QUEUE: Final = QueueFlowState(trouble=None, connection="redis", waiting=0)
"""A queue that answers, with nothing in it."""
