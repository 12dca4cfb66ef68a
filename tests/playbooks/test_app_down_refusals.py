"""Refusals of app-down, and their messages."""

import pytest

from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched, Verified
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.config import NameConflict
from remediate.probes.laravel_log import AppLog
from remediate.probes.network import PortOwner
from remediate.probes.systemd import LogLines, Unit
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.incidents import (
    AGAIN,
    ALONE,
    APP,
    CAUSES,
    DAEMON,
    DATABASE,
    DEPLOY,
    DOWN,
    FPM,
    HEALTHY,
    HOST,
    HUNG,
    MAINTENANCE,
    NGINX,
    NGINX_CONFIG,
    ORPHANS,
    PAGES,
    PATH,
    POOLS,
    UP,
    UP_AGAIN,
    WORKERS,
    broken,
    host,
    mended,
    restart,
)
from support.outcomes import code, problem, told
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

LOST = Unreadable("not now")


def test_what_can_be_mended_is_mended_although_another_is_refused() -> None:
    state = {**broken("php-fpm down", "nginx down"), NGINX_CONFIG: ex.BROKEN_CONFIG}
    session = FactSession(state, {FPM: AGAIN})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.NOT_FIXED, 5, Touched.YES)
    assert told(outcome)[1:3] == [("php-fpm.restart", "proven"), ("nginx.restart", "config-broken")]
    assert session.ran == [restart("php8.2-fpm")]
    assert outcome.steps[2].why == 'nginx -t: broken: /etc/nginx/nginx.conf:3: invalid parameter "bogus"'
    assert code(outcome) is not None


def test_a_running_nginx_with_a_broken_edit_is_left_and_shown() -> None:
    session = FactSession({**HEALTHY, NGINX_CONFIG: ex.BROKEN_CONFIG})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, session.execs, session.ran) == (RunVerdict.HEALTHY, 1, [])
    (shown,) = (reading for reading in outcome.before if reading.probe == "nginx.config")
    assert (shown.ok, shown.note) == (False, 'broken: /etc/nginx/nginx.conf:3: invalid parameter "bogus"')


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ({**broken("nginx down"), PortOwner(port=80): ex.listening(("python3", 4711))}, "port-taken"),
        *(({**broken(cause), DEPLOY: ex.DEPLOYING}, "deploy-running") for cause in sorted(CAUSES)),
        # A PHP that waits for its database is not restarted.
        *(({**HUNG, DATABASE: database}, "database-cause") for database in (ex.DATABASE_BUSY, ex.DATABASE_GONE)),
        # What cannot be read is never taken for broken; pools matter only if the pages are wrong.
        *(({probe: LOST}, "unreadable") for probe in (APP, DEPLOY, WORKERS, FPM, NGINX, DAEMON)),
        ({POOLS: LOST, **DOWN}, "unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_not_be_touched_is_refused(state: Changes, refusal: str) -> None:
    session = FactSession({**HEALTHY, **state})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.REFUSED, 3, Touched.NO)
    assert (code(outcome), session.ran) == (refusal, [])
    assert (session.surveys > 1) is (refusal == "deploy-running"), "a deploy is waited for"


@pytest.mark.parametrize("probe", [DEPLOY, POOLS])
def test_what_does_not_matter_while_pages_answer(probe: Probe[Fact]) -> None:
    answer = ex.DEPLOYING if probe == DEPLOY else LOST
    session = FactSession({**HEALTHY, probe: answer})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, session.execs, session.surveys) == (RunVerdict.HEALTHY, 1, 1)


@pytest.mark.parametrize("also", [(), ("php-fpm down",), ("supervisor down",), ("workers down",)])
def test_in_maintenance_nothing_is_attempted(also: tuple[str, ...]) -> None:
    session = FactSession({**broken(*also), **MAINTENANCE})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.REFUSED, 3, Touched.NO)
    assert (code(outcome), session.ran, session.execs) == ("maintenance-mode", [], 1)
    needed = {ALONE[cause][2] for cause in also}
    assert {kind for kind, end in told(outcome) if end == "not_attempted"} >= needed
    assert all(end in {"skip", "not_attempted"} for kind, end in told(outcome) if kind != "laravel.up")


def test_somebody_who_says_why_ends_maintenance() -> None:
    session = FactSession({**HEALTHY, **MAINTENANCE}, {APP: ex.APP, **UP})
    options = Options(hold=0, yes=True, overrides={"maintenance-mode": "the deploy of ana failed"})
    outcome = play(app_down, session, host=HOST, options=options)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert session.ran == [UP_AGAIN]
    assert "maintenance-mode overridden: the deploy of ana failed" in outcome.steps[0].why
    assert session.execs == 3 + 1


def test_maintenance_ended_and_the_rest_mended_in_one_run() -> None:
    session = FactSession({**broken("php-fpm down"), **MAINTENANCE}, {APP: ex.APP, **DOWN}, *mended(["php-fpm down"]))
    options = Options(hold=0, yes=True, overrides={"maintenance-mode": "it is over"})
    outcome = play(app_down, session, host=HOST, options=options)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert session.ran == [UP_AGAIN, restart("php8.2-fpm")]


