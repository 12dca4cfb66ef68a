"""Truth table: the cache is emptied only for missing memory, without other losses."""

from functools import partial
from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.redis import AppRedis, ContentState, RedisContent, RedisState
from remediate.probes.stores import Role, Scan, Trouble
from remediate.programs.run import run_artisan
from remediate.remedies.cache import ClearCache
from support import cache_examples as exr
from support import toys
from support.hosts import host_with
from support.render import output_of

PATH = "/home/forge/agency-platform"
REMEDY = ClearCache(php="php8.2", path=PATH)
APP = AppRedis(php="php8.2", path=PATH, user="forge")
CONTENT = RedisContent(php="php8.2", path=PATH, user="forge")
LOST = Unreadable("not now")
FULL = exr.redis(Trouble.MEMORY)
Known = dict[Probe[Fact], Fact | Unreadable]
decide = partial(toys.decide, REMEDY)


def facts(app: Fact | Unreadable, content: Fact | Unreadable) -> Known:
    return {APP: app, CONTENT: content}


def scanned(seen: int = 812, foreign: int = 0, *, whole: bool = True) -> ContentState:
    return exr.content(scan=Scan(seen=seen, foreign=foreign, whole=whole))


CONTENTS: dict[str, ContentState] = {
    "own": scanned(),
    "foreign": scanned(foreign=1),
    "cut short": scanned(whole=False),
    "cut short and foreign": scanned(foreign=2, whole=False),
    "empty": scanned(seen=0),
    "not looked at": exr.content(),
    "not told": ContentState(contents=()),
}
APPS: dict[str, RedisState] = {
    "well": exr.redis(),
    "full": FULL,
    "full and shared": exr.redis(Trouble.MEMORY, shared=True),
    "sessions full": exr.redis(sessions=Trouble.MEMORY, server="cache.example.com:6379"),
    "cache in files": exr.redis(Trouble.MEMORY, cache="file"),
    **{trouble.name: exr.redis(trouble) for trouble in Trouble if trouble is not Trouble.MEMORY},
}


def expected(app: str, content: str) -> str:
    if app in {"sessions full", "cache in files"}:
        return "memory-elsewhere"
    if app == "full and shared":
        return "shared-store"
    if app != "full":
        return "skip"
    return {"own": "proceed", "empty": "memory-elsewhere"}.get(content, "shared-store")


@pytest.mark.parametrize(("app", "content"), list(product(APPS, CONTENTS)))
def test_every_state(app: str, content: str) -> None:
    assert decide(facts(APPS[app], CONTENTS[content])) == expected(app, content)


def test_what_cannot_be_known_is_not_decided() -> None:
    assert decide(facts(LOST, CONTENTS["own"])) == "unreadable"
    assert decide(facts(FULL, LOST)) == "unreadable"
    assert decide(facts(exr.redis(), LOST)) == "skip"


def test_another_name_for_the_same_database_is_the_same_database() -> None:
    told = exr.redis(Trouble.MEMORY, shared=True, server="localhost:6379")
    assert decide(facts(told, CONTENTS["own"])) == "shared-store"  # the same server says the same run id
    unknown = told.model_copy(update={"links": tuple(each.model_copy(update={"run": None}) for each in told.links)})
    assert unknown.sharing(unknown.links[0]) == (Role.CACHE,)


def test_nothing_can_override_what_would_be_lost() -> None:
    assert not any(code.overridable for code in ClearCache.refusals)


def test_it_says_what_would_be_lost() -> None:
    def said(app: str, content: str) -> str:
        return REMEDY.guard(Facts(facts(APPS[app], CONTENTS[content]))).reason

    assert said("full and shared", "own") == (
        "the cache is in 127.0.0.1:6379 database 0, and so are sessions and queue: clearing it would lose them"
    )
    assert said("full", "foreign") == (
        "1 of 812 keys in 127.0.0.1:6379 database 1 are not the cache's: clearing it would lose them"
    )
    assert said("full", "own") == "127.0.0.1:6379 is out of memory; the cache is alone in its database, with 812 keys"


def test_what_it_does() -> None:
    (clear,) = REMEDY.apply(Facts(facts(FULL, CONTENTS["own"])))
    assert clear == run_artisan("php8.2", PATH, "cache:clear", user="forge", seconds=60)


# -- what cache:clear says and exits with says nothing: what is there afterwards does ----------------------------------


def seen(app: Fact, content: Fact) -> Facts:
    known: Known = {APP: app, CONTENT: content}
    return Facts(known, {APP: output_of(APP, app), CONTENT: output_of(CONTENT, content)})


BEFORE = seen(FULL, CONTENTS["own"])


def test_proven_by_accepted_writes_and_what_is_still_there() -> None:
    proof = REMEDY.verify(BEFORE, seen(exr.redis(), exr.content(cache=2)))
    assert isinstance(proof, Proven)
    assert proof.evidence == "writes are accepted again: cache 812 → 2 keys; default 28 keys, 3 jobs"


def test_cleared_says_artisan_and_nothing_has_changed() -> None:
    assert isinstance(REMEDY.verify(BEFORE, BEFORE), NotYet)
    assert isinstance(REMEDY.verify(BEFORE, seen(exr.redis(Trouble.REFUSED), ContentState(contents=()))), NotYet)


def test_a_database_that_became_empty_is_a_failure_whatever_else_is_well() -> None:
    result = REMEDY.verify(BEFORE, seen(exr.redis(), exr.content(cache=0, others=0, jobs=0)))
    assert isinstance(result, Failed)
    assert result.reason == "127.0.0.1:6379 database 0 is empty now"


def test_a_cache_that_went_elsewhere_meanwhile_proves_nothing() -> None:
    assert isinstance(REMEDY.verify(BEFORE, seen(exr.redis(cache="file"), exr.content())), Failed)


def test_the_inventory_fills_it() -> None:
    host = host_with({"php": "php8.3", "app_path": "/srv/app", "app_user": "www"})
    assert ClearCache.on(host) == ClearCache(php="php8.3", path="/srv/app", user="www")


EXAMPLES = {
    "cache.clear": (
        REMEDY,
        facts(FULL, CONTENTS["own"]),
        facts(exr.redis(), exr.content(cache=0)),
        (*(facts(*pair) for pair in product(APPS.values(), CONTENTS.values())), facts(LOST, LOST), facts(FULL, LOST)),
    )
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
