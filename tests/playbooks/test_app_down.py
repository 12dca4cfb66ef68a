"""app-down from the first look to the verdict, on scripted hosts and a shell."""

import threading
from itertools import combinations
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict, Touched, Verified
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.engine.context import Context
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import NullReporter
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.config import NameConflict
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.http import Site
from remediate.probes.laravel import App, AppLog
from remediate.probes.network import PortOwner
from remediate.probes.queue_motion import QueueMotionState
from remediate.probes.systemd import LogLines
from remediate.programs.processes import end_processes
from remediate.remedies.supervisor import RestartSupervisor
from remediate.testing import MemoryRecorder, PaperHost, play
from support import daily_examples as exd
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
    QUEUE,
    UP,
    UP_AGAIN,
    WORKERS,
    broken,
    host,
    mended,
    restart,
    working,
)
from support.outcomes import code
from support.render import output_of
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")


def told(outcome: HostOutcome) -> list[tuple[str, str | None]]:
    """Say what became of each remedy."""
    return [
        (step.remedy, step.verified.value if step.verified else step.code or step.decision.value)
        for step in outcome.steps
    ]


# -- looking -----------------------------------------------------------------------------------------------------------


def test_it_asks_from_every_vantage_and_for_the_health_page_and_the_workers() -> None:
    symptoms = app_down(HOST).symptoms
    assert symptoms == (*PAGES, WORKERS, QUEUE)
    assert [(page.vantage, page.label()) for page in PAGES] == [
        (Vantage.HOST, "https://example.com/"),
        (Vantage.CONTROLLER, "https://example.com/"),
        (Vantage.HOST, "https://example.com/health"),
        (Vantage.CONTROLLER, "https://example.com/health"),
    ]


def test_every_question_is_stated_here() -> None:
    assert {probe for probe in app_down(HOST).probes() if probe not in HEALTHY} == set()


def test_the_order_is_from_the_inside_out() -> None:
    kinds = [remedy.kind for remedy in app_down(HOST).remedies]
    assert kinds == [
        *("laravel.up", "php-fpm.restart", "nginx.restart", "incident.hand-over"),
        *("supervisor.restart", "worker.restart", "worker.start", "queue.attend", "nginx.server-name"),
    ]
    bare = app_down(host(app_path=None, worker_program=None, health_path=None))
    assert [remedy.kind for remedy in bare.remedies] == [
        *("php-fpm.restart", "nginx.restart", "incident.hand-over", "nginx.server-name")
    ]
    assert bare.symptoms == Site.of(HOST)


def test_a_healthy_site_is_left_alone_after_one_look() -> None:
    session = FactSession(HEALTHY)
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.execs, session.acts) == (RunVerdict.HEALTHY, Touched.NO, 1, [])
    assert {step.decision for step in outcome.steps} == {Decision.SKIP}


@pytest.mark.parametrize(
    "queue",
    [
        QueueMotionState(trouble=None, connection="sync", driver="sync"),
        exd.motion(exd.level(5, 5, taken=False, held=50, working=1), workers=(exd.worker(),), seconds=10),
        exd.motion(exd.level(5, 5, taken=False, oldest=60), workers=(exd.worker(),), seconds=10),
        exd.motion(exd.level(5, 3), workers=(exd.worker(),)),
    ],
    ids=["sync", "busy", "young", "moving"],
)
def test_a_queue_that_is_well_costs_nothing_further(queue: QueueMotionState) -> None:
    session = FactSession({**HEALTHY, QUEUE: queue})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, session.execs, session.acts) == (RunVerdict.HEALTHY, 1, [])


def test_a_queue_to_which_no_worker_listens_is_refused_by_name() -> None:
    queue = exd.motion(exd.STANDING, workers=(exd.worker(queues=("mails",)),), seconds=10)
    session = FactSession({**HEALTHY, QUEUE: queue})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, "queue-unattended", [])
    assert outcome.error is not None
    assert "1 listens to mails of redis" in outcome.error.message


def test_a_worker_that_does_not_let_go_of_its_job_is_not_fixed_and_left_to_a_person() -> None:
    stuck = exd.motion(
        exd.level(5, 5, taken=False, held=1200, working=1), workers=(exd.worker(101, timeout=60),), seconds=10
    )
    outcome = play(app_down, FactSession({**HEALTHY, QUEUE: stuck}, {}), host=HOST)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-verified")
    assert outcome.error is not None
    assert "`sudo kill -KILL 101`" in outcome.error.message


def test_a_queue_that_cannot_be_read_is_not_called_well() -> None:
    outcome = play(app_down, FactSession({**HEALTHY, QUEUE: Unreadable("not now")}), host=HOST)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "unreadable")


def test_without_a_site_there_is_nothing_to_be_down() -> None:
    with pytest.raises(ConfigurationError, match="site_url"):
        app_down(Host(name="web1", ssh=SshTarget(address="192.0.2.1")))


