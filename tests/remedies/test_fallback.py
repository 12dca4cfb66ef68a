"""Truth tables: the cache moves to files and back."""

from functools import partial
from itertools import product

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Remedy
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.configuration import CachedConfig, Configuration, ConfigurationState, EnvFile, EnvState, FileState
from remediate.probes.descendants import Descendant, Descendants, DescendantsState
from remediate.probes.http import Site
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis, RedisContent
from remediate.probes.stores import Scan, StoreConnection, Trouble
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.programs.processes import end_processes
from remediate.remedies.cache import ClearCache
from remediate.remedies.cache_restore import RestoreCache
from remediate.remedies.fallback import FallbackState, UseFileCache
from remediate.remedies.opcache import reload_php_fpm
from remediate.remedies.redis import RedisByHand
from remediate.remedies.workers import start_program
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
OLD = DescendantsState(processes=(worker(101, stale=True), worker(102, stale=True)))
NONE = DescendantsState(processes=())
AWAY = ex.redis(Trouble.REFUSED, sessions=None, server="127.0.0.1:6380")
"""The cache has a Redis of its own, which is away."""
IN_FILES = ex.redis(Trouble.REFUSED, sessions=None, server="127.0.0.1:6380", cache="file")
BACK = ex.redis(None, server="127.0.0.1:6380", cache="file")

USUAL: Known = {
    APP: AWAY,
    CACHE: ex.CACHE,
    CODE: ex.ONLY_COPIES,
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
    CACHE: ex.FILE_CACHE,
    ENV: FileState(mark="b" * 64),
    CACHED: FileState(mark="4 5 6.0"),
    PROCESSES: RUNNING,
    WORKERS: ex.workers("RUNNING", "RUNNING"),
    PAGE: ex.page(),
}
TO_RESTORE: Known = {**TAKEN, APP: BACK, CONTENT: ex.content(cache=7)}
RESTORED: Known = {
    **TO_RESTORE,
    APP: ex.redis(server="127.0.0.1:6380"),
    CACHE: ex.CACHE,
    ENV: FileState(mark="c" * 64),
    CACHED: FileState(mark="7 8 9.0"),
}


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


fallback = partial(decide, FALLBACK, USUAL)
restore = partial(decide, RESTORE, TO_RESTORE)


# -- into files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", Trouble)
def test_whatever_is_wrong_with_the_caches_own_redis_files_may_stand_in(trouble: Trouble) -> None:
    assert fallback(app=ex.redis(trouble, sessions=None, server="cache.example.com:6379")) == "proceed"


@pytest.mark.parametrize("trouble", Trouble)
def test_it_is_no_help_where_the_sessions_fail_as_well(trouble: Trouble) -> None:
    assert fallback(app=ex.redis(trouble)) == "fallback-useless"
    assert not any(code.name == "fallback-useless" and code.overridable for code in UseFileCache.refusals)


def test_nothing_is_done_without_need() -> None:
    assert fallback(app=ex.redis()) == "skip"
    assert fallback(app=IN_FILES) == "skip"


def _queue_with_the_cache() -> Fact:
    """Sessions are elsewhere, the queue goes through the connection of the cache."""
    stores = tuple(
        each.model_copy(update={"connection": "cache"}) if each.role.value == "queue" else each for each in AWAY.stores
    )
    return AWAY.model_copy(update={"stores": stores})


def test_where_the_queue_fails_too_it_is_said_and_no_worker_is_started_in_vain() -> None:
    given: Known = {**USUAL, APP: _queue_with_the_cache()}
    verdict = FALLBACK.guard(Facts(given))
    assert verdict.decision.value == "proceed"
    assert verdict.reason.endswith("; the queue is there, too, and goes on waiting")
    assert start_program("agency-worker") not in list(FALLBACK.apply(Facts(given)))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key": None}, "file-cache-unusable"),
        ({"file": None}, "file-cache-unusable"),
        ({"writable": False}, "file-cache-unusable"),
        ({"roomy": False}, "file-cache-unusable"),
        ({"key": "CACHE_STORE", "version": "11.9.0"}, "proceed"),
    ],
)
def test_a_cache_in_files_has_to_work(changed: dict[str, object], code: str) -> None:
    assert fallback(cache=ex.CACHE.model_copy(update=changed)) == code


