"""The example host: healthy answers, its faults, and the effects of fixes."""

from collections.abc import Sequence

from remediate.core.command import ROOT, Output, Run
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.cache import Cache
from remediate.probes.filesystems import DiskSpace
from remediate.probes.folders import Folders
from remediate.probes.http import Site
from remediate.probes.laravel import App, AppDatabase, Deploy
from remediate.probes.laravel_log import AppLog
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig, NginxLog
from remediate.probes.nginx_site import NginxSite
from remediate.probes.php_fpm import PhpFpmConfig, Ping, Pools
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.redis import AppRedis
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import Unit, UnitLog
from remediate.programs.run import run_artisan
from support import cache_examples as exr
from support import daily_examples as exd
from support import examples as ex
from support import load_examples as exl
from support.hosts import host_with
from support.scripted import Changes

PATH = "/home/forge/agency-platform"


def host(**settings: object) -> Host:
    return host_with(
        {
            "site_url": "https://example.com/",
            "health_path": "/health",
            "site_contains": "Welcome",
            "php": "php8.2",
            "app_path": PATH,
            "worker_program": "agency-worker",
            **settings,
        }
    )


HOST = host()
PAGES = (*Site.of(HOST), *Site.of(HOST, "/health"))
FPM, FPM_CONFIG, POOLS = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), Pools(php="php8.2", user="forge")
NGINX, NGINX_CONFIG = Unit(name="nginx"), NginxConfig()
DAEMON, ORPHANS = Unit(name="supervisor"), OrphanWorkers()
WORKERS = Workers(program="agency-worker")
APP, DEPLOY = App(php="php8.2", path=PATH, user="forge"), Deploy(user="forge")
DATABASE = AppDatabase(php="php8.2", path=PATH, user="forge")
REDIS = AppRedis(php="php8.2", path=PATH, user="forge")
CACHE = Cache(php="php8.2", path=PATH, user="forge")
QUEUE = QueueMotion(php="php8.2", path=PATH, user="forge")

UP: Changes = dict.fromkeys(PAGES, ex.page())
DOWN: Changes = dict.fromkeys(PAGES, ex.page(502))


def working(*states: str, pid: int = 13057) -> Changes:
    state = ex.workers(*states, pid=pid)
    return {WORKERS: state}


HEALTHY: Changes = {
    **UP,
    FPM: ex.RUNNING,
    FPM_CONFIG: ex.SOUND,
    POOLS: ex.POOLS,
    DATABASE: ex.DATABASE,
    REDIS: exr.redis(),
    CACHE: exr.CACHE,
    QUEUE: exd.motion(workers=(exd.worker(), exd.worker(13058))),
    NGINX: ex.RUNNING,
    NGINX_CONFIG: ex.SOUND,
    PortOwner(port=80): ex.NOBODY,
    PortOwner(port=443): ex.NOBODY,
    DAEMON: ex.RUNNING,
    ORPHANS: ex.NO_STRAYS,
    **working("RUNNING", "RUNNING"),
    APP: ex.APP,
    DEPLOY: ex.NO_DEPLOY,
    DiskSpace(): exl.ROOM,
    **dict.fromkeys((UnitLog(name="php8.2-fpm"), UnitLog(name="nginx"), UnitLog(name="supervisor")), ex.NO_LINES),
    AppLog(path=PATH): ex.NO_LINES,
    NginxLog(): ex.NO_ERRORS,
    NginxSite(domain="example.com"): ex.SITE_SERVED,
    Folders(path=PATH, user="forge"): ex.FOLDERS,
}


def restart(unit: str) -> Run:
    return Run.of("/usr/bin/systemctl", "restart", f"{unit}.service", user=ROOT, seconds=100)


UP_AGAIN = run_artisan("php8.2", PATH, "up", user="forge", seconds=30)

AGAIN = ex.started_again(ex.FAILED)
LEFT = ex.strays((101, 5001), (102, 5002))
CAUSES: dict[str, tuple[Changes, Changes, str]] = {
    "php-fpm down": ({FPM: ex.FAILED, **DOWN}, {FPM: AGAIN}, "php-fpm.restart"),
    "nginx down": ({NGINX: ex.STOPPED, **DOWN}, {NGINX: AGAIN}, "nginx.restart"),
    "supervisor down": (
        {DAEMON: ex.FAILED, WORKERS: ex.NO_DAEMON, ORPHANS: LEFT},
        {DAEMON: AGAIN, ORPHANS: ex.NO_STRAYS, **working("RUNNING", "RUNNING", pid=20001)},
        "supervisor.restart",
    ),
    "workers down": (working("FATAL", "FATAL"), working("RUNNING", "RUNNING", pid=20001), "worker.start"),
}
HUNG: Changes = {POOLS: ex.pools(Ping.SILENT, queue=3), **dict.fromkeys(PAGES, ex.page(504))}
ALONE: dict[str, tuple[Changes, Changes, str]] = {
    **CAUSES,
    "php-fpm hung": (HUNG, {FPM: ex.started_again(ex.RUNNING), POOLS: ex.POOLS}, "php-fpm.restart"),
    "php-fpm socket gone": (
        {POOLS: ex.pools(Ping.REFUSED, children=5), **DOWN},
        {FPM: ex.started_again(ex.RUNNING), POOLS: ex.POOLS},
        "php-fpm.restart",
    ),
    "workers stopped by a signal": (
        {QUEUE: exd.stuck(13057, 13058)},
        {QUEUE: exd.motion(workers=(exd.worker(20001), exd.worker(20002))), **working("RUNNING", "RUNNING", pid=20001)},
        "worker.restart",
    ),
    "workers stopped": (working("STOPPED", "RUNNING"), working("RUNNING", "RUNNING"), "worker.start"),
    "nginx down, nobody's fault": ({NGINX: ex.FAILED, **DOWN}, {NGINX: AGAIN}, "nginx.restart"),
}


def broken(*causes: str) -> Changes:
    state: dict[Probe[Fact] | Run, Fact | Output | Unreadable] = {**HEALTHY}
    for cause in causes:
        state |= ALONE[cause][0]
    return state


def mended(causes: Sequence[str]) -> list[Changes]:
    """Return the effect of each act in turn; the last one brings the site back."""
    *first, last = (ALONE[cause][1] for cause in causes)
    return [*first, {**last, **UP}]


MAINTENANCE: Changes = {APP: ex.IN_MAINTENANCE, **dict.fromkeys(PAGES, ex.page(503))}
