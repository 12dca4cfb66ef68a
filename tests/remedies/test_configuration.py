"""Truth table: the configuration is cached again."""

from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile
from remediate.probes.laravel import AppDatabase
from remediate.remedies.configuration import CacheConfig
from support import examples as ex
from support.hosts import host_with
from support.toys import LOST, Known, decide

PATH = "/home/forge/agency-platform"
CACHE = CacheConfig(php="php8.2", path=PATH)
CONFIGURATION = Configuration(php="php8.2", path=PATH, user="forge")
ENV, CACHED = EnvFile(path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
DATABASE = AppDatabase(php="php8.2", path=PATH, user="forge")


STATES = {
    "as .env gives it": (ex.CONFIGURED, "skip"),
    "stale": (ex.CONFIG_STALE, "proceed"),
    "not cached": (ex.NOT_CACHED, "skip"),
    "broken": (ex.ENV_UNPARSABLE, "env-broken"),
    "broken and not cached": (ex.ENV_UNPARSABLE.model_copy(update={"cached": False}), "env-broken"),
}
FILES: Known = {ENV: ex.env_file(), CACHED: ex.cached_config()}
DATABASES = {"well": ex.DATABASE, "busy": ex.DATABASE_BUSY, "gone": ex.DATABASE_GONE}


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_cached_configuration(state: str) -> None:
    fact, expected = STATES[state]
    assert decide(CACHE, {CONFIGURATION: fact, **FILES}) == expected
    assert decide(CACHE, {CONFIGURATION: LOST}) == "unreadable"


@pytest.mark.parametrize(("state", "database"), list(product(STATES, DATABASES)))
def test_while_all_is_well_an_edit_may_not_be_meant_for_now(state: str, database: str) -> None:
    fact, expected = STATES[state]
    remedy = CACHE.model_copy(update={"failing": (DATABASE,)})
    well = DATABASES[database].ok is True
    assert decide(remedy, {CONFIGURATION: fact, DATABASE: DATABASES[database], **FILES}) == (
        "skip" if well else expected
    )


def test_a_database_that_cannot_be_asked_is_no_reason() -> None:
    remedy = CACHE.model_copy(update={"failing": (DATABASE,)})
    assert decide(remedy, {CONFIGURATION: ex.CONFIG_STALE, DATABASE: LOST}) == "unreadable"


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (("database.connections",), "proceed"),
        (("database", "queue"), "proceed"),
        (("database.connections.mysql.password",), "proceed"),
        (("data",), "skip"),
        (("cache",), "skip"),
    ],
)
def test_only_the_keys_that_a_playbook_is_about_count(about: tuple[str, ...], expected: str) -> None:
    remedy = CACHE.model_copy(update={"about": about})
    assert decide(remedy, {CONFIGURATION: ex.CONFIG_STALE, **FILES}) == expected


def test_the_reason_names_keys_and_never_more_than_three() -> None:
    many = ex.CONFIG_STALE.model_copy(update={"differs": ("a", "b", "c", "d", "e")})
    assert CACHE.guard(Facts({CONFIGURATION: many, **FILES})).reason == (
        "the cached configuration differs from .env: a, b, c and 2 more"
    )
    assert many.describe() == "cached, and not what .env gives: a, b, c and 2 more"


def test_what_else_is_put_into_use_is_said() -> None:
    both = ex.CONFIG_STALE.model_copy(update={"differs": ("app.debug", "database.default", "services.stripe.key")})
    remedy = CACHE.model_copy(update={"about": ("database",)})
    assert remedy.guard(Facts({CONFIGURATION: both, **FILES})).reason == (
        "the cached configuration differs from .env: database.default; "
        "put into use along with it: app.debug, services.stripe.key"
    )


def test_the_inventory_fills_all_of_it() -> None:
    host = host_with({"app_path": PATH, "app_user": "www", "php": "php8.3"})
    assert CacheConfig.on(host) == CacheConfig(php="php8.3", path=PATH, user="www")


EXAMPLES = {
    "config.cache": (
        CACHE,
        {CONFIGURATION: ex.CONFIG_STALE, ENV: ex.env_file(), CACHED: ex.cached_config()},
        {CONFIGURATION: ex.CONFIGURED, ENV: ex.env_file(), CACHED: ex.cached_config(2)},
        tuple({CONFIGURATION: state, ENV: ex.env_file(), CACHED: ex.cached_config()} for state, _ in STATES.values()),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
