"""Truth table: PHP-FPM is restarted or left alone."""

from functools import partial
from itertools import product
from typing import Final

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.laravel import AppDatabase, DatabaseState, DatabaseTrouble
from remediate.probes.php_fpm import PhpFpmConfig, Ping, Pools, PoolsState
from remediate.probes.systemd import Unit, UnitState
from remediate.remedies.php_fpm import RestartPhpFpm
from support import examples as ex
from support import toys
from support.hosts import host_with
from support.toys import LOST, UNITS

PATH: Final = "/home/forge/agency-platform"
REMEDY = RestartPhpFpm(php="php8.2", user="forge", path=PATH)
UNIT, CONFIG = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")
POOLS, DATABASE = Pools(php="php8.2", user="forge"), AppDatabase(php="php8.2", path=PATH, user="forge")
RESTART = Run.of("/usr/bin/systemctl", "restart", "php8.2-fpm.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "php8.2-fpm.service", user=ROOT, seconds=10)

MOVING = {"starting", "stopping", "reloading", "queued"}
CONFIGS = {"sound": ex.SOUND, "broken": ex.BROKEN_CONFIG, "unchecked": ex.UNCHECKED}
BY_CONFIG = {"broken": "config-broken", "unchecked": "config-unchecked"}
POOL_STATES = {
    "answers": ex.POOLS,
    "none": PoolsState(pools=()),
    "gone": ex.pools(Ping.REFUSED, children=0),
    "hung": ex.pools(Ping.SILENT, queue=3),
    "full": ex.pools(Ping.FULL, queue=511),
    "busy": ex.pools(Ping.SILENT, queue=3, ticks=40),
    "full of work": ex.pools(Ping.FULL, queue=511, ticks=40),
    "not loaded": PoolsState(pools=(*ex.POOLS.pools, *ex.pools(Ping.REFUSED, children=0, listens=False).pools)),
    "slow": ex.pools(Ping.SILENT),
    "forbidden": ex.pools(Ping.FORBIDDEN),
    "second hung": PoolsState(pools=(*ex.POOLS.pools, *ex.pools(Ping.SILENT, queue=1).pools)),
}
STUCK = {"hung", "full", "second hung"}
BUSY = {"busy", "full of work"}
USELESS = {*STUCK, *BUSY, "gone"}
UNKNOWN = {"none", "slow", "forbidden"}
QUICK = {"answers", "READ_ONLY", "UNCONFIGURED"}
"""States of the database that do not keep PHP waiting."""
DATABASES = {
    "answers": ex.DATABASE,
    "busy": ex.DATABASE_BUSY,
    **{trouble.name: DatabaseState(trouble=trouble, waiting=0) for trouble in DatabaseTrouble},
}


def facts(
    unit: Fact | Unreadable = ex.FAILED,
    config: Fact | Unreadable = ex.SOUND,
    pools: Fact | Unreadable = ex.POOLS,
    database: Fact | Unreadable = ex.DATABASE,
) -> dict[Probe[Fact], Fact | Unreadable]:
    return {UNIT: unit, CONFIG: config, POOLS: pools, DATABASE: database}


decide = partial(toys.decide, REMEDY)


def expected(unit: str, config: str, pools: str, database: str) -> str:
    if unit in MOVING:
        return "wait"
    if unit == "running" and pools in UNKNOWN:
        return "unreadable"
    if unit == "running" and pools not in USELESS:
        return "skip"
    if unit in {"masked", "missing"}:
        return f"unit-{unit}"
    if config != "sound":
        return BY_CONFIG[config]
    if unit == "running" and pools in STUCK | BUSY and database not in QUICK:
        return "database-cause"
    if unit == "running" and pools in BUSY:
        return "pool-busy"
    return "start-limit-hit" if unit == "start-limit" else "proceed"


@pytest.mark.parametrize(("unit", "config"), list(product(UNITS, CONFIGS)))
def test_every_state(unit: str, config: str) -> None:
    for pools, database in product(POOL_STATES, DATABASES):
        given = facts(UNITS[unit], CONFIGS[config], POOL_STATES[pools], DATABASES[database])
        assert decide(given) == expected(unit, config, pools, database), (pools, database)


@pytest.mark.parametrize("database", sorted(set(DATABASES) - {"answers"}))
def test_a_pool_that_nobody_listens_on_is_not_the_databases_fault(database: str) -> None:
    assert decide(facts(ex.RUNNING, pools=POOL_STATES["gone"], database=DATABASES[database])) == "proceed"


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {
        expected(unit, config, pools, database)
        for unit, config, pools, database in product(UNITS, CONFIGS, POOL_STATES, DATABASES)
    }
    assert reached == {"wait", "skip", "proceed", "unreadable", *(code.name for code in RestartPhpFpm.refusals)}


@pytest.mark.parametrize(("unit", "pools", "database"), list(product(UNITS, POOL_STATES, DATABASES)))
def test_what_cannot_be_read_never_makes_it_proceed(unit: str, pools: str, database: str) -> None:
    given = facts(UNITS[unit], ex.SOUND, POOL_STATES[pools], DATABASES[database])
    for probe in REMEDY.probes():
        said = decide({**given, probe: LOST})
        assert said in {"unreadable", decide(given)}
        read = probe in {UNIT, CONFIG} or (probe == POOLS and unit == "running")
        assert said != "proceed" or not read, probe


def test_what_cannot_be_read_is_said_where_it_matters() -> None:
    assert decide(facts(unit=LOST)) == "unreadable"
    assert decide(facts(config=LOST)) == "unreadable"
    assert decide(facts(ex.RUNNING, pools=LOST)) == "unreadable"
    assert decide(facts(ex.RUNNING, pools=POOL_STATES["hung"], database=LOST)) == "unreadable"
    assert decide(facts(ex.FAILED, pools=LOST, database=LOST)) == "proceed"
    assert decide(facts(ex.RUNNING, config=LOST, database=LOST)) == "skip"


def test_without_the_applications_directory_nobody_asks_its_database() -> None:
    remedy = RestartPhpFpm(php="php8.2", user="forge")
    assert DATABASE not in remedy.probes()
    given = {UNIT: ex.RUNNING, CONFIG: ex.SOUND, POOLS: POOL_STATES["hung"]}
    assert toys.decide(remedy, given) == "proceed"


@pytest.mark.parametrize(
    ("unit", "pools", "database", "said"),
    [
        (ex.RUNNING, ex.POOLS, ex.DATABASE, "php8.2-fpm is active and answers"),
        (
            ex.RUNNING,
            POOL_STATES["hung"],
            ex.DATABASE,
            "php8.2-fpm is active, but its pool www is of no use: does not answer, 3 wait, its children do nothing",
        ),
        (
            ex.RUNNING,
            ex.pools(Ping.SILENT, queue=1, children=2),
            ex.DATABASE,
            "php8.2-fpm is active, but its pool www is of no use: does not answer, 1 wait, its children do nothing",
        ),
        (
            ex.RUNNING,
            POOL_STATES["gone"],
            ex.DATABASE,
            "php8.2-fpm is active, but its pool www is of no use: nobody can connect to /run/php/php8.2-fpm.sock",
        ),
        (
            ex.RUNNING,
            POOL_STATES["busy"],
            ex.DATABASE,
            "php8.2-fpm is busy: its pool www does not answer, 3 wait, its children work",
        ),
        (
            ex.RUNNING,
            POOL_STATES["hung"],
            ex.DATABASE_BUSY,
            "php8.2-fpm waits for its database (answers, 7 of its queries wait), see runbook 4.2",
        ),
        (
            ex.RUNNING,
            POOL_STATES["full"],
            ex.DATABASE_GONE,
            "php8.2-fpm waits for its database (connection refused), see runbook 4.2",
        ),
        (ex.FAILED, ex.POOLS, ex.DATABASE, "php8.2-fpm is failed since 08:31:11Z (exit 255)"),
        (ex.STARTING, ex.POOLS, ex.DATABASE, "php8.2-fpm is activating (start) since 08:31:11Z, job 4711"),
    ],
)
def test_what_it_says(unit: UnitState, pools: PoolsState, database: DatabaseState, said: str) -> None:
    assert REMEDY.guard(Facts(facts(unit, pools=pools, database=database))).reason == said


PAGES = tuple(Site(url=f"https://example.com/{path}", asked_from=Vantage.HOST) for path in ("", "health"))
SERVING: dict[Probe[Fact], Fact | Unreadable] = {page: ex.page() for page in PAGES}


@pytest.mark.parametrize("pools", sorted(POOL_STATES))
def test_what_serves_its_pages_is_left_alone_whatever_its_pools_look_like(pools: str) -> None:
    remedy = REMEDY.model_copy(update={"pages": PAGES})
    databases: list[Fact | Unreadable] = [*DATABASES.values(), LOST]
    for database in databases:
        given = facts(ex.RUNNING, pools=POOL_STATES[pools], database=database)
        assert toys.decide(remedy, {**given, **SERVING}) == "skip"
        for page in PAGES:
            for said in (ex.page(502), ex.page(504), LOST):
                assert toys.decide(remedy, {**given, **SERVING, page: said}) == decide(given)
            for said in (
                ex.page(500),
                ex.page(404),
            ):  # an answer: it is another pool that hangs
                assert toys.decide(remedy, {**given, **SERVING, page: said}) == "skip"


def test_pages_do_not_save_a_unit_that_is_down() -> None:
    remedy = REMEDY.model_copy(update={"pages": PAGES})
    assert toys.decide(remedy, {**facts(ex.FAILED), **SERVING}) == "proceed"


def test_what_it_does() -> None:
    assert list(REMEDY.apply(Facts(facts()))) == [RESTART]
    assert list(REMEDY.apply(Facts(facts(ex.RUNNING, pools=POOL_STATES["hung"])))) == [RESTART]
    assert list(REMEDY.apply(Facts(facts(ex.START_LIMIT)))) == [RESET, RESTART]
    asked = [str(run) for run in REMEDY.privileges()]
    assert [word for word in asked if word.startswith("sudo -n /")] == [
        "sudo -n /usr/sbin/php-fpm8.2 -t",
        "sudo -n /usr/bin/systemctl reset-failed php8.2-fpm.service",
        "sudo -n /usr/bin/systemctl restart php8.2-fpm.service",
    ]
    assert {run.argv[0] for run in REMEDY.privileges() if run.user == "forge"} == {"/usr/bin/php8.2"}
    assert len(asked) == 5


def test_the_inventory_fills_it() -> None:
    host = host_with({"php": "php8.3", "app_path": "/srv/app", "app_user": "www"})
    assert RestartPhpFpm.on(host) == RestartPhpFpm(php="php8.3", user="www", path="/srv/app")
    assert (
        RestartPhpFpm.on(host)
        .guard(Facts({Unit(name="php8.3-fpm"): ex.RUNNING, Pools(php="php8.3", user="www"): ex.POOLS}))
        .decision
        is Decision.SKIP
    )


EXAMPLES = {
    "php-fpm.restart": (
        REMEDY,
        facts(),
        facts(ex.started_again(ex.FAILED)),
        tuple(
            facts(UNITS[unit], CONFIGS[config], POOL_STATES[pools], DATABASES[database])
            for unit, config, pools, database in product(UNITS, CONFIGS, POOL_STATES, ("answers", "busy", "REFUSED"))
        ),
    )
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
