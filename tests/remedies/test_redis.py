"""Truth table: Redis is started, left alone or given to a person."""

from functools import partial
from itertools import product

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.network import PortOwner
from remediate.probes.redis import AppRedis
from remediate.probes.stores import Trouble
from remediate.probes.systemd import Unit
from remediate.remedies.redis import RedisByHand, RestartRedis
from support import cache_examples as exr
from support import examples as ex
from support import toys
from support.hosts import host_with
from support.toys import LOST, UNITS, Known

PATH = "/home/forge/agency-platform"
REMEDY = RestartRedis(unit="redis-server", php="php8.2", path=PATH)
PLAIN = RestartRedis(unit="redis-server")
UNIT, OWNER = Unit(name="redis-server"), PortOwner(port=6379)
APP = AppRedis(php="php8.2", path=PATH, user="forge")
FRESH = APP.model_copy(update={"fresh": True})
RESTART = Run.of("/usr/bin/systemctl", "restart", "redis-server.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "redis-server.service", user=ROOT, seconds=10)

MOVING = {"starting", "stopping", "reloading", "queued"}
OWNERS = {
    "nobody": ex.NOBODY,
    "stranger": ex.listening(("python3", 812)),
    "itself": ex.listening(("redis-server", 9)),
    "a proxy": ex.listening(("nginx", 7)),
}
GONE = exr.redis(Trouble.REFUSED)
decide = partial(toys.decide, REMEDY)


def facts(
    unit: Fact | Unreadable = ex.FAILED,
    owner: Fact | Unreadable = ex.NOBODY,
    app: Fact | Unreadable = GONE,
) -> Known:
    return {UNIT: unit, OWNER: owner, APP: app}


def expected(unit: str, owner: str, trouble: Trouble | None) -> str:
    if unit in MOVING:
        return "redis-loading" if unit == "starting" else "wait"
    if unit == "running":
        return "redis-loading" if trouble is Trouble.LOADING else "skip"
    if unit in {"masked", "missing"}:
        return f"unit-{unit}"
    if owner != "nobody":
        return "port-taken"
    return "start-limit-hit" if unit == "start-limit" else "proceed"


@pytest.mark.parametrize(("unit", "owner", "trouble"), list(product(UNITS, OWNERS, (None, *Trouble))))
def test_every_state(unit: str, owner: str, trouble: Trouble | None) -> None:
    assert decide(facts(UNITS[unit], OWNERS[owner], exr.redis(trouble))) == expected(unit, owner, trouble)


def test_one_that_loads_is_waited_for() -> None:
    for given in (facts(ex.STARTING), facts(ex.RUNNING, app=exr.redis(Trouble.LOADING))):
        verdict = REMEDY.guard(Facts(given))
        assert (verdict.decision.value, verdict.code and verdict.code.name) == ("wait", "redis-loading")


def test_what_cannot_be_known_is_not_decided() -> None:
    assert decide(facts(LOST)) == "unreadable"
    assert decide(facts(ex.FAILED, LOST)) == "unreadable"
    assert decide(facts(ex.RUNNING, app=LOST)) == "unreadable"
    assert decide(facts(ex.FAILED, app=LOST)) == "proceed"  # it is down, whatever the application thinks


@pytest.mark.parametrize(("unit", "owner"), list(product(UNITS, OWNERS)))
def test_every_state_on_a_host_without_laravel(unit: str, owner: str) -> None:
    known = {UNIT: UNITS[unit], OWNER: OWNERS[owner]}
    assert set(PLAIN.probes()) == known.keys()
    assert toys.decide(PLAIN, known) == expected(unit, owner, None)


def test_it_says_that_what_was_not_saved_is_lost() -> None:
    verdict = REMEDY.guard(Facts(facts()))
    assert verdict.reason.endswith("; what it had not saved is lost already")


def test_what_it_does() -> None:
    assert list(REMEDY.apply(Facts(facts(ex.FAILED)))) == [RESTART]
    assert list(REMEDY.apply(Facts(facts(ex.START_LIMIT)))) == [RESET, RESTART]


def host(**settings: object) -> Host:
    return host_with({"php": "php8.3", "app_path": "/srv/app", "app_user": "www", **settings})


def test_the_inventory_fills_it() -> None:
    ours = host(redis={"unit": "redis", "port": 6380})
    assert RestartRedis.on(ours) == RestartRedis(unit="redis", port=6380, php="php8.3", path="/srv/app", user="www")
    bare = host(redis={"unit": "redis", "port": 6380}, php=None, app_path=None)
    assert RestartRedis.on(bare) == RestartRedis(unit="redis", port=6380, user="www")
    for theirs in (host(), host(redis={"port": 6379})):
        with pytest.raises(ConfigurationError, match=r"redis\.restart: unit"):
            RestartRedis.on(theirs)


# -- what is left to a person ------------------------------------------------------------------------------------------

HAND = RedisByHand(unit="redis-server", php="php8.2", path=PATH)
THEIRS = RedisByHand(php="php8.2", path=PATH)


def by_hand(
    trouble: Trouble | None,
    *,
    fresh: Trouble | Unreadable | None = None,
    unit: Fact = ex.RUNNING,
    server: str = "127.0.0.1:6379",
    remedy: RedisByHand = HAND,
) -> str:
    answer = fresh if isinstance(fresh, Unreadable) else exr.redis(fresh)
    return toys.decide(remedy, {APP: exr.redis(trouble, server=server), FRESH: answer, UNIT: unit})


CODES = {
    Trouble.REFUSED: "redis-elsewhere",
    Trouble.NAME: "redis-silent",
    Trouble.TIMEOUT: "redis-silent",
    Trouble.LOST: "redis-silent",
    Trouble.DENIED: "password-rejected",
    Trouble.FORBIDDEN: "redis-failing",
    Trouble.LOADING: "redis-loading",
    Trouble.MEMORY: "skip",
    Trouble.REPLICA: "wrong-role",
    Trouble.UNSAVED: "persistence-failing",
    Trouble.CLIENTS: "redis-failing",
    Trouble.BUSY: "redis-failing",
    Trouble.NO_DATABASE: "redis-failing",
    Trouble.OTHER: "redis-failing",
}


@pytest.mark.parametrize("trouble", Trouble)
def test_each_trouble_has_its_own_answer(trouble: Trouble) -> None:
    assert by_hand(trouble, fresh=trouble) == CODES[trouble]
    elsewhere = "redis-not-ours" if trouble.unreachable else CODES[trouble]
    assert by_hand(trouble, fresh=trouble, server="cache.example.com:6379") == elsewhere
    assert by_hand(trouble, fresh=trouble, server="127.0.0.1:6380") == elsewhere
    assert by_hand(trouble, fresh=trouble, remedy=THEIRS) == elsewhere


def test_a_refusal_says_what_ends_it() -> None:
    busy = exr.redis(Trouble.BUSY)
    reason = HAND.guard(Facts({APP: busy, FRESH: busy, UNIT: ex.RUNNING})).reason
    assert (
        reason == "127.0.0.1:6379: busy with a script: `redis-cli script kill` ends one that has written nothing so far"
    )


@pytest.mark.parametrize("trouble", Trouble)
def test_what_another_remedy_mends_is_left_to_that(trouble: Trouble) -> None:
    stale = "redis-loading" if trouble is Trouble.LOADING else "skip"
    assert by_hand(trouble, fresh=None) == stale  # config.cache: what .env says works
    down = "skip" if trouble.unreachable else CODES[trouble]
    assert by_hand(trouble, fresh=trouble, unit=ex.FAILED) == down  # redis.restart
    assert by_hand(None) == "skip"


def test_a_password_is_not_called_wrong_before_the_one_of_env_was_tried() -> None:
    assert by_hand(Trouble.DENIED, fresh=LOST) == "unreadable"
    assert by_hand(Trouble.DENIED, fresh=Trouble.DENIED) == "password-rejected"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_has_several_names(name: str) -> None:
    assert by_hand(Trouble.REFUSED, fresh=Trouble.REFUSED, server=f"{name}:6379") == "redis-elsewhere"


def test_it_says_what_is_missing() -> None:
    def said(sessions: Trouble | None) -> str:
        redis = exr.redis(Trouble.REFUSED, sessions=sessions)
        return THEIRS.guard(Facts({APP: redis, FRESH: redis})).reason

    assert said(None) == "127.0.0.1:6379: connection refused, and without it no cache"
    assert said(Trouble.REFUSED) == "127.0.0.1:6379: connection refused, and without it no cache, sessions, queue"


def test_it_never_acts() -> None:
    assert HAND.is_human
    assert HAND.changes() == ()
    assert not any(code.overridable for code in RedisByHand.refusals)
    assert HAND.guard(Facts({APP: exr.redis(), FRESH: exr.redis(), UNIT: ex.RUNNING})).code is None
    replica = exr.redis(Trouble.REPLICA)
    assert HAND.guard(Facts({APP: replica, FRESH: replica, UNIT: ex.RUNNING})).reason == (
        "127.0.0.1:6379: a replica, read only"
    )


def _asked(cached: Fact | Unreadable, fresh: Fact | Unreadable, unit: Fact | Unreadable = ex.RUNNING) -> Known:
    return {APP: cached, FRESH: fresh, UNIT: unit}


CACHED: tuple[Fact | Unreadable, ...] = (*map(exr.redis, (None, *Trouble)), LOST)
SAID = tuple(
    _asked(cached, fresh, unit)
    for cached in CACHED
    for fresh in (exr.redis(), GONE, LOST)
    for unit in (ex.RUNNING, ex.FAILED, LOST)
)
REPLICA = exr.redis(Trouble.REPLICA)
EXAMPLES = {
    "redis.by-hand": (HAND, _asked(REPLICA, REPLICA), _asked(exr.redis(), exr.redis()), SAID),
    "redis.restart": (
        REMEDY,
        facts(),
        facts(ex.started_again(ex.FAILED), ex.NOBODY, exr.redis()),
        tuple(
            facts(unit, owner, app)
            for unit in UNITS.values()
            for owner in OWNERS.values()
            for app in (exr.redis(), LOST)
        ),
    ),
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