def test_a_deploy_that_ends_meanwhile_is_waited_for() -> None:
    session = FactSession(
        {**broken("php-fpm down"), DEPLOY: ex.DEPLOYING}, *mended(["php-fpm down"]), at={2: {DEPLOY: ex.NO_DEPLOY}}
    )
    outcome = play(app_down, session, host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error


def test_a_deploy_cannot_be_overridden() -> None:
    session = FactSession({**broken("php-fpm down"), DEPLOY: ex.DEPLOYING})
    options = Options(hold=0, yes=True, overrides={"deploy-running": "I know", "maintenance-mode": "I know"})
    assert code(play(app_down, session, host=HOST, options=options)) == "deploy-running"
    assert session.ran == []


def test_somebody_who_says_why_restarts_it_all_the_same() -> None:
    session = FactSession({**HEALTHY, **HUNG, DATABASE: ex.DATABASE_BUSY}, {**ALONE["php-fpm hung"][1], **UP})
    options = Options(hold=0, yes=True, overrides={"database-cause": "the query is killed"})
    assert play(app_down, session, host=HOST, options=options).verdict is RunVerdict.FIXED
    assert session.ran == [restart("php8.2-fpm")]


def test_an_error_of_the_application_is_not_explained() -> None:
    log = LogLines(lines=("[2026-11-23 08:31:11] production.ERROR: Class not found",))
    session = FactSession({**HEALTHY, **dict.fromkeys(PAGES, ex.page(500)), AppLog(path=PATH): log})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.REFUSED, 3, Touched.NO)
    assert (code(outcome), session.ran) == ("unexplained", [])
    assert problem(outcome).message == (
        "https://example.com/ 500 (from the host, controller); "
        "https://example.com/health 500 (from the host, controller)"
    )
    assert any(reading.probe == "laravel.log" and "Class not found" in reading.note for reading in outcome.before)


def test_a_start_limit_overridden_with_orphans_unknown_is_refused() -> None:
    state = {**broken("supervisor down"), DAEMON: ex.START_LIMIT, ORPHANS: Unreadable("not now")}
    options = Options(hold=0, yes=True, overrides={"start-limit-hit": "the cause is mended"})
    session = FactSession(state)
    assert code(play(app_down, session, host=HOST, options=options)) == "unreadable"


def test_a_daemon_that_is_up_with_workers_that_only_crash_is_not_healthy() -> None:
    options = Options(hold=0.2, yes=True)
    young = ex.workers("RUNNING", "RUNNING", uptime=0)
    later = ex.workers("RUNNING", "RUNNING", pid=30001, uptime=0)
    session = FactSession(
        {**HEALTHY, WORKERS: young}, at={number: {WORKERS: later if number % 2 else young} for number in range(3, 60)}
    )
    outcome = play(app_down, session, host=HOST, options=options)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unstable", Touched.NO)


STORES = {"database": {"unit": "mariadb"}, "redis": {"unit": "redis-server"}}


@pytest.mark.parametrize("unit", ["mariadb", "redis-server"])
def test_a_site_whose_store_comes_and_goes_is_not_healthy(unit: str) -> None:
    """Everything answers whenever it is asked: only the age of the store's unit shows that it was away."""
    stores: Changes = dict.fromkeys((Unit(name="mariadb"), Unit(name="redis-server")), ex.RUNNING)
    young = {"active_since": 1_000_000.0}
    back = ex.RUNNING.model_copy(update=young)
    at: dict[int, Changes | ScriptedEvent] = {
        number: {Unit(name=unit): ex.started_again(back, number).model_copy(update=young)} for number in range(3, 40)
    }
    session = FactSession({**HEALTHY, **stores, Unit(name=unit): back}, at=at)
    outcome = play(app_down, session, host=host(**STORES), options=Options(hold=0.2, yes=True))
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unstable", Touched.NO)
    assert f"{unit} was started again" in problem(outcome).message


def test_a_link_lost_while_restarting_leaves_it_unknown() -> None:
    session, record = FactSession(broken("php-fpm down"), ScriptedEvent.LOST_WHILE), MemoryRecorder()
    outcome = play(app_down, session, host=HOST, record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.UNKNOWN)
    assert outcome.steps[-1].verified is Verified.UNKNOWN
    assert len(record.outcomes) == len(record.intents) == 1


def test_a_name_of_several_server_blocks_is_named_where_nothing_else_explains_it() -> None:
    conflict = NameConflict(name="example.com", address="0.0.0.0:443")
    twice: Changes = {NGINX_CONFIG: ex.SOUND.model_copy(update={"conflicts": (conflict,)})}
    assert play(app_down, FactSession({**HEALTHY, **twice}), host=HOST).verdict is RunVerdict.HEALTHY
    wrong: Changes = dict.fromkeys(PAGES, ex.page(404))
    session = FactSession({**HEALTHY, **wrong, **twice})
    outcome = play(app_down, session, host=HOST)
    assert (code(outcome), session.ran) == ("server-name-conflict", [])
    (seen,) = (each.note for each in outcome.before if each.probe == "nginx.config")
    assert seen == "ok, but conflicting server name example.com on 0.0.0.0:443"
    down = play(app_down, FactSession({**HEALTHY, **DOWN, **twice, NGINX: ex.MASKED}), host=HOST)
    assert code(down) == "unit-masked"
