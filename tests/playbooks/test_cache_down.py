"""cache-down from the first look to the verdict, on a scripted host."""

import pytest

from remediate.core.command import Output
from remediate.core.host import Host
from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.core.probe import Fact, Probe
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.cache_down import cache_down
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.configuration import CachedConfig, Configuration, ConfigurationState, EnvFile, EnvState, FileState
from remediate.probes.descendants import ConfigurationOfWorkers, Descendant, Descendants, DescendantsState
from remediate.probes.filesystems import DiskSpace
from remediate.probes.laravel import App, AppDatabase, AppLog, Deploy
from remediate.probes.network import PortOwner
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.redis import AppRedis, ContentState, RedisContent, RedisState
from remediate.probes.stores import Scan, Trouble
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import Unit, UnitLog
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from remediate.testing import play
from support import examples as ex
from support import incidents
from support import load_examples as exl
from support.incidents import host as app_host
from support.outcomes import code
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

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
STALE = SOUND.model_copy(update={"differs": ("database.redis.cache.password", "database.redis.default.password")})


def below(*, stale: bool, pid: int = 101) -> DescendantsState:
    arguments = f"/usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1"
    process = Descendant(pid=pid, started=5001, stale=stale, user="forge", directory=PATH, arguments=arguments)
    return DescendantsState(processes=(process,))


def taken(*, stale: bool, pid: int = 101) -> Changes:
    """What both questions about the workers' configuration are answered."""
    return dict.fromkeys((BELOW, OF_WORKERS), below(stale=stale, pid=pid))


def working(*states: str, pid: int = 13057) -> Changes:
    state = ex.workers(*states, pid=pid)
    return {WORKERS: state}