def test_a_php_that_the_inventory_does_not_name_is_found_on_the_host() -> None:
    found = InstalledPhp(enabled=("php8.2", "php8.3"), served=("php8.2",))
    session = FactSession({**HEALTHY, DiscoverPhp(domain="example.com"): found})
    assert play(app_down, session, host=host(php=None)).verdict is RunVerdict.HEALTHY
    assert session.execs == 2


def test_a_guess_between_two_is_refused() -> None:
    found = InstalledPhp(enabled=("php8.2", "php8.3"), served=())
    with pytest.raises(ConfigurationError, match="several PHPs"):
        play(app_down, FactSession({DiscoverPhp(domain="example.com"): found}), host=host(php=None))


# -- one cause, two, three ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ALONE)
def test_one_cause_is_mended(cause: str) -> None:
    session, record = FactSession(broken(cause), *mended([cause])), MemoryRecorder()
    outcome = play(app_down, session, host=HOST, record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.FIXED, 0, Touched.YES), outcome.error
    assert [kind for kind, end in told(outcome) if end == "proven"] == [ALONE[cause][2]]
    assert [end for kind, end in told(outcome) if kind != ALONE[cause][2]] == ["skip"] * 8
    assert session.execs == 3 + 1
    assert [remedy.kind for _, remedy, _ in record.intents] == [ALONE[cause][2]]


@pytest.mark.parametrize(
    "causes",
    [
        *(pair for pair in combinations(CAUSES, 2) if pair != ("supervisor down", "workers down")),
        ("php-fpm down", "nginx down", "supervisor down"),
        ("php-fpm down", "nginx down", "workers down"),
        ("php-fpm hung", "nginx down"),
    ],
)
def test_several_causes_are_mended_in_one_run_in_order(causes: tuple[str, ...]) -> None:
    session = FactSession(broken(*causes), *mended(causes))
    outcome = play(app_down, session, host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert [kind for kind, end in told(outcome) if end == "proven"] == [ALONE[cause][2] for cause in causes]
    assert session.execs == 1 + len(causes) + 2
    assert [steps.steps[-1].argv[-1] for steps in session.acts] == [
        {
            "php-fpm.restart": "php8.2-fpm.service",
            "nginx.restart": "nginx.service",
            "supervisor.restart": "supervisor.service",
            "worker.start": "agency-worker",
        }[ALONE[cause][2]]
        for cause in causes
    ]


def test_a_daemon_that_comes_back_with_dead_workers_has_them_started_too() -> None:
    daemon_only: Changes = {DAEMON: AGAIN, ORPHANS: ex.NO_STRAYS, **working("FATAL", "FATAL")}
    session = FactSession(broken("supervisor down"), daemon_only, working("RUNNING", "RUNNING", pid=20001))
    outcome = play(app_down, session, host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert told(outcome)[4:8] == [
        *(("supervisor.restart", "proven"), ("worker.restart", "skip")),
        *(("worker.start", "proven"), ("queue.attend", "skip")),
    ]
    assert session.execs == 4 + 1


def test_a_killed_supervisor_leaves_workers_that_are_ended_first() -> None:
    session = FactSession(broken("supervisor down"), *mended(["supervisor down"]))
    play(app_down, session, host=HOST)
    assert session.ran == [end_processes(("101:5001", "102:5002"), "forge", 60), restart("supervisor")]


def test_workers_that_do_not_end_keep_a_second_set_away() -> None:
    remedy = RestartSupervisor.on(HOST)
    stubborn = FactSession(broken("supervisor down"))
    play(app_down, stubborn, host=HOST)
    end = stubborn.ran[0]
    session = FactSession(broken("supervisor down"), {end: Output(exit=1, stderr="still there: 101 \n")})
    outcome = play(app_down, session, host=HOST)
    assert session.ran == [end]
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.NOT_FIXED, 5, "not-verified")
    assert outcome.error is not None
    assert "still there: 101" in outcome.error.message
    assert told(outcome)[4:8:2] == [(remedy.kind, "failed"), ("worker.start", "not_attempted")]


def test_a_worker_in_a_long_job_is_not_touched() -> None:
    session = FactSession(broken("php-fpm down"), *mended(["php-fpm down"]))
    play(app_down, session, host=HOST)
    assert session.ran == [restart("php8.2-fpm")]


# -- and when it may not -----------------------------------------------------------------------------------------------


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


def test_a_stranger_on_the_port_is_named() -> None:
    session = FactSession({**broken("nginx down"), PortOwner(port=80): ex.listening(("python3", 4711))})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.REFUSED, 3, Touched.NO)
    assert (code(outcome), session.ran) == ("port-taken", [])


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


def test_a_deploy_on_a_healthy_site_is_nobodys_business() -> None:
    session = FactSession({**HEALTHY, DEPLOY: ex.DEPLOYING})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, session.execs, session.surveys) == (RunVerdict.HEALTHY, 1, 1)


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_while_a_deploy_runs_nothing_is_touched(cause: str) -> None:
    session = FactSession({**broken(cause), DEPLOY: ex.DEPLOYING})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.REFUSED, 3, Touched.NO)
    assert (code(outcome), session.ran) == ("deploy-running", [])
    assert session.surveys > 1


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


