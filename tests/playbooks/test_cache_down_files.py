"""cache-down keeps the cache in files, where the inventory allows it."""

import pytest

from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.probes.configuration import FileState
from remediate.probes.redis import ContentState, RedisState
from remediate.probes.stores import Scan, Trouble
from support import cache_examples as exr
from support.cache_incidents import (
    ALLOWED,
    APP,
    BROKEN,
    CACHE,
    CACHED,
    CODE,
    CONTENT,
    ENV,
    FRESH,
    RIGHT,
    advice_of,
    alone,
    apart,
    changed,
    host,
    run,
)
from support.outcomes import code
from support.scripted import Changes

pytestmark = pytest.mark.usefixtures("hurry")


def in_files(trouble: Trouble) -> Changes:
    redis = exr.redis(trouble, sessions=None, server="127.0.0.1:6380", cache="file")
    moved: Changes = {ENV: FileState(mark="b" * 64), CACHED: FileState(mark="4 5 6.0"), CACHE: exr.FILE_CACHE}
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
    assert "though: cache in files instead of redis since" in advice_of(outcome)
    assert "do.cache.restore goes back" in advice_of(outcome)


def emptied(redis: RedisState) -> Changes:
    """Say how a host answers whose cache is empty, in a Redis that is full of another database's keys."""
    (cache, default) = exr.content(cache=0, others=90_000, scan=Scan(seen=0, foreign=0, whole=True)).contents
    content = ContentState(contents=(cache, default))
    return {**BROKEN, **dict.fromkeys((APP, FRESH), redis), CONTENT: content}


FULL = exr.redis(Trouble.MEMORY, sessions=None, server="127.0.0.1:6380")


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
    told = advice_of(outcome)
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
    "locks": (ALLOWED, {CODE: exr.LOCKS}, "locks or marks in the cache: app/Jobs/Charge.php (WithoutOverlapping)"),
    "code unknown": (ALLOWED, {CODE: exr.ONLY_COPIES.model_copy(update={"whole": False})}, "not all of it"),
    "sessions, too": (
        ALLOWED,
        dict.fromkeys((APP, FRESH), exr.redis(Trouble.DENIED)),
        "would not help: 127.0.0.1:6379: password rejected; the sessions are there, too",
    ),
}


@pytest.mark.parametrize("name", AGAINST)
def test_elsewhere_it_is_said_what_speaks_against_it(name: str) -> None:
    here, changes, said = AGAINST[name]
    outcome = run({**alone(Trouble.DENIED), **changes}, on=here)
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.REFUSED, Touched.NO, "password-rejected")
    told = advice_of(outcome)
    assert "next: set the right password in .env with do.env.set, then run this again; until then " in told
    assert "do.cache.fallback" in told
    assert said in told
    assert run({**alone(Trouble.DENIED), **changes}, on=here).touched is Touched.NO


def test_the_command_that_is_named_is_one_that_works() -> None:
    here, _, _ = AGAINST["several servers"]
    told = advice_of(run(alone(Trouble.DENIED), on=here))
    assert f"; until then invoke do.cache.fallback --host {here.name} --override diverging-caches='why'; " in told
    plain, _, _ = AGAINST["not allowed"]
    assert f"; until then invoke do.cache.fallback --host {plain.name}; " in advice_of(
        run(alone(Trouble.DENIED), on=plain)
    )
