"""Truth table: a playbook moves the cache to files, where that is allowed."""

import pytest

from remediate.core.facts import Facts
from remediate.probes.stores import Scan, StoreConnection, Trouble
from remediate.probes.systemd import Unit
from remediate.remedies.cache import ClearCache
from remediate.remedies.fallback import FallbackState, UseFileCache
from remediate.remedies.redis import RedisByHand
from support import cache_examples as exr
from support import examples as ex
from support import toys
from support.fallback import APP, CACHE, CODE, CONFIGURATION, CONTENT, FALLBACK, LOST, OTHER_EDITS, PATH, USUAL, Known
from support.hosts import host_with

HAND, CLEAR = RedisByHand(unit="redis-server", php="php8.2", path=PATH), ClearCache(php="php8.2", path=PATH)
FRESH, REDIS_UNIT = APP.model_copy(update={"fresh": True}), Unit(name="redis-server")
ALLOWED = FALLBACK.model_copy(update={"standing": FallbackState.ALLOWED, "instead": (HAND, CLEAR)})
UNDECLARED = ALLOWED.model_copy(update={"standing": FallbackState.UNDECLARED})
FOREIGN, OWN = (exr.content(scan=Scan(seen=9, foreign=foreign, whole=True)) for foreign in (2, 0))


def left(trouble: Trouble | None, **links: object) -> Known:
    """State what a host answers whose cache has a Redis of its own, which is in this trouble whatever .env says."""
    redis = exr.redis(trouble, sessions=None, server="127.0.0.1:6380", run="c" * 40)
    redis = redis.model_copy(
        update={"links": tuple(_changed(link, {"run": "d" * 40, **links}) for link in redis.links)}
    )
    return {**USUAL, APP: redis, FRESH: redis, REDIS_UNIT: ex.RUNNING, CONTENT: FOREIGN}


def _changed(link: StoreConnection, links: dict[str, object]) -> StoreConnection:
    return link.model_copy(update=links) if link.connection == "default" else link


CLUSTER = {"server": "127.0.0.1:6380,127.0.0.1:6381"}


COMES_BACK = {Trouble.LOADING, Trouble.BUSY, Trouble.NO_DATABASE, Trouble.OTHER}
"""Loading, busy or handing over ends by itself; a wrong number is an edit of .env away."""


@pytest.mark.parametrize("trouble", Trouble)
def test_a_redis_that_nobody_here_mends_has_the_cache_kept_in_files(trouble: Trouble) -> None:
    expected = "skip" if trouble in COMES_BACK else "proceed"
    assert toys.decide(ALLOWED, left(trouble)) == expected
    assert toys.decide(UNDECLARED, left(trouble)) == ("skip" if expected == "skip" else "fallback-undeclared")


def test_what_another_remedy_mends_is_left_to_it() -> None:
    assert toys.decide(ALLOWED, left(None)) == "skip"
    assert toys.decide(ALLOWED, {**left(Trouble.MEMORY), CONTENT: OWN}) == "skip"  # cache.clear
    stale = {**left(Trouble.DENIED), FRESH: exr.redis(server="127.0.0.1:6380")}
    assert toys.decide(ALLOWED, stale) == "skip"  # config.cache
    assert toys.decide(ALLOWED, {**left(Trouble.DENIED), FRESH: LOST}) == "unreadable"


def test_what_else_is_in_that_redis_is_not_left_behind() -> None:
    both = exr.redis(Trouble.DENIED)
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
        (ALLOWED, {CODE: exr.LOCKS}, "locks-in-cache"),
        (ALLOWED, {CODE: LOST}, "unreadable"),
        (ALLOWED, {CONFIGURATION: OTHER_EDITS}, "config-pending"),
        (ALLOWED, {CACHE: exr.CACHE.model_copy(update={"roomy": False})}, "file-cache-unusable"),
        (UNDECLARED.model_copy(update={"servers": None}), {CODE: exr.LOCKS}, "diverging-caches"),
    ],
)
def test_the_inventory_alone_is_not_enough(remedy: UseFileCache, changed: Known, code: str) -> None:
    assert toys.decide(remedy, {**left(Trouble.DENIED), **changed}) == code


def test_everything_that_speaks_against_it_is_said() -> None:
    remedy = UNDECLARED.model_copy(update={"servers": None})
    assert remedy.guard(Facts({**left(Trouble.DENIED), CODE: exr.LOCKS})).reason == (
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
        host = host_with({**stated, "redis": redis})
        made = UseFileCache.as_declared(host, RedisByHand.on(host))
        assert (made.standing, made.servers, len(made.instead)) == (standing, 1, 1)
        assert UseFileCache.on(host).standing is FallbackState.ASKED