@pytest.mark.parametrize("database", [ex.DATABASE_BUSY, ex.DATABASE_GONE])
def test_a_php_that_waits_for_its_database_is_not_restarted(database: object) -> None:
    session = FactSession({**HEALTHY, **HUNG, DATABASE: database})  # type: ignore[dict-item]
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.REFUSED, Touched.NO, "database-cause")
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
    assert outcome.error is not None
    assert outcome.error.message == (
        "https://example.com/ 500 (from the host, controller); "
        "https://example.com/health 500 (from the host, controller)"
    )
    assert any(reading.probe == "laravel.log" and "Class not found" in reading.note for reading in outcome.before)


@pytest.mark.parametrize("probe", [APP, DEPLOY, WORKERS, FPM, NGINX, DAEMON], ids=lambda probe: probe.kind)
def test_what_cannot_be_read_is_never_taken_for_broken(probe: App) -> None:
    session = FactSession({**HEALTHY, probe: Unreadable("not now")})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, "unreadable", [])


def test_pools_that_cannot_be_asked_matter_only_when_the_pages_are_wrong() -> None:
    lost = {**HEALTHY, POOLS: Unreadable("not now")}
    assert play(app_down, FactSession(lost), host=HOST).verdict is RunVerdict.HEALTHY
    session = FactSession({**lost, **DOWN})
    assert (code(play(app_down, session, host=HOST)), session.ran) == ("unreadable", [])


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


def test_a_link_lost_while_restarting_leaves_it_unknown() -> None:
    from remediate.testing import ScriptedEvent

    session, record = FactSession(broken("php-fpm down"), ScriptedEvent.LOST_WHILE), MemoryRecorder()
    outcome = play(app_down, session, host=HOST, record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.UNKNOWN)
    assert outcome.steps[-1].verified is Verified.UNKNOWN
    assert len(record.outcomes) == len(record.intents) == 1


# -- through a real shell ----------------------------------------------------------------------------------------------


def test_a_dead_php_is_brought_back_through_a_real_shell(tmp_path: Path) -> None:
    here = host(site_vantage=["host"], app_path=None, worker_program=None)
    with PaperHost(tmp_path) as paper:
        for name, unit in (("failed", ex.FAILED), ("running", AGAIN)):
            (paper.home / name).write_text(output_of(FPM, unit).stdout)
        (paper.home / "nginx").write_text(output_of(NGINX, ex.RUNNING).stdout)
        paper.script(
            "systemctl",
            """case "$*" in
              restart*) [ "$PAPER_USER" = root ] && touch "$HOME/mended" ;;
              *)
                while [ "$1" != -- ]; do shift; done
                shift
                first=$1
                for unit; do
                  [ "$unit" = "$first" ] || echo
                  case $unit in
                    *-fpm*) [ -e "$HOME/mended" ] && cat "$HOME/running" || cat "$HOME/failed" ;;
                    *) cat "$HOME/nginx" ;;
                  esac
                done ;;
            esac""",
        )
        paper.script(
            "curl",
            '[ -e "$HOME/mended" ] && s=200 || s=502; echo Welcome; echo "$s 0.01 " >&2',
        )
        for name in ("nginx", "php-fpm8.2", "journalctl", "ss"):
            paper.program(name)
        paper.program("php8.2", stdout=output_of(POOLS, ex.POOLS).stdout)
        paper.script("sh", 'case "$*" in *--connect-to*) exec /bin/sh "$@" ;; *) echo root ;; esac')
        context = Context(
            connect=lambda _: paper.session(),
            controller=FactSession({}),
            record=MemoryRecorder(),
            reporter=NullReporter(),
            stop=threading.Event(),
            owner=("ana@laptop", "run-7f3a"),
        )
        run = HostRunner(here, app_down, Options(hold=0, yes=True), context)
        try:
            outcome = run.examine() or run.mend()
        finally:
            run.close()
        assert outcome.verdict is RunVerdict.FIXED, outcome.error
        assert paper.starts == 4
        restarts = [call for call in paper.calls if "restart" in call.argv]
        assert [(call.argv, call.user) for call in restarts] == [
            (("systemctl", "restart", "php8.2-fpm.service"), "root")
        ]


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


@pytest.mark.parametrize(
    "settings",
    [{"health_path": "/"}, {"site_vantage": ["host", "host"]}, {"health_path": "/", "site_vantage": ["host"]}],
)
def test_a_page_that_is_named_twice_is_healthy_when_it_answers(settings: dict[str, object]) -> None:
    here = host(site_contains=None, app_path=None, worker_program=None, **settings)
    pages: Changes = {page: ex.page() for page in app_down(here).symptoms}
    outcome = play(app_down, FactSession({**HEALTHY, **pages}), host=here)
    assert (outcome.verdict, outcome.exit_code) == (RunVerdict.HEALTHY, 0)
