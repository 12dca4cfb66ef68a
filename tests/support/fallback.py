"""A cache that may move to files: its host before, after and back."""

from functools import partial

from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.configuration import CachedConfig, Configuration, ConfigurationState, EnvFile, EnvState, FileState
from remediate.probes.descendants import Descendant, Descendants, DescendantsState
from remediate.probes.http import Site
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis, RedisContent
from remediate.probes.stores import Trouble
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.remedies.cache_restore import RestoreCache
from remediate.remedies.fallback import UseFileCache
from support import cache_examples as exr
from support import examples as ex
from support import toys

PATH = "/home/forge/agency-platform"
PAGE = Site(url="https://example.com/health", asked_from=Vantage.HOST)
FALLBACK = UseFileCache(php="php8.2", path=PATH, program="agency-worker", servers=1, pages=(PAGE,))
RESTORE = RestoreCache(php="php8.2", path=PATH, program="agency-worker", pages=(PAGE,))
OF = {"php": "php8.2", "path": PATH, "user": "forge"}
APP, CACHE, CONTENT, CODE = (kind.model_validate(OF) for kind in (AppRedis, Cache, RedisContent, CacheCode))
CONFIGURATION = Configuration.model_validate(OF)
ENV, CACHED = EnvFile(path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
PROCESSES = Descendants(path=PATH, user="forge", unit="supervisor")
PHP_FPM, CHILDREN = Unit(name="php8.2-fpm"), Descendants(path=PATH, user="forge", unit="php8.2-fpm")
OPCACHE, FPM, WORKERS = Opcache(php="php8.2"), PhpFpmConfig(php="php8.2"), Workers(program="agency-worker")
MARKER = f"{PATH}/storage/framework/remediate-cache-fallback"

SOUND = ConfigurationState(cached=True, env=EnvState.SOUND, message="", differs=(), external=())
BROKEN = SOUND.model_copy(update={"env": EnvState.BROKEN, "message": ".env cannot be parsed"})
LOOKS, KEEPS = OpcacheState(enabled=True, looks_again=True), OpcacheState(enabled=True, looks_again=False)
LOST = Unreadable("not now")
Known = dict[Probe[Fact], Fact | Unreadable]


def worker(pid: int, *, stale: bool = False) -> Descendant:
    arguments = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1"
    return Descendant(pid=pid, started=pid * 10, stale=stale, user="forge", directory=PATH, arguments=arguments)


RUNNING = DescendantsState(processes=(worker(101), worker(102)))
NONE = DescendantsState(processes=())
AWAY = exr.redis(Trouble.REFUSED, sessions=None, server="127.0.0.1:6380")
"""The cache has a Redis of its own, which is away."""
IN_FILES = exr.redis(Trouble.REFUSED, sessions=None, server="127.0.0.1:6380", cache="file")
BACK = exr.redis(None, server="127.0.0.1:6380", cache="file")

USUAL: Known = {
    APP: AWAY,
    CACHE: exr.CACHE,
    CODE: exr.ONLY_COPIES,
    CONFIGURATION: SOUND,
    ENV: FileState(mark="a" * 64),
    CACHED: FileState(mark="1 2 3.0"),
    PROCESSES: NONE,
    OPCACHE: LOOKS,
    FPM: ex.SOUND,
    PHP_FPM: ex.RUNNING,
    CHILDREN: NONE,
    WORKERS: ex.workers("FATAL", "FATAL"),
    PAGE: ex.page(503),
}
TAKEN: Known = {
    **USUAL,
    APP: IN_FILES,
    CACHE: exr.FILE_CACHE,
    ENV: FileState(mark="b" * 64),
    CACHED: FileState(mark="4 5 6.0"),
    PROCESSES: RUNNING,
    WORKERS: ex.workers("RUNNING", "RUNNING"),
    PAGE: ex.page(),
}
TO_RESTORE: Known = {**TAKEN, APP: BACK, CONTENT: exr.content(cache=7)}


def decide(remedy: Remedy, usual: Known, **changed: Fact | Unreadable) -> str:
    probes: dict[str, Probe[Fact]] = {
        "app": APP,
        "cache": CACHE,
        "configuration": CONFIGURATION,
        "env": ENV,
        "processes": PROCESSES,
        "opcache": OPCACHE,
        "fpm": FPM,
        "content": CONTENT,
        "code": CODE,
    }
    return toys.decide(remedy, {**usual, **{probes[name]: fact for name, fact in changed.items()}})


restore = partial(decide, RESTORE, TO_RESTORE)


OTHER_EDITS = SOUND.model_copy(
    update={"differs": ("app.debug", "cache.default", "database.connections.mysql.password")}
)