def test_the_configuration_has_to_be_changeable() -> None:
    assert fallback(configuration=BROKEN) == "env-broken"
    assert fallback(configuration=SOUND.model_copy(update={"external": ("CACHE_DRIVER",)})) == "file-cache-unusable"
    assert fallback(configuration=SOUND.model_copy(update={"external": ("APP_NAME",)})) == "proceed"
    assert fallback(fpm=ex.BROKEN_CONFIG) == "proceed"  # nothing would be reloaded
    assert fallback(fpm=ex.BROKEN_CONFIG, opcache=KEEPS) == "config-broken"


OTHER_EDITS = SOUND.model_copy(
    update={"differs": ("app.debug", "cache.default", "database.connections.mysql.password")}
)
OWN_EDIT = SOUND.model_copy(update={"differs": ("cache.default",)})


def test_other_edits_are_not_put_into_use_along_with_it() -> None:
    assert fallback(configuration=OTHER_EDITS) == restore(configuration=OTHER_EDITS) == "config-pending"
    assert fallback(configuration=OWN_EDIT) == restore(configuration=OWN_EDIT) == "proceed"
    for remedy, usual in ((FALLBACK, USUAL), (RESTORE, TO_RESTORE)):
        reason = remedy.guard(Facts({**usual, CONFIGURATION: OTHER_EDITS})).reason
        assert "app.debug, database.connections.mysql.password" in reason
        assert "cache.default" not in reason
    # What a person may override says all that there is to it.
    several = FALLBACK.model_copy(update={"servers": 2})
    assert decide(several, USUAL, configuration=OTHER_EDITS) == "diverging-caches"
    assert "app.debug" in several.guard(Facts({**USUAL, CONFIGURATION: OTHER_EDITS})).reason
    assert fallback(configuration=OTHER_EDITS, app=ex.redis(Trouble.REFUSED)) == "fallback-useless"


def test_what_somebody_has_stopped_is_not_started() -> None:
    parked = ex.workers("FATAL", "STOPPED")
    for remedy, usual in ((FALLBACK, USUAL), (RESTORE, TO_RESTORE)):
        assert start_program("agency-worker") in list(remedy.apply(Facts(usual)))
        assert start_program("agency-worker") not in list(remedy.apply(Facts({**usual, WORKERS: parked})))
    running = {**TAKEN, WORKERS: ex.workers("RUNNING", "STOPPED")}
    assert isinstance(FALLBACK.verify(seen({**USUAL, WORKERS: parked}), seen(running)), Proven)
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(running)), NotYet)


@pytest.mark.parametrize("servers", [None, 2, 12])
def test_on_several_servers_or_nobody_knows_how_many_a_person_decides(servers: int | None) -> None:
    remedy = FALLBACK.model_copy(update={"servers": servers})
    assert decide(remedy, USUAL) == "diverging-caches"
    # It can be overridden, so whatever speaks against it otherwise is said before.
    assert decide(remedy, USUAL, configuration=BROKEN) == "env-broken"
    assert decide(remedy, USUAL, app=ex.redis(Trouble.REFUSED)) == "fallback-useless"
    assert decide(remedy, USUAL, cache=ex.CACHE.model_copy(update={"roomy": False})) == "file-cache-unusable"


def test_locks_and_marks_in_the_cache_are_a_persons_to_give_up() -> None:
    assert fallback(code=ex.LOCKS) == "locks-in-cache"
    assert fallback(code=ex.ONLY_COPIES.model_copy(update={"whole": False})) == "locks-in-cache"
    assert fallback(code=LOST) == "unreadable"
    assert FALLBACK.guard(Facts({**USUAL, CODE: ex.LOCKS})).reason == (
        "against a cache in files: code of the application: locks or marks in the cache: "
        "app/Jobs/Charge.php (WithoutOverlapping) (127.0.0.1:6380: connection refused)"
    )


# -- in a playbook -----------------------------------------------------------------------------------------------------

HAND, CLEAR = RedisByHand(unit="redis-server", php="php8.2", path=PATH), ClearCache(php="php8.2", path=PATH)
FRESH, REDIS_UNIT = APP.model_copy(update={"fresh": True}), Unit(name="redis-server")
ALLOWED = FALLBACK.model_copy(update={"standing": FallbackState.ALLOWED, "instead": (HAND, CLEAR)})
UNDECLARED = ALLOWED.model_copy(update={"standing": FallbackState.UNDECLARED})
FOREIGN, OWN = (ex.content(scan=Scan(seen=9, foreign=foreign, whole=True)) for foreign in (2, 0))