HEALTHY: Changes = {
    **dict.fromkeys(PAGES, ex.page()),
    **dict.fromkeys((UNIT, DAEMON, NGINX, FPM), ex.RUNNING),
    **dict.fromkeys((APP, FRESH), ex.redis()),
    PortOwner(port=6379): ex.listening(("redis-server", 9)),
    CONTENT: ex.content(),
    CACHE: ex.CACHE,
    CODE: ex.ONLY_COPIES,
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
KINDS = (
    *("laravel.up", "redis.restart", "redis.by-hand", "config.cache", "php-fpm.reload", "cache.clear"),
    *("incident.hand-over", "cache.fallback", "supervisor.restart", "worker.restart", "worker.start"),
)


def failing(trouble: Trouble) -> Changes:
    return {**BROKEN, APP: ex.redis(trouble), FRESH: ex.redis(trouble)}


WELL: Changes = {**RIGHT, APP: ex.redis(), FRESH: ex.redis()}
DOWN: Changes = {**failing(Trouble.REFUSED), UNIT: ex.FAILED, PortOwner(port=6379): ex.NOBODY}
FATAL = working("FATAL", "FATAL")


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


# -- looking -----------------------------------------------------------------------------------------------------------


def test_every_question_is_stated_here() -> None:
    assert {probe.kind for probe in cache_down(HOST).probes() if probe not in HEALTHY} == set()


def test_redis_comes_first_and_the_workers_last() -> None:
    assert tuple(remedy.kind for remedy in cache_down(HOST).remedies) == KINDS
    theirs = cache_down(host(redis={"port": 6379}, worker_program=None))
    assert [remedy.kind for remedy in theirs.remedies] == [
        *("laravel.up", "redis.by-hand", "config.cache", "php-fpm.reload", "cache.clear", "incident.hand-over"),
        "cache.fallback",
    ]


def test_a_healthy_host_is_left_alone_after_one_look() -> None:
    session = FactSession(printed(HEALTHY))
    outcome = play(cache_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.execs) == (RunVerdict.HEALTHY, Touched.NO, 1)


def test_without_the_application_redis_cannot_be_asked() -> None:
    with pytest.raises(ConfigurationError, match="app_path"):
        cache_down(host(app_path=None))


def test_it_reminds_of_a_cache_in_files() -> None:
    outcome = run({APP: ex.redis(cache="file"), FRESH: ex.redis(cache="file"), CACHE: ex.FILE_CACHE})
    assert outcome.verdict is RunVerdict.HEALTHY
    (reminder,) = [each for each in outcome.before if each.probe == "cache.settings"]
    assert (reminder.ok, reminder.note.startswith("in files instead of redis since 2026-")) == (False, True)


# -- what it mends -----------------------------------------------------------------------------------------------------


def test_redis_is_started_and_then_the_workers_that_died_of_it() -> None:
    outcome = run({**DOWN, **FATAL}, {**WELL, UNIT: ex.started_again(ex.FAILED)}, working("RUNNING", "RUNNING"))
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["redis.restart", "worker.start"]


def test_one_that_cannot_be_started_has_no_workers_started_in_vain() -> None:
    outcome = run({**DOWN, **FATAL, UNIT: ex.MASKED})
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unit-masked", Touched.NO)
    assert outcome.steps[-1].decision.value == "not_attempted"


def test_a_stale_password_is_rebuilt_and_the_workers_take_it() -> None:
    broken = {**failing(Trouble.DENIED), FRESH: ex.redis(), CONFIGURATION: STALE}
    rebuilt: Changes = {**WELL, CONFIGURATION: SOUND, CACHED: FileState(mark="4 5 6.0"), **taken(stale=True)}
    outcome = run(broken, rebuilt, {**taken(stale=False, pid=201), **working("RUNNING", "RUNNING", pid=201)})
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["config.cache", "worker.restart"]


def test_workers_that_keep_the_old_password_are_not_taken_for_fixed() -> None:
    broken = {**failing(Trouble.DENIED), FRESH: ex.redis(), CONFIGURATION: STALE, DAEMON: ex.MASKED}
    rebuilt: Changes = {**WELL, CONFIGURATION: SOUND, CACHED: FileState(mark="4 5 6.0"), **taken(stale=True)}
    outcome = run(broken, rebuilt)
    assert changed(outcome) == ["config.cache"]
    assert outcome.verdict is not RunVerdict.FIXED


@pytest.mark.parametrize("broken", [{**DOWN, UNIT: ex.MASKED}, failing(Trouble.REPLICA)], ids=["masked", "replica"])
def test_a_configuration_that_would_not_help_is_not_rebuilt(broken: Changes) -> None:
    outcome = run({**broken, CONFIGURATION: SOUND.model_copy(update={"differs": ("queue.default",)})})
    assert (outcome.verdict, changed(outcome)) == (RunVerdict.REFUSED, [])


def test_an_edit_of_env_that_is_not_about_redis_is_not_taken_now() -> None:
    other = SOUND.model_copy(update={"differs": ("mail.mailers.smtp.password",)})
    assert changed(run({CONFIGURATION: other})) == []
    assert code(run({**failing(Trouble.REPLICA), CONFIGURATION: other})) == "wrong-role"


def test_a_cache_alone_in_its_database_is_emptied_when_memory_is_full() -> None:
    full = {**failing(Trouble.MEMORY), CONTENT: ex.content(scan=ex.OWN_KEYS)}
    outcome = run(full, {**WELL, CONTENT: ex.content(cache=0)})
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["cache.clear"]


def test_cleared_says_artisan_and_it_is_not_taken_for_that() -> None:
    full = {**failing(Trouble.MEMORY), CONTENT: ex.content(scan=ex.OWN_KEYS)}
    outcome = run(full, {})
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-verified")


# -- what it leaves to a person ----------------------------------------------------------------------------------------

SHARED: Changes = {**BROKEN, **dict.fromkeys((APP, FRESH), ex.redis(Trouble.MEMORY, shared=True))}
HANDS: dict[str, tuple[Changes, str]] = {
    "shared": (SHARED, "shared-store"),
    "foreign keys": (
        {**failing(Trouble.MEMORY), CONTENT: ex.content(scan=Scan(seen=9, foreign=2, whole=True))},
        "shared-store",
    ),
    "password": (failing(Trouble.DENIED), "password-rejected"),
    "replica": (failing(Trouble.REPLICA), "wrong-role"),
    "disk": (failing(Trouble.UNSAVED), "persistence-failing"),
    "hung": (failing(Trouble.TIMEOUT), "redis-silent"),
    "clients": (failing(Trouble.CLIENTS), "redis-failing"),
    "loading": (failing(Trouble.LOADING), "redis-loading"),
    "unknown": ({**BROKEN, **dict.fromkeys((APP, FRESH), Unreadable("no answer within 25 s"))}, "unreadable"),
}


@pytest.mark.parametrize("name", HANDS)
def test_what_no_command_may_mend_is_refused_by_its_name(name: str) -> None:
    broken, expected = HANDS[name]
    outcome = run(broken)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert expected in {step.code for step in outcome.steps}


def test_a_redis_of_somebody_else_is_named_with_the_way_out() -> None:
    away = ex.redis(Trouble.REFUSED, sessions=None, server="cache.example.com:6379")
    outcome = run({**BROKEN, **FATAL, APP: away, FRESH: away}, on=host(redis=None))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "redis-not-ours")
    assert "next: start it where it runs; until then invoke do.cache.fallback --host" in _next(outcome)
    assert "worker.start" in {step.remedy for step in outcome.steps if step.decision.value == "not_attempted"}


