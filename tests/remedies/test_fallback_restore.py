"""Truth table: the cache moves back from files."""

import pytest

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.probes.stores import Trouble
from remediate.programs.processes import end_processes
from remediate.remedies.cache_restore import RestoreCache
from remediate.remedies.fallback import UseFileCache
from remediate.remedies.workers import start_program
from support import cache_examples as exr
from support.fallback import BROKEN, MARKER, RESTORE, TO_RESTORE, restore
from support.hosts import host_with


def test_it_goes_back_when_redis_answers() -> None:
    assert restore() == "proceed"
    reason = RESTORE.guard(Facts(TO_RESTORE)).reason
    said = "127.0.0.1:6380 answers: CACHE_DRIVER from file back to redis"
    assert reason == f"{said}; 7 keys in 127.0.0.1:6380 database 1 are from before"


@pytest.mark.parametrize("trouble", Trouble)
def test_it_does_not_go_back_to_what_still_fails(trouble: Trouble) -> None:
    failing = exr.redis(trouble, sessions=None, cache="file")
    assert restore(app=failing) == ("redis-loading" if trouble is Trouble.LOADING else "redis-still-failing")


@pytest.mark.parametrize(
    "changed", [{"before": None, "connection": None, "moved": None}, {"now": "redis"}, {"now": "array"}]
)
def test_where_no_fallback_lasts_there_is_nothing_to_end(changed: dict[str, object]) -> None:
    assert restore(cache=exr.FILE_CACHE.model_copy(update=changed)) == "skip"


def test_a_store_that_is_gone_is_not_guessed() -> None:
    assert restore(cache=exr.FILE_CACHE.model_copy(update={"connection": None})) == "file-cache-unusable"
    assert restore(configuration=BROKEN) == "env-broken"


def test_where_it_was_is_forgotten_last() -> None:
    edit, _, end, start, forget = RESTORE.apply(Facts(TO_RESTORE))
    assert edit.stdin is not None
    assert '"value": "cmVkaXM="' in edit.stdin.get_secret_value()
    assert end == end_processes(("101:1010", "102:1020"), "forge", 60, left="leave")
    assert start == start_program("agency-worker")
    assert forget == Run.of("/usr/bin/rm", "-f", "--", user="forge", seconds=10).helped("forget-fallback", MARKER)


def test_every_run_reminds_of_it_and_only_while_it_lasts() -> None:
    assert exr.FILE_CACHE.ok is False
    assert exr.FILE_CACHE.describe() == "in files instead of redis since 2026-11-18 11:06Z: do.cache.restore goes back"
    assert (exr.CACHE.ok, exr.CACHE.describe()) == (None, "in redis")
    undone = exr.FILE_CACHE.model_copy(update={"now": "redis"})
    assert (undone.ok, undone.describe()) == (None, "in redis")


def test_the_inventory_fills_it() -> None:
    stated = {"php": "php8.3", "app_path": "/srv/app", "app_user": "www", "site_url": "https://a.example/"}
    host = host_with({**stated, "app_servers": 3, "worker_program": "shop"})
    made = UseFileCache.on(host)
    assert (made.php, made.path, made.user, made.servers, made.program) == ("php8.3", "/srv/app", "www", 3, "shop")
    assert [page.url for page in made.pages] == ["https://a.example/", "https://a.example/"]
    assert RestoreCache.on(host).pages == made.pages
