"""Answers of a real Laravel 8 on Redis 7.0, healthy and broken."""

import json
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.cache import Cache
from remediate.probes.redis import AppRedis, RedisContent
from remediate.probes.stores import Role, Scan, Trouble
from remediate.transport.script import STDOUT_LIMIT
from support.this_machine import command_of

PATH = "/home/forge/agency-platform"
APP = AppRedis(php="php8.2", path=PATH, user="forge")
CONTENT = RedisContent(php="php8.2", path=PATH, user="forge")
CACHE = Cache(php="php8.2", path=PATH, user="forge")

STORES = (
    '{"role":"cache","name":"redis","driver":"redis","connection":"cache"},'
    '{"role":"sessions","name":"redis","driver":"redis","connection":"default"},'
    '{"role":"queue","name":"redis","driver":"redis","connection":"default"}'
)
RUN = "cff5cd0d8735dcd6ff598a326c01737ae3518f23"
WELL = (
    f'\nremediate:{{"stores":[{STORES}],"links":['
    f'{{"connection":"cache","server":"127.0.0.1:6379","database":1,"state":"ok","run":"{RUN}"}},'
    f'{{"connection":"default","server":"127.0.0.1:6379","database":0,"state":"ok","run":"{RUN}"}}]}}\n'
)
REFUSED = (
    f'\nremediate:{{"stores":[{STORES}],"links":['
    '{"connection":"cache","server":"127.0.0.1:6380","database":1,"state":"refused","run":null},'
    f'{{"connection":"default","server":"127.0.0.1:6379","database":0,"state":"ok","run":"{RUN}"}}]}}\n'
)
DENIED = (
    f'\nremediate:{{"stores":[{STORES}],"links":['
    '{"connection":"cache","server":"127.0.0.1:6379","database":1,"state":"wrongpass","run":null},'
    '{"connection":"default","server":"127.0.0.1:6379","database":0,"state":"wrongpass","run":null}]}\n'
)
NO_ENV = (
    '\nremediate:{"stores":[{"role":"cache","name":"file","driver":"file","connection":null},'
    '{"role":"sessions","name":"file","driver":"file","connection":null},'
    '{"role":"queue","name":"sync","driver":"sync","connection":null}],'
    '"links":[{"connection":"cache","server":"127.0.0.1:6379","database":1,"state":"noauth","run":null}]}\n'
)
FULL = (
    f'\nremediate:{{"stores":[{STORES}],"links":['
    f'{{"connection":"cache","server":"127.0.0.1:6379","database":1,"state":"oom","run":"{RUN}","keys":8192,'
    '"used":23716736,"limit":9406712,"policy":"noeviction","jobs":0,'
    '"scan":{"seen":8192,"foreign":0,"whole":true}},'
    f'{{"connection":"default","server":"127.0.0.1:6379","database":0,"state":"oom","run":"{RUN}","keys":74,'
    '"used":23741424,"limit":9406712,"policy":"noeviction","jobs":0}]}\n'
)
IN_REDIS = (
    '\nremediate:{"version":"8.83.26","key":"CACHE_DRIVER","now":"redis","file":"file","writable":true,"roomy":true,'
    '"before":null,"connection":null,"moved":null}\n'
)


def test_redis_that_does_what_is_asked_of_it() -> None:
    state = APP.read(Output(stdout=WELL))
    assert (state.ok, state.describe(), state.trouble) == (True, "answers", None)
    cache = state.link(Role.CACHE)
    assert cache is not None
    assert (cache.place, state.sharing(cache)) == ("127.0.0.1:6379 database 1", (Role.CACHE,))


def test_only_the_connection_that_fails_is_blamed() -> None:
    state = APP.read(Output(stdout=REFUSED))
    assert (state.ok, state.trouble) == (False, Trouble.REFUSED)
    assert state.describe() == "127.0.0.1:6380 connection refused (cache)"


def test_the_same_trouble_of_one_server_is_said_once() -> None:
    assert APP.read(Output(stdout=DENIED)).describe() == "127.0.0.1:6379 password rejected (cache, sessions, queue)"


