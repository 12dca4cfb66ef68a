"""Truth tables: processes end, pools recycle, units restart, or another step is named."""

from functools import partial

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.http import HttpFailure, Site
from remediate.probes.laravel import App, Deploy
from remediate.probes.load import SlowQueries
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.processes import Process, Processes, UnitUsage
from remediate.probes.systemd import Unit
from remediate.programs.processes import end_processes
from remediate.remedies.process import EndProcess
from remediate.remedies.unit import RecyclePhpFpm, RestartUnit
from support import examples as ex
from support import load_examples as exl
from support import toys
from support.render import output_of
from support.toys import UNITS

PATH = "/home/forge/agency-platform"
END = EndProcess(user="forge", login="ops", protected=("meilisearch",), restartable=("sync",), php="php8.2", path=PATH)
USAGE = Processes()
APP, DEPLOY = App(php="php8.2", path=PATH, user="forge"), Deploy(user="forge")
QUERIES = SlowQueries(php="php8.2", path=PATH, user="forge", seconds=30)
Answers = dict[Probe[Fact], Fact | Unreadable]

OURS = exl.process()
WORKER = exl.process(
    300, unit="supervisor.service", name="php8.2", arguments=f"/usr/bin/php8.2 {PATH}/artisan queue:work redis"
)
CULPRITS: dict[str, tuple[Process, str]] = {
    "the application's, in no unit": (OURS, "proceed"),
    "of the login": (exl.process(user="ops"), "proceed"),
    "started by cron": (exl.process(unit="cron.service"), "proceed"),
    "of a login session": (exl.process(unit="user@1000.service"), "proceed"),
    "of a user's own service": (exl.process(unit="user@1000.service/import.service"), "unit-process"),
    "of a user's service with the name of one of ours": (
        exl.process(unit="user@1000.service/sync.service"),
        "unit-process",
    ),
    "a queue worker": (WORKER, "proceed"),
    "too big": (exl.process(excess="memory", cpu=0, memory_kib=20_000_000), "proceed"),
    "of a pool": (exl.process(unit="php8.2-fpm.service", name="php-fpm8.2"), "skip"),
    "of a unit that may be restarted": (exl.process(unit="sync.service"), "skip"),
    "of a unit that would start it again": (exl.process(unit="import.service"), "unit-process"),
    "supervised, and no worker": (exl.process(unit="supervisor.service"), "unit-process"),
    "root's": (exl.process(user="root"), "foreign-process"),
    "somebody else's": (exl.process(user="ana"), "foreign-process"),
    "nobody knows whose": (exl.process(user="?"), "foreign-process"),
    "root's, in a unit": (exl.process(user="root", unit="backup.service"), "unit-process"),
    "a database": (exl.process(name="mariadbd", user="mysql", unit="mariadb.service"), "protected-process"),
    "a backup": (exl.process(name="mysqldump", unit="cron.service"), "protected-process"),
    "sshd": (exl.process(name="sshd"), "protected-process"),
    "protected by the inventory": (exl.process(name="meilisearch"), "protected-process"),
    "the first of all": (exl.process(1, user="root", name="init"), "protected-process"),
    "the kernel's": (exl.process(50, user="root", name="kswapd0", parent=2), "protected-process"),
}


def facts(*processes: Process, **changed: Fact | Unreadable) -> Answers:
    usage = exl.busy(*processes, cores=1)
    answers: Answers = {USAGE: usage, DEPLOY: ex.NO_DEPLOY, APP: ex.APP, QUERIES: exl.NO_QUERIES}
    return {**answers, **{_BY_NAME[name]: fact for name, fact in changed.items()}}


_BY_NAME: dict[str, Probe[Fact]] = {"usage": USAGE, "deploy": DEPLOY, "app": APP, "queries": QUERIES}
decide = partial(toys.decide, END)


@pytest.mark.parametrize("name", CULPRITS)
def test_whose_process_it_is(name: str) -> None:
    process, expected = CULPRITS[name]
    assert decide(facts(process)) == expected
    assert decide(facts(process.model_copy(update={"excess": None}))) == "skip"