def left(trouble: Trouble | None, **links: object) -> Known:
    """State what a host answers whose cache has a Redis of its own, which is in this trouble whatever .env says."""
    redis = ex.redis(trouble, sessions=None, server="127.0.0.1:6380", run="c" * 40)
    redis = redis.model_copy(
        update={"links": tuple(_changed(link, {"run": "d" * 40, **links}) for link in redis.links)}
    )
    return {**USUAL, APP: redis, FRESH: redis, REDIS_UNIT: ex.RUNNING, CONTENT: FOREIGN}


def _changed(link: StoreConnection, links: dict[str, object]) -> StoreConnection:
    return link.model_copy(update=links) if link.connection == "default" else link


CLUSTER = {"server": "127.0.0.1:6380,127.0.0.1:6381"}


@pytest.mark.parametrize("trouble", Trouble)
def test_a_redis_that_nobody_here_mends_has_the_cache_kept_in_files(trouble: Trouble) -> None:
    # What is loading, busy or handing over comes back by itself.
    expected = "skip" if trouble in {Trouble.LOADING, Trouble.OTHER} else "proceed"
    assert toys.decide(ALLOWED, left(trouble)) == expected
    assert toys.decide(UNDECLARED, left(trouble)) == ("skip" if expected == "skip" else "fallback-undeclared")


def test_what_another_remedy_mends_is_left_to_it() -> None:
    assert toys.decide(ALLOWED, left(None)) == "skip"
    assert toys.decide(ALLOWED, {**left(Trouble.MEMORY), CONTENT: OWN}) == "skip"  # cache.clear
    stale = {**left(Trouble.DENIED), FRESH: ex.redis(server="127.0.0.1:6380")}
    assert toys.decide(ALLOWED, stale) == "skip"  # config.cache
    assert toys.decide(ALLOWED, {**left(Trouble.DENIED), FRESH: LOST}) == "unreadable"


def test_what_else_is_in_that_redis_is_not_left_behind() -> None:
    both = ex.redis(Trouble.DENIED)
    assert toys.decide(ALLOWED, {**left(None), APP: both, FRESH: both}) == "fallback-useless"
    # Another password for the cache alone: sessions and queue go on in the same one.
    same = {"server": "127.0.0.1:6380", "run": None}
    assert toys.decide(ALLOWED, left(Trouble.REPLICA, run=None, server="/run/redis.sock")) == "fallback-partial"
    for links in (same, {"server": "localhost:6380"}, {"server": "redis.internal:6380"}, CLUSTER):
        unknown = left(Trouble.REPLICA, **{"run": None, **links})
        assert toys.decide(ALLOWED, unknown) == "fallback-partial", links
    assert toys.decide(ALLOWED, left(Trouble.REPLICA, server="127.0.0.1:6380")) == "proceed"  # told apart by its run id
    assert toys.decide(ALLOWED, left(Trouble.REPLICA, run="c" * 40)) == "fallback-partial"
    assert ALLOWED.guard(Facts(left(Trouble.REPLICA, run="c" * 40))).reason == (
        "against a cache in files: sessions and queue are in that Redis, too, or may be "
        "(127.0.0.1:6380: a replica, read only)"
    )


@pytest.mark.parametrize(
    ("remedy", "changed", "code"),
    [
        (ALLOWED.model_copy(update={"servers": 2}), {}, "diverging-caches"),
        (ALLOWED.model_copy(update={"servers": None}), {}, "diverging-caches"),
        (ALLOWED, {CODE: ex.LOCKS}, "locks-in-cache"),
        (ALLOWED, {CODE: LOST}, "unreadable"),
        (ALLOWED, {CONFIGURATION: OTHER_EDITS}, "config-pending"),
        (ALLOWED, {CACHE: ex.CACHE.model_copy(update={"roomy": False})}, "file-cache-unusable"),
        (UNDECLARED.model_copy(update={"servers": None}), {CODE: ex.LOCKS}, "diverging-caches"),
    ],
)
def test_the_inventory_alone_is_not_enough(remedy: UseFileCache, changed: Known, code: str) -> None:
    assert toys.decide(remedy, {**left(Trouble.DENIED), **changed}) == code


