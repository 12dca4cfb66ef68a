"""Facts as healthy and broken hosts give them, to state a test's table with."""

from datetime import UTC, datetime
from typing import Final

from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.configuration import ConfigurationState, EnvState, FileState, ValueState
from remediate.probes.descendants import Descendant, DescendantsState
from remediate.probes.folders import FoldersState
from remediate.probes.http import HttpAnswer, HttpFailure
from remediate.probes.laravel import AppState, Compared, CredentialsState, DatabaseState, DatabaseTrouble, DeployState
from remediate.probes.mysql import DbSession, SessionsState
from remediate.probes.mysql_data import DataRoom
from remediate.probes.network import Listeners
from remediate.probes.nginx import NginxErrorLogs
from remediate.probes.nginx_site import Pool, SiteServed, Target
from remediate.probes.opcache import OpcacheState
from remediate.probes.php_fpm import Ping, PoolsState, PoolState
from remediate.probes.supervisor import ProgramState, StrayProcess, StrayWorkers, WorkerState
from remediate.probes.systemd import LogLines, UnitState

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

NO_ERRORS: Final = NginxErrorLogs(files=())
"""nginx has not complained."""
SITE_SERVED: Final = SiteServed(
    named=True,
    user="www-data",
    targets=(Target(address="/run/php/php8.2-fpm.sock", there=True, owner="www-data:www-data rw-rw----"),),
    pools=(Pool(php="php8.2", name="www", listen="/run/php/php8.2-fpm.sock", heard=True),),
    error_logs=("/var/log/nginx/error.log",),
)
"""nginx asks a pool that is there."""
FOLDERS: Final = FoldersState(user="forge", closed=())
"""Every folder can be written."""
NO_LINES: Final = LogLines(lines=())
"""A log in which nothing stands."""
LINES: Final = LogLines(lines=("2026-11-23T08:31:11+0000 staging systemd[1]: Started.", "two"))
"""A log of two lines."""

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
CREDENTIALS: Final = CredentialsState(
    env="sound",
    settings=tuple((name, Compared.SAME) for name in ("host", "port", "database", "username", "password")),
    answer=DATABASE.model_copy(update={"host": "127.0.0.1", "user": "shop"}),
)
"""Settings of .env that are those in use, and that the database answers to."""
ENV_BROKEN: Final = CredentialsState(env="broken", settings=(), answer=None)
"""A .env that gives no settings at all."""
SESSIONS: Final = SessionsState(up=True, limit=151)
"""A database server on which nobody waits."""
NO_SERVER: Final = SessionsState(up=False)
"""A database server that does not run."""
DATA_ROOM: Final = DataRoom(writable=True, percent=23, inodes=3)
"""A disk that a database can write to."""
NO_DEPLOY: Final = DeployState(running=())
"""Nobody changes the application's code."""
DEPLOYING: Final = DeployState(running=("composer install --no-dev",))
"""A deploy is under way."""

CONFIGURED: Final = ConfigurationState(cached=True, env=EnvState.SOUND, message="", differs=(), external=())
"""A cached configuration that is what .env gives."""
CONFIG_STALE: Final = CONFIGURED.model_copy(
    update={"differs": ("database.connections.mysql.password", "services.stripe.webhook.secret")}
)
"""A cached configuration that is not what .env gives."""
NOT_CACHED: Final = CONFIGURED.model_copy(update={"cached": False})
"""An application that reads .env at every start."""
ENV_UNPARSABLE: Final = CONFIGURED.model_copy(
    update={"env": EnvState.BROKEN, "message": "/home/forge/agency-platform/.env cannot be parsed, line 7"}
)
"""An .env that would take the application down if its configuration were cached now."""
NO_FILE: Final = FileState(mark="")
"""A file that is not there."""
RIGHT_VALUE: Final = ValueState(state="same")
"""A key of .env that is what it should be."""
OTHER_VALUE: Final = ValueState(state="differs")
"""A key of .env that is something else."""
NO_VALUE: Final = ValueState(state="unset")
"""A key that .env does not have."""
OPCACHE: Final = OpcacheState(enabled=True, looks_again=True)
"""An opcache that notices changed files."""
OPCACHE_KEEPS: Final = OpcacheState(enabled=True, looks_again=False)
"""An opcache that keeps what it has read until a reload."""

NOBODY: Final = Listeners(programs=(), names=())
"""A port on which nobody listens."""
NO_STRAYS: Final = StrayWorkers(processes=())
"""No worker works unsupervised."""
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


def env_file(number: int = 1) -> FileState:
    """Return one .env after the other: another number is another file."""
    return FileState(mark=f"{number:064x}")


def cached_config(number: int = 1, *, written: float = 1795422000.5) -> FileState:
    """Return one built configuration after the other."""
    return FileState(mark=f"{number} 5513 {written:.9f}", written=written)


def descendants(*processes: tuple[int, bool], program: str = "queue:work redis") -> DescendantsState:
    """Return an application's processes below a daemon, each by its pid and whether it is stale."""
    path = "/home/forge/agency-platform"
    return DescendantsState(
        processes=tuple(
            Descendant(
                pid=pid,
                started=pid * 10,
                stale=stale,
                user="forge",
                directory=path,
                arguments=f"/usr/bin/php8.2 {path}/artisan {program}",
            )
            for pid, stale in processes
        )
    )


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


def page(status: int = 200, *, right: bool = True, redirect: str | None = None) -> HttpAnswer:
    """Return what a request was answered with."""
    return HttpAnswer(status=status, failure=None, redirect=redirect, right=right, seconds=0.012)


def no_page(failure: HttpFailure = HttpFailure.REFUSED) -> HttpAnswer:
    """Return what a request comes to that got no answer."""
    return HttpAnswer(status=None, failure=failure, redirect=None, right=True, seconds=0.003)


def session(number: int = 57, **stated: object) -> DbSession:
    """Return a session of a database server: idle in a transaction that others wait for, unless stated otherwise."""
    usual = {
        "id": number,
        "query": number * 10,
        "user": "shop",
        "database": "shop",
        "command": "Sleep",
        "started": 1795443941,
        "blocks": True,
        "beyond": True,
        "transaction": True,
        "modified": False,
        "reads": False,
        "statement": "",
    }
    return DbSession.model_validate({**usual, **stated})


def credentials(trouble: DatabaseTrouble | None, *differ: str) -> CredentialsState:
    """Return what the database answers to the settings of .env, and which of them are others than those in use."""
    settings = tuple((name, Compared.DIFFERS if name in differ else how) for name, how in CREDENTIALS.settings)
    answer = DatabaseState(trouble=trouble, waiting=0, host="127.0.0.1", user="shop")
    return CREDENTIALS.model_copy(update={"settings": settings, "answer": answer})