# -- the cache in files, where the inventory allows it -----------------------------------------------------------------

ALLOWED = host(redis={"unit": "redis-server", "fallback": True}, app_servers=1)
HINTS = CommandHints("invoke", "cache-down", "7f3a", Severity.SEV2)


def _next(outcome: HostOutcome) -> str:
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
    redis = apart(ex.redis(trouble, sessions=None, server="127.0.0.1:6380"))
    return {**BROKEN, **dict.fromkeys((APP, FRESH), redis), CONTENT: ex.content(scan=FOREIGN)}


FOREIGN = Scan(seen=9, foreign=2, whole=True)


def in_files(trouble: Trouble) -> Changes:
    redis = ex.redis(trouble, sessions=None, server="127.0.0.1:6380", cache="file")
    moved: Changes = {ENV: FileState(mark="b" * 64), CACHED: FileState(mark="4 5 6.0"), CACHE: ex.FILE_CACHE}
    return {**RIGHT, **dict.fromkeys((APP, FRESH), redis), **moved}


@pytest.mark.parametrize(
    "trouble",
    [
        *(Trouble.DENIED, Trouble.MEMORY, Trouble.UNSAVED, Trouble.CLIENTS, Trouble.REPLICA, Trouble.REFUSED),
        *(Trouble.TIMEOUT, Trouble.FORBIDDEN),
    ],
)
def test_the_cache_goes_into_files_when_its_redis_cannot_be_mended(trouble: Trouble) -> None:
    outcome = run(alone(trouble), in_files(trouble), on=ALLOWED)
    assert (outcome.verdict, changed(outcome)) == (RunVerdict.FIXED, ["cache.fallback"]), outcome.error
    assert "though: cache in files instead of redis since" in _next(outcome)
    assert "do.cache.restore goes back" in _next(outcome)


def emptied(redis: RedisState) -> Changes:
    """Say how a host answers whose cache is empty, in a Redis that is full of another database's keys."""
    (cache, default) = ex.content(cache=0, others=90_000, scan=Scan(seen=0, foreign=0, whole=True)).contents
    content = ContentState(contents=(cache, default))
    return {**BROKEN, **dict.fromkeys((APP, FRESH), redis), CONTENT: content}


FULL = ex.redis(Trouble.MEMORY, sessions=None, server="127.0.0.1:6380")


def test_an_empty_cache_in_a_redis_that_others_have_filled_goes_into_files() -> None:
    outcome = run(emptied(apart(FULL)), in_files(Trouble.MEMORY), on=ALLOWED)
    assert "memory-elsewhere" in {step.code for step in outcome.steps}
    assert (outcome.verdict, changed(outcome)) == (RunVerdict.FIXED, ["cache.fallback"]), outcome.error