def test_nobody_runs_away() -> None:
    assert decide(facts()) == "skip"


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {decide(facts(process)) for process, _ in CULPRITS.values()}
    reached.add(decide(facts(CULPRITS["a database"][0], queries=exl.SLOW_QUERY)))
    reached.add(decide(facts(OURS, app=ex.IN_MAINTENANCE)))
    reached.add(decide(facts(OURS, deploy=ex.DEPLOYING)))
    reached.add(decide(facts(OURS, usage=exl.busy(OURS, cores=16))))
    assert reached == {"proceed", "skip", *(code.name for code in EndProcess.refusals)}


def test_ours_is_ended_whatever_else_runs_away() -> None:
    root = CULPRITS["root's"][0].model_copy(update={"pid": 5})
    given = facts(OURS, root)
    assert decide(given) == "proceed"
    (step,) = END.apply(Facts(given))
    assert step == end_processes(["283:2379313"], "forge", 10, left="kill")


def test_a_worker_is_asked_and_never_forced() -> None:
    steps = list(END.apply(Facts(facts(WORKER, OURS, exl.process(9, user="ops")))))
    assert [(step.user, step.argv[-2:]) for step in steps] == [
        ("forge", ("10", "kill")),
        ("forge", ("30", "wait")),
        ("ops", ("10", "kill")),
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("php8.2", "php artisan invoices:charge --all"),
        ("php8.2", f"/usr/bin/php8.2 -d {'x' * 90}"),
        ("sh", f"sh -c php {PATH}/artisan invoices:charge --all"),
    ],
)
def test_what_may_be_in_the_middle_of_a_job_is_never_forced(name: str, arguments: str) -> None:
    (step,) = END.apply(Facts(facts(exl.process(name=name, arguments=arguments))))
    assert step == end_processes(["283:2379313"], "forge", 30)


def test_who_harms_nobody_is_left_to_work() -> None:
    # On a machine with many cores, every page at 200: it may be what charges the invoices.
    calm = facts(OURS, usage=exl.busy(OURS, cores=16))
    page = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
    asking = END.model_copy(update={"pages": (page,)})
    assert decide(calm) == "process-left"
    assert "pages answer, cores and memory suffice" in END.guard(Facts(calm)).reason
    assert toys.decide(asking, {**calm, page: ex.page()}) == "process-left"
    assert toys.decide(asking, {**calm, page: ex.page(504)}) == "proceed"
    assert toys.decide(asking, {**calm, page: ex.no_page(HttpFailure.TIMEOUT)}) == "proceed"
    assert toys.decide(asking, {**calm, page: Unreadable("no network")}) == "unreadable"
    assert toys.decide(asking, {**facts(OURS), page: ex.page()}) == "proceed"
    exhausted = calm[USAGE].model_copy(update={"memory_kib": 24_000_000})  # type: ignore[union-attr]  # stated above
    assert decide(facts(OURS, usage=exhausted)) == "proceed"
    assert toys.decide(END.model_copy(update={"even_if_pages_answer": True}), calm) == "proceed"
    root = CULPRITS["root's"][0]
    assert decide(facts(usage=exl.busy(OURS, root, cores=16))) == "foreign-process"


def test_every_command_is_one_that_sudo_can_be_told_to_allow() -> None:
    steps = {step.permission for step in END.apply(Facts(facts(WORKER, OURS, exl.process(9, user="ops"))))}
    assert steps <= {run.permission for run in END.changes()}
    assert {run.user for run in EndProcess(login=None).changes()} == {"forge"}


def test_a_deploy_and_maintenance_stand_in_its_way() -> None:
    verdict = END.guard(Facts(facts(OURS, deploy=ex.DEPLOYING)))
    assert (verdict.decision, verdict.code and verdict.code.name) == (Decision.WAIT, "deploy-running")
    assert decide(facts(OURS, app=ex.IN_MAINTENANCE)) == "maintenance-mode"
    assert decide(facts(deploy=ex.DEPLOYING, app=ex.IN_MAINTENANCE)) == "skip"


