"""app-down from the first look to the verdict, on a scripted host."""

from itertools import combinations

import pytest

from remediate.core.command import Output
from remediate.core.host import Host, SshTarget
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.http import Site
from remediate.probes.queue_motion import QueueMotionState
from remediate.programs.processes import end_processes
from remediate.remedies.supervisor import RestartSupervisor
from remediate.testing import MemoryRecorder, play
from support import daily_examples as exd
from support import examples as ex
from support.incidents import (
    AGAIN,
    ALONE,
    CAUSES,
    DAEMON,
    HEALTHY,
    HOST,
    ORPHANS,
    PAGES,
    QUEUE,
    WORKERS,
    broken,
    host,
    mended,
    restart,
    working,
)
from support.outcomes import code, problem, told
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")


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
    assert "1 listens to mails of redis" in problem(outcome).message


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (exd.motion(exd.STANDING, seconds=10), "queue-unattended"),
        (exd.stuck(7), "worker-not-supervised"),
        (exd.stuck(7, stopped=False), "worker-not-supervised"),
    ],
    ids=["no worker", "stopped", "idle"],
)
def test_jobs_that_nobody_takes_count_without_supervisor_too(queue: QueueMotionState, expected: str) -> None:
    session = FactSession({**HEALTHY, QUEUE: queue})
    outcome = play(app_down, session, host=host(worker_program=None))
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, expected, [])
    assert "5 jobs wait in default" in problem(outcome).message


def test_a_paused_horizon_is_not_called_healthy() -> None:
    queue = exd.motion(exd.STANDING, seconds=10).model_copy(update={"horizon": True})
    session = FactSession({**HEALTHY, QUEUE: queue})
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, "worker-not-supervised", [])
    assert "none was taken in 10 s" in problem(outcome).message


def test_a_worker_that_does_not_let_go_of_its_job_is_not_fixed_and_left_to_a_person() -> None:
    stuck = exd.motion(
        exd.level(5, 5, taken=False, held=1200, working=1), workers=(exd.worker(101, timeout=60),), seconds=10
    )
    outcome = play(app_down, FactSession({**HEALTHY, QUEUE: stuck}, {}), host=HOST)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-verified")
    assert "`sudo kill -KILL 101`" in problem(outcome).message


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
    assert "still there: 101" in problem(outcome).message
    assert told(outcome)[4:8:2] == [(remedy.kind, "failed"), ("worker.start", "not_attempted")]


def test_a_worker_in_a_long_job_is_not_touched() -> None:
    session = FactSession(broken("php-fpm down"), *mended(["php-fpm down"]))
    play(app_down, session, host=HOST)
    assert session.ran == [restart("php8.2-fpm")]


@pytest.mark.parametrize(
    "settings",
    [{"health_path": "/"}, {"site_vantage": ["host", "host"]}, {"health_path": "/", "site_vantage": ["host"]}],
)
def test_a_page_that_is_named_twice_is_healthy_when_it_answers(settings: dict[str, object]) -> None:
    here = host(site_contains=None, app_path=None, worker_program=None, **settings)
    pages: Changes = {page: ex.page() for page in app_down(here).symptoms}
    outcome = play(app_down, FactSession({**HEALTHY, **pages}), host=here)
    assert (outcome.verdict, outcome.exit_code) == (RunVerdict.HEALTHY, 0)