def test_everything_that_speaks_against_it_is_said() -> None:
    remedy = UNDECLARED.model_copy(update={"servers": None})
    assert remedy.guard(Facts({**left(Trouble.DENIED), CODE: ex.LOCKS})).reason == (
        "against a cache in files: an unknown number of servers run the application (remediate.app_servers); "
        "code of the application: locks or marks in the cache: app/Jobs/Charge.php (WithoutOverlapping); "
        "remediate.redis.fallback does not allow it without a person (127.0.0.1:6380: password rejected)"
    )


def test_the_inventory_says_who_wants_it() -> None:
    stated = {"php": "php8.3", "app_path": "/srv/app", "site_url": "https://a.example/", "app_servers": 1}
    for redis, standing in (
        ({"fallback": True}, FallbackState.ALLOWED),
        ({}, FallbackState.UNDECLARED),
        (None, FallbackState.UNDECLARED),
    ):
        settings = Settings.model_validate({**stated, "redis": redis})
        host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
        made = UseFileCache.as_declared(host, RedisByHand.on(host))
        assert (made.standing, made.servers, len(made.instead)) == (standing, 1, 1)
        assert UseFileCache.on(host).standing is FallbackState.ASKED


@pytest.mark.parametrize("name", ["app", "cache", "configuration", "opcache"])
def test_what_cannot_be_known_is_not_decided(name: str) -> None:
    assert fallback(**{name: LOST}) == "unreadable"
    assert restore(**{name: LOST}) == "unreadable"


def words(run: Run) -> str:
    return str(run).replace(f" -u {run.user}", "")


def test_what_it_does() -> None:
    note, edit, config, start = FALLBACK.apply(Facts(USUAL))
    assert (note.argv, note.user) == (("/usr/bin/tee", "--", MARKER), "forge")
    assert note.stdin is not None
    assert note.stdin.get_secret_value() == "redis\n"
    assert edit.stdin is not None
    assert '"key": "CACHE_DRIVER", "value": "ZmlsZQ==", "seen": "aaaa' in edit.stdin.get_secret_value()
    assert [words(run) for run in (edit, config)] == [
        f"sudo -n /usr/bin/php8.2 -r 'edit_env.php of remediate' -- {PATH}",
        f"sudo -n /usr/bin/php8.2 -r 'cache_config.php of remediate' -- {PATH}",
    ]
    assert start == start_program("agency-worker")
    assert start.user == ROOT


def test_php_fpm_and_running_workers_are_made_to_take_it() -> None:
    given = Facts({**USUAL, OPCACHE: KEEPS, PROCESSES: OLD})
    _, _, _, reload, end, _ = FALLBACK.apply(given)
    assert reload == reload_php_fpm("php8.2")
    assert end == end_processes(("101:1010", "102:1020"), "forge", 60, left="leave")


def test_without_a_cached_configuration_env_is_enough() -> None:
    given = Facts({**USUAL, CONFIGURATION: SOUND.model_copy(update={"cached": False})})
    assert len(list(FALLBACK.apply(given))) == 3


def seen(known: Known) -> Facts:
    stated = {probe: fact for probe, fact in known.items() if isinstance(fact, Fact)}
    from remediate.core.command import Output

    return Facts(known, {probe: Output(stdout=fact.model_dump_json()) for probe, fact in stated.items()})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({APP: AWAY}, "the cache is in redis"),
        ({CACHE: ex.CACHE.model_copy(update={"now": "file"})}, "the cache is in file"),
        ({CONFIGURATION: SOUND.model_copy(update={"differs": ("cache.default",)})}, "differs from .env"),
        ({CONFIGURATION: SOUND.model_copy(update={"differs": ("app.debug",)})}, "differs from .env"),
        ({PROCESSES: OLD}, "2 workers still have"),
        ({OPCACHE: KEEPS, CHILDREN: OLD, CACHED: ex.cached_config(2)}, "2 children of php8.2-fpm are older"),
        ({OPCACHE: KEEPS, CACHED: ex.cached_config(2, written=1795500000.5)}, "php8.2-fpm is older"),
        ({WORKERS: ex.workers("FATAL", "RUNNING")}, "agency-worker 1/2 running, FATAL"),
        ({PAGE: ex.page(503)}, "https://example.com/health 503"),
        ({ENV: USUAL[ENV], CACHED: USUAL[CACHED]}, "neither .env nor"),
    ],
)
def test_it_is_proven_only_by_everything_together(changed: Known, reason: str) -> None:
    result = FALLBACK.verify(seen(USUAL), seen({**TAKEN, **changed}))
    assert isinstance(result, NotYet)
    assert reason in result.reason
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(TAKEN)), Proven)