ADVISED: dict[str, tuple[Changes, str, str]] = {
    "memory, the cache's own": (alone(Trouble.MEMORY), "shared-store", "give the cache a separate database"),
    "memory, others'": (emptied(apart(FULL)), "memory-elsewhere", "find out what fills it (sessions, queue)"),
    "MISCONF": (alone(Trouble.UNSAVED), "persistence-failing", "free space on its disk"),
}


@pytest.mark.parametrize("name", ADVISED)
def test_what_a_person_may_do_is_named_with_the_way_out(name: str) -> None:
    broken, expected, advice = ADVISED[name]
    outcome = run(broken, on=host(app_servers=1))
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.REFUSED, Touched.NO, expected)
    told = _next(outcome)
    assert f"next: {advice}" in told
    assert "; until then invoke do.cache.fallback --host web1; " in told
    assert "remediate.redis.fallback does not allow it without a person" in told


AGAINST: dict[str, tuple[Host, Changes, str]] = {
    "not allowed": (host(app_servers=1), {}, "remediate.redis.fallback does not allow it without a person"),
    "several servers": (
        host(redis={"unit": "redis-server", "fallback": True}, app_servers=2),
        {},
        "2 servers run the application (remediate.app_servers)",
    ),
    "nobody knows how many": (
        host(redis={"unit": "redis-server", "fallback": True}),
        {},
        "an unknown number of servers run the application (remediate.app_servers)",
    ),
    "locks": (ALLOWED, {CODE: ex.LOCKS}, "locks or marks in the cache: app/Jobs/Charge.php (WithoutOverlapping)"),
    "code unknown": (ALLOWED, {CODE: ex.ONLY_COPIES.model_copy(update={"whole": False})}, "not all of it"),
    "sessions, too": (
        ALLOWED,
        dict.fromkeys((APP, FRESH), ex.redis(Trouble.DENIED)),
        "would not help: 127.0.0.1:6379: password rejected; the sessions are there, too",
    ),
}


@pytest.mark.parametrize("name", AGAINST)
def test_elsewhere_it_is_said_what_speaks_against_it(name: str) -> None:
    here, changes, said = AGAINST[name]
    outcome = run({**alone(Trouble.DENIED), **changes}, on=here)
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.REFUSED, Touched.NO, "password-rejected")
    told = _next(outcome)
    assert "next: set the right password in .env with do.env.set, then run this again; until then " in told
    assert "do.cache.fallback" in told
    assert said in told
    assert run({**alone(Trouble.DENIED), **changes}, on=here).touched is Touched.NO


def test_the_command_that_is_named_is_one_that_works() -> None:
    here, _, _ = AGAINST["several servers"]
    told = _next(run(alone(Trouble.DENIED), on=here))
    assert f"; until then invoke do.cache.fallback --host {here.name} --override diverging-caches='why'; " in told
    plain, _, _ = AGAINST["not allowed"]
    assert f"; until then invoke do.cache.fallback --host {plain.name}; " in _next(run(alone(Trouble.DENIED), on=plain))


def test_it_waits_for_the_other_incident_that_is_seen() -> None:
    outcome = run({**alone(Trouble.DENIED), AppDatabase.model_validate(OF): ex.DATABASE_GONE}, on=ALLOWED)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    (step,) = (each for each in outcome.steps if each.remedy == "cache.fallback")
    assert step.decision.value == "not_attempted"


def test_another_incident_is_named() -> None:
    database: Probe[Fact] = AppDatabase.model_validate(OF)
    outcome = run({**BROKEN, database: ex.DATABASE_GONE})
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "database-down")


def test_app_down_names_it_instead_of_restarting_things() -> None:
    state: Changes = {**incidents.HEALTHY, **incidents.DOWN, incidents.REDIS: ex.redis(Trouble.REFUSED)}
    outcome = play(app_down, FactSession(state), host=incidents.HOST)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "cache-down", Touched.NO)
    assert outcome.error is not None
    assert outcome.error.message == "Redis: 127.0.0.1:6379 connection refused (cache, sessions, queue)"


def test_a_second_run_changes_nothing() -> None:
    assert changed(run({**WELL, CONTENT: ex.content(cache=0)})) == []
