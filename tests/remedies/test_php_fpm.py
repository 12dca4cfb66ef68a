"""When PHP-FPM is restarted, and when not: the whole truth table."""

from itertools import product

import pytest

from remediate.command import ROOT, Run
from remediate.errors import Unreadable
from remediate.host import Vantage
from remediate.probe import Fact
from remediate.probes.config import ConfigCheck
from remediate.probes.http import Answer, Failure, Site
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit, UnitState
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.survey import Facts
from remediate.testing import examples as ex
from remediate.verdict import Decision

SITE = Site(url="https://example.com/", asked_from=Vantage.HOST)
UNIT, CONFIG = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")
REMEDY = RestartPhpFpm(php="php8.2", through=SITE)
AUTO_RESTART = ex.FAILED.model_copy(update={"active": "activating", "sub": "auto-restart"})
STOPPING = ex.RUNNING.model_copy(update={"active": "deactivating", "sub": "stop-sigterm"})
RELOADING = ex.RUNNING.model_copy(update={"active": "reloading", "sub": "reload"})
QUEUED = ex.RUNNING.model_copy(update={"job": 12})
RESTART = Run.of("/usr/bin/systemctl", "restart", "php8.2-fpm.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "php8.2-fpm.service", user=ROOT, seconds=10)


def decide(unit: Fact | Unreadable, config: Fact | Unreadable, site: Fact | Unreadable) -> str:
    try:
        verdict = REMEDY.guard(Facts({UNIT: unit, CONFIG: config, SITE: site}))
    except Unreadable:
        return "unreadable"
    return verdict.code.name if verdict.code else verdict.decision.value


PAGES = {
    "200": ex.page(),
    "502": ex.page(502),
    "503": ex.page(503),
    "no answer": ex.no_page(Failure.TIMEOUT),
}
CONFIGS = {"sound": ex.SOUND, "broken": ex.BROKEN_CONFIG, "unchecked": ex.UNCHECKED}
BY_CONFIG = {"sound": "proceed", "broken": "config-broken", "unchecked": "config-unchecked"}


@pytest.mark.parametrize(
    ("name", "unit", "config", "page"),
    [
        (name, unit, config, page)
        for (name, unit), config, page in product(
            {
                "running": ex.RUNNING,
                "failed": ex.FAILED,
                "stopped": ex.STOPPED,
                "auto-restart": AUTO_RESTART,
                "masked": ex.MASKED,
                "missing": ex.MISSING,
                "starting": ex.STARTING,
                "stopping": STOPPING,
                "reloading": RELOADING,
                "queued": QUEUED,
            }.items(),
            CONFIGS,
            PAGES,
        )
    ],
)
def test_every_state_of_the_unit(name: str, unit: UnitState, config: str, page: str) -> None:
    expected = {
        "running": BY_CONFIG[config] if page == "502" else "skip",
        "failed": BY_CONFIG[config],
        "stopped": BY_CONFIG[config],
        "auto-restart": BY_CONFIG[config],
        "masked": "unit-masked",
        "missing": "unit-missing",
    }.get(name, "wait")
    assert decide(unit, CONFIGS[config], PAGES[page]) == expected


@pytest.mark.parametrize("page", PAGES.values())
def test_a_unit_that_systemd_gave_up_on(page: Answer) -> None:
    assert decide(ex.START_LIMIT, ex.SOUND, page) == "start-limit-hit"


@pytest.mark.xfail(reason="the start limit is looked at first, and it may be overridden", strict=True)
@pytest.mark.parametrize("config", ["broken", "unchecked"])
def test_a_broken_configuration_outweighs_the_start_limit(config: str) -> None:
    assert decide(ex.START_LIMIT, CONFIGS[config], ex.page(502)) == BY_CONFIG[config]


@pytest.mark.parametrize(
    ("unit", "config", "site"),
    [
        (Unreadable("?"), ex.SOUND, ex.page(502)),
        (ex.FAILED, Unreadable("?"), ex.page(502)),
        (ex.FAILED, ex.SOUND, Unreadable("?")),
        (ex.RUNNING, ex.SOUND, Unreadable("?")),
        (ex.RUNNING, Unreadable("?"), ex.page(502)),
    ],
)
def test_what_cannot_be_read_decides_nothing(
    unit: UnitState | Unreadable, config: ConfigCheck | Unreadable, site: Answer | Unreadable
) -> None:
    assert decide(unit, config, site) == "unreadable"


def test_without_a_page_only_the_unit_counts() -> None:
    remedy = RestartPhpFpm(php="php8.2")
    assert SITE not in remedy.probes()
    assert remedy.guard(Facts({UNIT: ex.RUNNING, CONFIG: ex.SOUND})).decision is Decision.SKIP
    assert remedy.guard(Facts({UNIT: ex.FAILED, CONFIG: ex.SOUND})).decision is Decision.PROCEED


def test_what_it_does() -> None:
    facts = Facts({UNIT: ex.FAILED, CONFIG: ex.SOUND, SITE: ex.page(502)})
    assert list(REMEDY.apply(facts)) == [RESTART]
    facts = Facts({UNIT: ex.START_LIMIT, CONFIG: ex.SOUND, SITE: ex.page(502)})
    assert list(REMEDY.apply(facts)) == [RESET, RESTART]
    assert [str(run) for run in REMEDY.privileges()] == [
        "sudo -n /usr/sbin/php-fpm8.2 -t",
        "sudo -n /usr/bin/systemctl reset-failed php8.2-fpm.service",
        "sudo -n /usr/bin/systemctl restart php8.2-fpm.service",
    ]


EXAMPLES = {
    "php-fpm.restart": (
        REMEDY,
        {UNIT: ex.FAILED, CONFIG: ex.SOUND, SITE: ex.page(502)},
        {UNIT: ex.started_again(ex.FAILED), CONFIG: ex.SOUND, SITE: ex.page()},
        tuple(
            {UNIT: unit, CONFIG: config, SITE: ex.page(502)}
            for unit in (ex.STOPPED, ex.MASKED, ex.MISSING, ex.START_LIMIT, ex.STARTING, ex.RUNNING)
            for config in CONFIGS.values()
        ),
    )
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
