"""A host whose cache is well, and the ways in which it is not."""

from remediate.core.command import Output
from remediate.core.host import Host
from remediate.core.outcome import HostOutcome
from remediate.core.playbook import Severity
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.playbooks.cache_down import cache_down
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.configuration import CachedConfig, Configuration, ConfigurationState, EnvFile, EnvState, FileState
from remediate.probes.descendants import ConfigurationOfWorkers, Descendant, Descendants, DescendantsState
from remediate.probes.filesystems import DiskSpace
from remediate.probes.laravel import App, AppDatabase, Deploy
from remediate.probes.laravel_log import AppLog
from remediate.probes.network import PortOwner
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis, RedisContent, RedisState
from remediate.probes.stores import Scan, Trouble
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import Unit, UnitLog
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from remediate.testing import play
from support import cache_examples as exr
from support import examples as ex
from support import load_examples as exl
from support.incidents import host as app_host
from support.scripted import Changes, FactSession

PATH = "/home/forge/agency-platform"
OF = {"php": "php8.2", "path": PATH, "user": "forge"}


def host(**settings: object) -> Host:
    return app_host(site_vantage=["host"], **{"redis": {"unit": "redis-server", "port": 6379}, **settings})


HOST = host()
PAGES = tuple(probe for probe in cache_down(HOST).symptoms if probe.kind == "http.site")
UNIT, DAEMON, NGINX, FPM = (Unit(name=name) for name in ("redis-server", "supervisor", "nginx", "php8.2-fpm"))
APP = AppRedis.model_validate(OF)
FRESH = APP.model_copy(update={"fresh": True})
CONTENT, CACHE, CODE = RedisContent.model_validate(OF), Cache.model_validate(OF), CacheCode.model_validate(OF)
CONFIGURATION = Configuration.model_validate(OF)
ENV, CACHED = EnvFile(path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
WORKERS = Workers(program="agency-worker")
OF_WORKERS = ConfigurationOfWorkers(path=PATH, user="forge")
BELOW, CHILDREN = (Descendants(path=PATH, user="forge", unit=unit) for unit in ("supervisor", "php8.2-fpm"))

SOUND = ConfigurationState(cached=True, env=EnvState.SOUND, message="", differs=(), external=())


def below(*, stale: bool, pid: int = 101) -> DescendantsState:
    arguments = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1"
    process = Descendant(pid=pid, started=5001, stale=stale, user="forge", directory=PATH, arguments=arguments)
    return DescendantsState(processes=(process,))


def taken(*, stale: bool, pid: int = 101) -> Changes:
    """The answers to both questions about the workers' configuration."""
    return dict.fromkeys((BELOW, OF_WORKERS), below(stale=stale, pid=pid))


def working(*states: str, pid: int = 13057) -> Changes:
    state = ex.workers(*states, pid=pid)
    return {WORKERS: state}


HEALTHY: Changes = {
    **dict.fromkeys(PAGES, ex.page()),
    **dict.fromkeys((UNIT, DAEMON, NGINX, FPM), ex.RUNNING),
    **dict.fromkeys((APP, FRESH), exr.redis()),
    PortOwner(port=6379): ex.listening(("redis-server", 9)),
    CONTENT: exr.content(),
    CACHE: exr.CACHE,
    CODE: exr.ONLY_COPIES,
    CONFIGURATION: SOUND,
    ENV: FileState(mark="a" * 64),
    CACHED: FileState(mark="1 2 3.0"),
    Opcache(php="php8.2"): OpcacheState(enabled=True, looks_again=True),
    PhpFpmConfig(php="php8.2"): ex.SOUND,
    **taken(stale=False),
    CHILDREN: DescendantsState(processes=()),
    OrphanWorkers(): ex.NO_STRAYS,
    **working("RUNNING", "RUNNING"),
    App.model_validate(OF): ex.APP,
    AppDatabase.model_validate(OF): ex.DATABASE,
    Deploy(user="forge"): ex.NO_DEPLOY,
    DiskSpace(): exl.ROOM,
    UnitLog(name="redis-server"): ex.NO_LINES,
    AppLog(path=PATH): ex.NO_LINES,
}
BROKEN: Changes = dict.fromkeys(PAGES, ex.page(503))
RIGHT: Changes = dict.fromkeys(PAGES, ex.page())


def printed(changes: Changes) -> Changes:
    """State what a host prints for the facts that are about files and processes."""
    return {probe: _printed(fact) for probe, fact in changes.items()}


def _printed(fact: Fact | Output | Unreadable) -> Fact | Output | Unreadable:
    match fact:
        case ConfigurationState():
            return Output(stdout=f"\nremediate:{fact.model_dump_json()}\n")
        case FileState(mark=mark):
            return Output(stdout=f"{mark}  {PATH}/.env\n" if len(mark) == 64 else mark)
        case OpcacheState():
            looks = "On" if fact.looks_again else "Off"
            settings = f"opcache.enable => On => On\nopcache.validate_timestamps => {looks} => {looks}\n"
            return Output(stdout=f"PHP Version => 8.2.29\n{settings}")
        case DescendantsState():
            lines = (
                f"{each.pid} {each.started} {'stale' if each.stale else 'fresh'} {each.user} {each.directory} "
                f"{each.arguments} \n"
                for each in fact.processes
            )
            return Output(stdout="".join(lines))
        case _:
            return fact


def run(broken: Changes, *acts: Changes, on: Host = HOST) -> HostOutcome:
    session = FactSession(printed({**HEALTHY, **broken}), *map(printed, acts))
    return play(cache_down, session, host=on)


def changed(outcome: HostOutcome) -> list[str]:
    return [step.remedy for step in outcome.steps if step.changed]


ALLOWED = host(redis={"unit": "redis-server", "fallback": True}, app_servers=1)
HINTS = CommandHints("invoke", "cache-down", "7f3a", Severity.SEV2)


def advice_of(outcome: HostOutcome) -> str:
    """Return what a person reads at the end, on one line."""
    return " ".join(" ".join(verdict_lines(outcome, HINTS)).split())


def apart(redis: RedisState) -> RedisState:
    """Tell the servers of both connections apart by their run ids."""
    runs = zip(redis.links, ("c" * 40, "d" * 40), strict=True)
    return redis.model_copy(
        update={"links": tuple(link.model_copy(update={"run": link.run and run}) for link, run in runs)}
    )


def alone(trouble: Trouble) -> Changes:
    """Say how a host answers whose cache has a Redis of its own, in this trouble whatever .env says."""
    redis = apart(exr.redis(trouble, sessions=None, server="127.0.0.1:6380"))
    return {**BROKEN, **dict.fromkeys((APP, FRESH), redis), CONTENT: exr.content(scan=FOREIGN)}


FOREIGN = Scan(seen=9, foreign=2, whole=True)
