"""Truth table: PHP-FPM reads its files again or is left alone."""

from datetime import UTC, datetime
from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.configuration import CachedConfig
from remediate.probes.descendants import Descendants
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.remedies.opcache import ReloadPhpFpm, reload_php_fpm
from support import examples as ex
from support.hosts import host_with
from support.toys import LOST, UNITS, Known, decide

PATH = "/home/forge/agency-platform"
RELOAD = ReloadPhpFpm(php="php8.2", path=PATH)
UNIT, CONFIG, OPCACHE = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), Opcache(php="php8.2")
CHILDREN = Descendants(path=PATH, user="forge", unit="php8.2-fpm")
CACHED = CachedConfig(path=PATH, user="forge")

RELOADED = datetime(2026, 11, 23, 8, 31, 11, tzinfo=UTC)
BEFORE = ex.cached_config(written=RELOADED.timestamp() - 0.1)
SAME_SECOND = ex.cached_config(written=RELOADED.timestamp() + 0.5)
LATER = ex.cached_config(written=RELOADED.timestamp() + 1.5)
OLD, NEW = ex.descendants((101, True), (102, False)), ex.descendants((103, False))


def known(
    unit: Fact = UNITS["running"],
    config: Fact | Unreadable = ex.SOUND,
    opcache: Fact | Unreadable = ex.OPCACHE_KEEPS,
    children: Fact | Unreadable = OLD,
    cached: Fact | Unreadable = LATER,
) -> Known:
    return {UNIT: unit, CONFIG: config, OPCACHE: opcache, CHILDREN: children, CACHED: cached}


TABLE: dict[str, tuple[Known, str]] = {
    "children older": (known(), "proceed"),
    "children of one reload, memory of another": (known(children=NEW), "proceed"),
    "no children, as ondemand has": (known(children=ex.descendants()), "proceed"),
    "reloaded since": (known(children=NEW, cached=BEFORE), "skip"),
    "reloaded within the second": (known(children=NEW, cached=SAME_SECOND), "skip"),
    "cached within the second, after the reload": (known(cached=SAME_SECOND), "proceed"),
    "not cached": (known(cached=ex.NO_FILE), "skip"),
    "notices": (known(opcache=ex.OPCACHE), "skip"),
    "notices after a minute": (known(opcache=ex.OPCACHE.model_copy(update={"seconds": 60})), "proceed"),
    "no opcache": (known(opcache=OpcacheState(enabled=False, looks_again=False)), "skip"),
    "pool broken": (known(config=ex.BROKEN_CONFIG), "config-broken"),
    "pool unchecked": (known(config=ex.UNCHECKED), "config-unchecked"),
    "opcache unknown": (known(opcache=LOST), "unreadable"),
    "children unknown": (known(children=LOST), "unreadable"),
    "pool unknown": (known(config=LOST), "unreadable"),
    "cache unknown": (known(cached=LOST), "unreadable"),
}


@pytest.mark.parametrize("case", TABLE)
def test_when_it_is_reloaded(case: str) -> None:
    facts, expected = TABLE[case]
    assert decide(RELOAD, facts) == expected


@pytest.mark.parametrize(("unit", "children"), list(product(UNITS, (OLD, NEW))))
def test_every_state_of_the_unit(unit: str, children: Fact) -> None:
    expected = {"running": "proceed", **dict.fromkeys(("starting", "stopping", "reloading", "queued"), "wait")}
    assert decide(RELOAD, known(unit=UNITS[unit], children=children)) == expected.get(unit, "skip")


def test_what_it_does() -> None:
    assert list(RELOAD.apply(Facts(known()))) == [reload_php_fpm("php8.2")]
    assert RELOAD.guard(Facts(known())).reason == (
        "1 children of php8.2-fpm are older than the configuration, and opcache keeps it"
    )


def test_the_inventory_fills_it() -> None:
    host = host_with({"app_path": PATH, "app_user": "www", "php": "php8.3"})
    assert ReloadPhpFpm.on(host) == ReloadPhpFpm(php="php8.3", path=PATH, user="www")


AGAIN = UNITS["running"].model_copy(update={"changed_at": datetime(2026, 11, 23, 8, 31, 13, tzinfo=UTC)})
EXAMPLES = {
    "php-fpm.reload": (
        RELOAD,
        known(),
        known(unit=AGAIN, children=NEW),
        (*(facts for facts, _ in TABLE.values()), *(known(unit=unit) for unit in UNITS.values())),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