def test_an_edit_by_hand_that_nobody_cached_is_taken() -> None:
    same = {**TAKEN, ENV: USUAL[ENV]}
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(same)), Proven)


# -- and back ----------------------------------------------------------------------------------------------------------


def test_it_goes_back_when_redis_answers() -> None:
    assert restore() == "proceed"
    reason = RESTORE.guard(Facts(TO_RESTORE)).reason
    said = "127.0.0.1:6380 answers: CACHE_DRIVER from file back to redis"
    assert reason == f"{said}; 7 keys in 127.0.0.1:6380 database 1 are from before"


@pytest.mark.parametrize("trouble", Trouble)
def test_it_does_not_go_back_to_what_still_fails(trouble: Trouble) -> None:
    failing = ex.redis(trouble, sessions=None, cache="file")
    assert restore(app=failing) == ("redis-loading" if trouble is Trouble.LOADING else "redis-still-failing")


@pytest.mark.parametrize(
    "changed", [{"before": None, "connection": None, "moved": None}, {"now": "redis"}, {"now": "array"}]
)
def test_where_no_fallback_lasts_there_is_nothing_to_end(changed: dict[str, object]) -> None:
    assert restore(cache=ex.FILE_CACHE.model_copy(update=changed)) == "skip"


def test_a_store_that_is_gone_is_not_guessed() -> None:
    assert restore(cache=ex.FILE_CACHE.model_copy(update={"connection": None})) == "file-cache-unusable"
    assert restore(configuration=BROKEN) == "env-broken"


def test_where_it_was_is_forgotten_last() -> None:
    edit, _, end, start, forget = RESTORE.apply(Facts(TO_RESTORE))
    assert edit.stdin is not None
    assert '"value": "cmVkaXM="' in edit.stdin.get_secret_value()
    assert end == end_processes(("101:1010", "102:1020"), "forge", 60, left="leave")
    assert start == start_program("agency-worker")
    assert forget == Run.of("/usr/bin/rm", "-f", "--", user="forge", seconds=10).helped("forget-fallback", MARKER)


def test_every_run_reminds_of_it_and_only_while_it_lasts() -> None:
    assert ex.FILE_CACHE.ok is False
    assert ex.FILE_CACHE.describe() == "in files instead of redis since 2026-11-18 11:06Z: do.cache.restore goes back"
    assert (ex.CACHE.ok, ex.CACHE.describe()) == (None, "in redis")
    undone = ex.FILE_CACHE.model_copy(update={"now": "redis"})
    assert (undone.ok, undone.describe()) == (None, "in redis")


def test_the_inventory_fills_it() -> None:
    stated = {"php": "php8.3", "app_path": "/srv/app", "app_user": "www", "site_url": "https://a.example/"}
    settings = Settings.model_validate({**stated, "app_servers": 3, "worker_program": "shop"})
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
    made = UseFileCache.on(host)
    assert (made.php, made.path, made.user, made.servers, made.program) == ("php8.3", "/srv/app", "www", 3, "shop")
    assert [page.url for page in made.pages] == ["https://a.example/", "https://a.example/"]
    assert RestoreCache.on(host).pages == made.pages


STATES: dict[Probe[Fact], tuple[Fact | Unreadable, ...]] = {
    APP: (AWAY, IN_FILES, BACK, ex.redis(), ex.redis(Trouble.REFUSED), _queue_with_the_cache(), LOST),
    CACHE: (ex.CACHE, ex.FILE_CACHE, ex.CACHE.model_copy(update={"key": None}), LOST),
    CONFIGURATION: (SOUND, BROKEN, OTHER_EDITS, SOUND.model_copy(update={"external": ("CACHE_DRIVER",)}), LOST),
    OPCACHE: (LOOKS, KEEPS, LOST),
    FPM: (ex.SOUND, ex.BROKEN_CONFIG, LOST),
}
OTHERS: tuple[Known, ...] = tuple(
    {**TO_RESTORE, **dict(zip(STATES, states, strict=True))} for states in product(*STATES.values())
)
EXAMPLES = {
    "cache.fallback": (FALLBACK, USUAL, TAKEN, OTHERS),
    "cache.restore": (RESTORE, TO_RESTORE, RESTORED, OTHERS),
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