def test_the_query_and_not_the_database() -> None:
    database = CULPRITS["a database"][0]
    verdict = END.guard(Facts(facts(database, queries=exl.SLOW_QUERY)))
    assert verdict.code is not None
    assert verdict.code.name == "query-cause"
    assert "query 1273 of agency on agency, for 94 s: `select ? from payments`" in verdict.reason
    assert "KILL QUERY 1273" in verdict.reason
    assert decide(facts(database, queries=Unreadable("the database does not answer"))) == "unreadable"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("root's", "manually: sudo kill -TERM 283"),
        ("of a unit that would start it again", "Manually: sudo systemctl stop import.service"),
        ("of a user's own service", "Manually: as forge: systemctl --user stop import.service"),
        ("supervised, and no worker", "Manually: sudo supervisorctl stop PROGRAM, the PROGRAM with pid 283 or 1 in"),
        ("protected by the inventory", "never ended"),
    ],
)
def test_a_refusal_names_the_process_and_what_to_type(name: str, told: str) -> None:
    process, _ = CULPRITS[name]
    reason = END.guard(Facts(facts(process))).reason
    assert told in reason
    assert f"(pid 283, user {process.user}" in reason
    assert "99 % CPU" in reason


def survey(answers: Answers) -> Facts:
    outputs = {probe: output_of(probe, fact) for probe, fact in answers.items() if isinstance(fact, Fact)}
    return Facts(answers, outputs)


def test_one_that_came_back_is_not_ended() -> None:
    again = exl.process(999, started=2_380_000, age=1, excess=None)
    result = END.verify(survey(facts(OURS)), survey(facts(again)))
    assert result == NotYet(reason="it came back as pid 999, child of 1: what starts it has to stop")
    other = again.model_copy(update={"arguments": "gzip"})
    assert isinstance(END.verify(survey(facts(OURS)), survey(facts(other))), Proven)


def test_one_that_is_still_there_but_quiet_is_not_ended() -> None:
    quiet = OURS.model_copy(update={"excess": None, "cpu": 0})
    assert END.verify(survey(facts(OURS)), survey(facts(quiet))) == NotYet(reason="sh (pid 283) is still there")


# -- pools and units ---------------------------------------------------------------------------------------------------

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
    before = survey(pool(CHILD))
    assert isinstance(POOL.verify(before, survey(pool(YOUNG))), Proven)
    retried = YOUNG.model_copy(update={"cpu": 99, "wanted": 99, "rests": 0})
    result = POOL.verify(before, survey(pool(retried)))
    assert isinstance(result, NotYet)
    assert result.reason.startswith("reloaded, and a child works without rest again: php-fpm8.2 (pid 900")
    crowded = retried.model_copy(update={"cpu": 60, "wanted": 99})
    assert isinstance(POOL.verify(before, survey(pool(crowded))), NotYet)
    serving = retried.model_copy(update={"rests": 40})
    assert isinstance(POOL.verify(before, survey(pool(serving))), Proven)


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
    before, again = survey(service(SPINS)), SPINS.model_copy(update={"pid": 900, "excess": None, "age": 1})
    assert isinstance(SYNC.verify(before, survey(service(unit=anew))), Proven)
    result = SYNC.verify(before, survey(service(again, unit=anew)))
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
        survey(facts(OURS)),
        survey(GONE),
        tuple(survey(facts(process)) for process, _ in CULPRITS.values()),
    ),
    "php-fpm.recycle": (
        POOL,
        survey(pool(CHILD)),
        survey(pool(YOUNG, YOUNG.model_copy(update={"pid": 901}))),
        (
            pool(CHILD, config=ex.BROKEN_CONFIG),
            pool(CHILD.model_copy(update={"rests": 40})),
            pool(big=True),
            *(pool(CHILD, unit=unit) for unit in UNITS.values()),
        ),
    ),
    "unit.restart": (
        SYNC,
        survey(service(SPINS)),
        survey(service(unit=ex.started_again(ex.RUNNING))),
        tuple(service(SPINS, unit=unit) for unit in UNITS.values()),
    ),
}