def test_a_redis_that_nobody_uses_is_no_trouble() -> None:
    state = APP.read(Output(stdout=NO_ENV))
    assert (state.ok, state.describe(), state.used) == (True, "not used", ())
    assert state.to("cache") is not None


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        *(("refused", Trouble.REFUSED), ("name", Trouble.NAME), ("timeout", Trouble.TIMEOUT), ("lost", Trouble.LOST)),
        *(("noauth", Trouble.DENIED), ("wrongpass", Trouble.DENIED), ("noperm", Trouble.FORBIDDEN)),
        *(("loading", Trouble.LOADING), ("oom", Trouble.MEMORY), ("readonly", Trouble.REPLICA)),
        *(("misconf", Trouble.UNSAVED), ("maxclients", Trouble.CLIENTS), ("masterdown", Trouble.OTHER)),
        *(
            ("busy", Trouble.BUSY),
            ("noreplicas", Trouble.OTHER),
            ("clusterdown", Trouble.OTHER),
            ("other", Trouble.OTHER),
        ),
    ],
)
def test_every_trouble_has_a_name(said: str, trouble: Trouble) -> None:
    assert APP.read(Output(stdout=WELL.replace('"ok"', f'"{said}"'))).trouble is trouble


def test_a_word_that_nobody_knows_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="unexpected answer"):
        APP.read(Output(stdout=WELL.replace('"ok"', '"strange"')))


@pytest.mark.parametrize(
    "output",
    [
        Output(),
        Output(exit=255, stderr='PHP Fatal error:  Uncaught Error: Class "Redis" not found in …'),
        Output(exit=1, stdout="Fehler: Datei nicht gefunden\n"),
        Output(stdout=WELL[:200]),
        Output(stdout=WELL, cut=True),
        Output(stdout="\nremediate:[]\n"),
        Output(stdout='\nremediate:{"stores":[],"links":[]}\n'),
        Output(stdout=WELL.replace('"sessions"', '"cache"')),
    ],
)
def test_what_php_did_not_answer_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        APP.read(output)


def test_notices_around_the_answer_do_not_matter() -> None:
    noise = f"\nDeprecated: Return type of Illuminate\\Container\\Container in /usr/share on line 1\n{WELL}bye\n"
    assert APP.read(Output(stdout=noise)) == APP.read(Output(stdout=WELL))


def test_what_a_full_redis_holds() -> None:
    state = CONTENT.read(Output(stdout=FULL))
    cache = state.of("cache")
    assert cache is not None
    assert (cache.keys, cache.scan) == (8192, Scan(seen=8192, foreign=0, whole=True))
    assert state.describe() == "cache 8192 keys, default 74 keys, 0 jobs, 22.6 MB of 9.0 MB"
    assert APP.read(Output(stdout=FULL)).trouble is Trouble.MEMORY


def test_what_a_redis_that_is_away_holds_is_unknown_and_no_error() -> None:
    assert CONTENT.read(Output(stdout=DENIED)).describe() == "unknown"
    assert CONTENT.read(Output(stdout=DENIED)).of("cache") is None


def test_where_the_cache_is() -> None:
    assert CACHE.read(Output(stdout=IN_REDIS)).describe() == "in redis"
    for wrong in ('"moved":99999999999999999', '"moved":"then"', '"now":null'):
        broken = IN_REDIS.replace('"moved":null', wrong).replace(
            '"now":"redis"', wrong if "now" in wrong else '"now":"file"'
        )
        with pytest.raises(Unreadable):
            CACHE.read(Output(stdout=broken.replace('"before":null', '"before":"redis"')))


# -- the programs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "probe", [APP, APP.model_copy(update={"fresh": True}), CONTENT, CACHE], ids=lambda each: each.kind
)
def test_no_secret_can_be_in_an_argument_or_an_answer(probe: AppRedis | RedisContent | Cache) -> None:
    run = command_of(probe)
    assert (run.user, run.argv[0], run.stdin) == ("forge", "/usr/bin/php8.2", None)
    assert "\n" not in run.argv[2], "a sudo rule has one line"
    assert "redis-cli" not in run.argv[2], "which takes a password as an argument"
    printed = run.argv[2].rpartition("json_encode(")[2]
    assert "password" not in printed
    assert "getMessage" not in printed, "a message of a client library may hold the address with its password"


def test_a_write_of_the_question_never_writes() -> None:
    run = command_of(APP)
    assert '"", "PX", 1, "XX")' in run.argv[2], "SET XX writes only over a key that is there"


def test_an_answer_fits() -> None:
    many = json.loads(FULL.removeprefix("\nremediate:"))
    assert len(json.dumps(many["links"][0])) * 20 < STDOUT_LIMIT


def test_the_marker_is_where_deploys_leave_it() -> None:
    php = (Path(__file__).parents[2] / "remediate/probes/php/cache.php").read_text()
    assert 'storage_path("framework/remediate-cache-fallback")' in php
