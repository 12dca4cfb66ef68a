"""Truth tables: pools recycle and units restart, for a process that runs away."""

from functools import partial

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact
from remediate.core.remedy import NotYet, Proven
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.processes import Process, Processes, UnitUsage
from remediate.probes.systemd import Unit
from remediate.remedies.process import EndProcess
from remediate.remedies.unit import RecyclePhpFpm, RestartUnit
from support import examples as ex
from support import load_examples as exl
from support import toys
from support.render import surveyed
from support.runaways import CULPRITS, END, OURS, PATH, USAGE, Answers, facts
from support.toys import UNITS

POOL, FPM, CONFIG = RecyclePhpFpm(php="php8.2"), Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")
CHILD = CULPRITS["of a pool"][0]
RELOAD = Run.of("/usr/bin/systemctl", "reload", "php8.2-fpm.service", user=ROOT, seconds=60)


def pool(*processes: Process, unit: Fact = ex.RUNNING, config: Fact = ex.SOUND, big: bool = False) -> Answers:
    units = (UnitUsage(unit="php8.2-fpm.service", memory_kib=14_000_000),) if big else ()
    return {USAGE: exl.busy(*processes, units=units), FPM: unit, CONFIG: config}


def test_a_pool_is_recycled_for_a_child_that_runs_away_and_for_what_it_has_grown_to() -> None:
    said = partial(toys.decide, POOL)
    assert said(pool()) == "skip"
    assert said(pool(OURS)) == "skip"
    assert said(pool(CHILD)) == "proceed"
    assert said(pool(big=True)) == "proceed"
    assert said(pool(CHILD, config=ex.BROKEN_CONFIG)) == "config-broken"
    assert said(pool(CHILD, config=ex.UNCHECKED)) == "config-unchecked"
    assert list(POOL.apply(Facts(pool(CHILD)))) == [RELOAD]


YOUNG = CHILD.model_copy(update={"pid": 900, "age": 4, "cpu": 3, "wanted": 4, "rests": 12, "excess": None})


def test_a_pool_whose_new_child_runs_in_circles_is_not_mended() -> None:
    before = surveyed(pool(CHILD))
    assert isinstance(POOL.verify(before, surveyed(pool(YOUNG))), Proven)
    retried = YOUNG.model_copy(update={"cpu": 99, "wanted": 99, "rests": 0})
    result = POOL.verify(before, surveyed(pool(retried)))
    assert isinstance(result, NotYet)
    assert result.reason.startswith("reloaded, and a child works without rest again: php-fpm8.2 (pid 900")
    crowded = retried.model_copy(update={"cpu": 60, "wanted": 99})
    assert isinstance(POOL.verify(before, surveyed(pool(crowded))), NotYet)
    serving = retried.model_copy(update={"rests": 40})
    assert isinstance(POOL.verify(before, surveyed(pool(serving))), Proven)


def test_a_pool_that_works_on_one_request_after_the_other_is_left_alone() -> None:
    # Between two requests a child waits for the next one; one that runs in circles waits for nothing.
    many = CHILD.model_copy(update={"rests": 40})
    assert toys.decide(POOL, pool(many)) == "pool-busy"
    assert toys.decide(POOL, pool(many, CHILD.model_copy(update={"pid": 9, "rests": 1}))) == "proceed"
    assert toys.decide(POOL, pool(many.model_copy(update={"excess": "memory"}))) == "proceed"
    assert toys.decide(POOL, pool(many, config=ex.BROKEN_CONFIG)) == "config-broken"


@pytest.mark.parametrize("name", sorted(set(UNITS) - {"running"}))
def test_a_pool_on_its_way_is_waited_for(name: str) -> None:
    assert toys.decide(POOL, pool(CHILD, unit=UNITS[name])) == "wait"


SYNC, SYNC_UNIT = RestartUnit(unit="sync", restartable=("sync.service",)), Unit(name="sync")
SPINS = CULPRITS["of a unit that may be restarted"][0]
LATER = MachineIdentity(machine_id="a", boot_id="b", uptime=9_000.0)


def service(*processes: Process, unit: Fact = ex.RUNNING, now: MachineIdentity = LATER) -> Answers:
    return {USAGE: exl.busy(*processes), SYNC_UNIT: unit, ThisMachine(): now}


def test_a_unit_is_restarted_once_and_not_again_and_again() -> None:
    said = partial(toys.decide, SYNC)
    assert said(service()) == "skip"
    assert said(service(SPINS)) == "proceed"
    young = LATER.model_copy(update={"uptime": 2400.0})
    assert said(service(SPINS, now=young)) == "unit-process"
    reason = SYNC.guard(Facts(service(SPINS, now=young))).reason
    assert "was started 59 s ago and runs away again" in reason
    assert "sudo systemctl stop sync.service" in reason


def test_a_unit_that_the_inventory_does_not_list_is_not_restarted() -> None:
    database = CULPRITS["a database"][0]
    remedy, unit = RestartUnit(unit="mariadb", restartable=("sync",)), Unit(name="mariadb")
    answers: Answers = {USAGE: exl.busy(database), unit: ex.RUNNING, ThisMachine(): LATER}
    assert toys.decide(remedy, answers) == "unit-process"
    assert "mariadb is not among restartable_units" in remedy.guard(Facts(answers)).reason
    assert toys.decide(remedy, {**answers, USAGE: exl.busy()}) == "skip"


def test_what_was_restarted_and_is_busy_again_at_once_is_not_mended() -> None:
    anew = ex.started_again(ex.RUNNING)
    before, again = surveyed(service(SPINS)), SPINS.model_copy(update={"pid": 900, "excess": None, "age": 1})
    assert isinstance(SYNC.verify(before, surveyed(service(unit=anew))), Proven)
    result = SYNC.verify(before, surveyed(service(again, unit=anew)))
    assert isinstance(result, NotYet)
    assert result.reason.startswith("restarted, and busy again: sh (pid 900")


def test_they_are_built_from_the_inventory() -> None:
    settings = Settings.model_validate(
        {"php": "php8.3", "app_path": PATH, "restartable_units": ["sync"], "limits": {"cpu": 60, "process_age": 10}}
    )
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1", user="forge"), settings=settings)
    usage = Processes(cpu=60, age=10, own=("forge",), units=("sync",))
    assert EndProcess.on(host) == EndProcess(usage=usage, login="forge", restartable=("sync",), php="php8.3", path=PATH)
    assert RecyclePhpFpm.on(host) == RecyclePhpFpm(php="php8.3", usage=usage)
    assert RestartUnit.on(host) == RestartUnit(unit="sync", restartable=("sync",), usage=usage, again=100)


GONE = facts()
EXAMPLES = {
    "process.end": (
        END,
        surveyed(facts(OURS)),
        surveyed(GONE),
        tuple(surveyed(facts(process)) for process, _ in CULPRITS.values()),
    ),
    "php-fpm.recycle": (
        POOL,
        surveyed(pool(CHILD)),
        surveyed(pool(YOUNG, YOUNG.model_copy(update={"pid": 901}))),
        (
            pool(CHILD, config=ex.BROKEN_CONFIG),
            pool(CHILD.model_copy(update={"rests": 40})),
            pool(big=True),
            *(pool(CHILD, unit=unit) for unit in UNITS.values()),
        ),
    ),
    "unit.restart": (
        SYNC,
        surveyed(service(SPINS)),
        surveyed(service(unit=ex.started_again(ex.RUNNING))),
        tuple(service(SPINS, unit=unit) for unit in UNITS.values()),
    ),
}
