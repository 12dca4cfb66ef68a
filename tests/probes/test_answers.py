"""Output of a Laravel host's real programs, as the probes parse it."""

import getpass
import re
import shutil
import subprocess

import pytest

from remediate.core.command import ROOT, Output, Run, lasting
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.laravel import App, AppDatabase, AppLog, DatabaseTrouble, Deploy
from remediate.probes.network import NAMELESS, PortOwner
from remediate.probes.nginx import NginxLog
from remediate.probes.php import answered
from remediate.probes.php_fpm import Ping, Pools, PoolsState
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.programs.run import PROBES
from support import examples as ex
from support.host_paths import APP_PATH

POOLS = Pools(php="php8.2", user="forge")
APP = App(php="php8.2", path=APP_PATH, user="forge")
DATABASE = AppDatabase(php="php8.2", path=APP_PATH, user="forge")
WORKERS = Workers(program="agency-worker")

# -- supervisor 4.2 ----------------------------------------------------------------------------------------------------

STATUS = """agency-reports:agency-reports STOPPED Not started
agency-worker:agency-worker_00 RUNNING pid 13362, uptime 591
agency-worker:agency-worker_01 RUNNING pid 13057, uptime 176997
"""
BROKEN_STATUS = """agency-reports:agency-reports STOPPED Not started
agency-worker:agency-worker_00 FATAL Exited too quickly (process log may have details)
agency-worker:agency-worker_01 BACKOFF Exited too quickly (process log may have details)
agency-worker:agency-worker_02 STOPPED Nov 23 09:29 AM
agency-worker:agency-worker_03 STARTING
"""


def test_the_workers_of_one_program() -> None:
    state = WORKERS.read(Output(stdout=STATUS))
    assert [(each.name, each.pid, each.uptime) for each in state.processes] == [
        ("agency-worker:agency-worker_00", 13362, 591),
        ("agency-worker:agency-worker_01", 13057, 176_997),
    ]
    assert (state.ok, state.describe(), state.age(9e9)) == (True, "2/2 running", 591)
    assert state.incarnation == "agency-worker:agency-worker_00=13362 agency-worker:agency-worker_01=13057"


def test_a_program_that_is_its_own_group_and_one_that_nobody_knows() -> None:
    parked = Workers(program="agency-reports").read(Output(stdout=STATUS))
    assert (parked.ok, parked.describe(), parked.age(1)) == (False, "0/1 running, STOPPED", None)
    unknown = Workers(program="agency").read(Output(stdout=STATUS))
    assert (unknown.ok, unknown.describe()) == (False, "no such program")


def test_workers_that_do_not_run() -> None:
    state = WORKERS.read(Output(stdout=BROKEN_STATUS))
    assert [each.name[-2:] for each in state.broken] == ["00", "02"]
    assert [each.name[-2:] for each in state.changing] == ["01", "03"]
    assert state.describe() == "0/4 running, BACKOFF, FATAL, STARTING, STOPPED"
    assert state.processes[0].detail == "Exited too quickly (process log may have details)"


def test_a_daemon_that_does_not_run() -> None:
    state = WORKERS.read(Output(stderr="supervisor: refused connection\n", exit=3))
    assert state == ex.NO_DAEMON
    assert (state.ok, state.describe()) == (False, "unknown to supervisor: it does not run")


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="supervisor: /etc/supervisor/supervisord.conf names no socket\n"),
        Output(exit=1, stderr="supervisor: curl: (22) The requested URL returned error: 401\n"),
        Output(stdout="<html>\n"),
        Output(exit=1, stderr="sudo: a password is required\n"),
    ],
)
def test_a_supervisor_that_refuses_is_unreadable(output: Output) -> None:
    with pytest.raises(Unreadable):
        WORKERS.read(output)


@pytest.mark.parametrize(
    ("later", "same"),
    [
        ("RUNNING   pid 13362, uptime 86401", True),
        ("RUNNING   pid 13363, uptime 9", False),
        ("STARTING  ", False),
        ("STOPPED   Nov 23 08:31 AM", False),
    ],
)
def test_an_answer_about_workers_is_the_same_text_while_nothing_happens(later: str, *, same: bool) -> None:
    earlier = "RUNNING   pid 13362, uptime 1"
    texts = (f"agency-worker:agency-worker_00   {each}\nreports   STOPPED   Not started\n" for each in (earlier, later))
    first, second = (lasting(text, Workers.volatile) for text in texts)
    assert (first == second) is same
    assert "reports   STOPPED   Not started" in first


def test_orphans() -> None:
    line = f"13362 884213 forge /usr/bin/php8.2 {APP_PATH}/artisan queue:work redis --sleep=1 --tries=3 --timeout=20 \n"
    (stray,) = OrphanWorkers().read(Output(stdout=line)).processes
    assert (stray.pid, stray.started, stray.identity) == (13362, 884213, "13362:884213")
    assert stray.arguments.endswith("--timeout=20")


# -- ss, df, pgrep, logs -----------------------------------------------------------------------------------------------

SS = """LISTEN 0      511    0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=15577,fd=5),("nginx",pid=15576,fd=5))
LISTEN 0      511       [::]:80    [::]:* users:(("nginx",pid=15577,fd=6),("nginx",pid=15576,fd=6))
"""


def test_who_listens() -> None:
    listeners = PortOwner(port=80).read(Output(stdout=SS))
    assert (listeners.programs, listeners.names) == (("nginx (15576)", "nginx (15577)"), ("nginx",))
    assert PortOwner(port=80).read(Output()).describe() == "nobody"


def test_a_listener_without_a_name_is_somebody() -> None:
    """As root: the process of this one ended while ss looked."""
    taken = PortOwner(port=80).read(Output(stdout="LISTEN 0      511    0.0.0.0:80 0.0.0.0:*\n"))
    assert (taken.describe(), taken.names) == ("somebody whom ss does not name", (NAMELESS,))
    with pytest.raises(Unreadable, match="ss: no output"):
        PortOwner(port=80).read(Output(exit=255))


def test_a_deploy() -> None:
    probe = Deploy(user="forge")
    found = probe.read(Output(stdout="811 composer install --no-dev\n812 sh -c git pull\n"))
    assert (found.ok, found.describe()) == (False, "running: composer install --no-dev")
    assert probe.read(Output(exit=1)) == ex.NO_DEPLOY
    with pytest.raises(Unreadable, match="deploy: pgrep"):
        probe.read(Output(exit=2, stderr="pgrep: invalid user name: forge\n"))


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="pgrep is not installed here")
def test_the_search_for_a_deploy_finds_one_and_never_itself() -> None:
    probe = Deploy(user=getpass.getuser())
    deploy = subprocess.Popen(("bash", "-c", 'exec -a "/usr/bin/php8.2 artisan migrate --force" sleep 60'))
    found: tuple[str, ...] = ()
    try:
        for _ in range(500):
            done = subprocess.run(probe.command().argv, capture_output=True, text=True, timeout=20, check=False)
            found = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).running
            if any("artisan migrate" in line for line in found):
                break
        assert any(line.startswith("/usr/bin/php8.2 artisan migrate --force") for line in found)
        assert not any("pgrep" in line for line in found)
    finally:
        deploy.kill()
        deploy.wait()


def test_the_last_lines_of_a_log() -> None:
    probe = AppLog(path=APP_PATH)
    log = probe.read(Output(stdout="one\n\n  \ntwo  \n"))
    assert (log.lines, log.ok, log.describe()) == (("one", "two"), None, "two")
    assert probe.read(Output()).describe() == "no lines"
    with pytest.raises(Unreadable, match="cannot open"):
        probe.read(Output(exit=1, stderr="tail: cannot open '/var/log/nginx/error.log' for reading\n"))


def test_logs_are_asked_by_those_who_may_read_them() -> None:
    assert NginxLog().command().user == ROOT
    assert AppLog(path=APP_PATH).command().user is None


# -- php 8.2, Laravel 8 ------------------------------------------------------------------------------------------------

POOLS_SAID = (
    'remediate:[{"name":"www","listen":"\\/run\\/php\\/php8.2-fpm.sock","ping":"answered","listens":true,"queue":0,"children":5,'
    '"max_children":5,"ticks":0}]\n'
)
APP_SAID = '\nremediate:{"version":"8.83.26","maintenance":false,"config_cached":true}\n'
DATABASE_SAID = '\nremediate:{"driver":"mysql","host":"127.0.0.1","database":"agency","state":"ok","waiting":0}\n'


def test_pools_that_answer() -> None:
    assert POOLS.read(Output(stdout=POOLS_SAID)) == ex.POOLS
    assert (ex.POOLS.ok, ex.POOLS.describe()) == (True, "www: answers")


@pytest.mark.parametrize(
    ("ping", "queue", "ticks", "listens", "ok", "said"),
    [
        (Ping.SILENT, 0, 0, True, None, "www: does not answer, 0 wait, its children do nothing"),
        (Ping.SILENT, 3, 0, True, False, "www: does not answer, 3 wait, its children do nothing"),
        (Ping.SILENT, 3, 1, True, False, "www: does not answer, 3 wait, its children do nothing"),
        (Ping.SILENT, 3, 40, True, False, "www: does not answer, 3 wait, its children work"),
        (Ping.FULL, 511, 0, True, False, "www: does not answer, 511 wait, its children do nothing"),
        (Ping.REFUSED, 0, 0, True, False, "www: nobody can connect to /run/php/php8.2-fpm.sock"),
        (Ping.REFUSED, 0, 0, False, False, "www: nothing listens on /run/php/php8.2-fpm.sock"),
        (Ping.FORBIDDEN, 0, 0, True, None, "www: /run/php/php8.2-fpm.sock is closed to this user"),
    ],
)
def test_pools_that_do_not(ping: Ping, queue: int, ticks: int, listens: bool, ok: bool | None, said: str) -> None:
    state = ex.pools(ping, queue=queue, ticks=ticks, listens=listens)
    assert (state.ok, state.describe()) == (ok, said)


def test_no_pool_at_all_tells_nothing() -> None:
    assert PoolsState(pools=()).ok is None


def test_an_application() -> None:
    assert APP.read(Output(stdout=APP_SAID)) == ex.APP
    assert (ex.APP.ok, ex.APP.describe()) == (None, "Laravel 8.83.26")
    assert (ex.IN_MAINTENANCE.ok, ex.IN_MAINTENANCE.describe()) == (False, "Laravel 8.83.26, down for maintenance")


@pytest.mark.parametrize(
    ("said", "trouble", "waiting"),
    [
        (DATABASE_SAID, None, 0),
        (DATABASE_SAID.replace('"waiting":0', '"waiting":4'), None, 4),
        ('remediate:{"driver":"sqlite","host":null,"database":"/x","state":"ok"}', None, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":2002}', DatabaseTrouble.REFUSED, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":1045}', DatabaseTrouble.DENIED, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":1130,"from":"10.0.0.5"}', DatabaseTrouble.NOT_ALLOWED, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":1049}', DatabaseTrouble.UNKNOWN_DATABASE, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":1040}', DatabaseTrouble.TOO_MANY, 0),
        ('remediate:{"driver":"mysql","state":"failed","code":0}', DatabaseTrouble.OTHER, 0),
        ('remediate:{"state":"failed","code":1044}', DatabaseTrouble.FORBIDDEN, 0),
        ('remediate:{"state":"failed","code":2002,"network":"refused"}', DatabaseTrouble.REFUSED, 0),
        ('remediate:{"state":"failed","code":2002,"network":"name"}', DatabaseTrouble.NAME, 0),
        ('remediate:{"state":"failed","code":2002,"network":"silent"}', DatabaseTrouble.SILENT, 0),
        ('remediate:{"state":"failed","code":2006,"network":"open"}', DatabaseTrouble.SILENT, 0),
    ],
)
def test_a_database_as_the_application_sees_it(said: str, trouble: DatabaseTrouble | None, waiting: int) -> None:
    state = DATABASE.read(Output(stdout=said))
    assert (state.trouble, state.waiting) == (trouble, waiting)
    assert state.ok is (trouble is None)


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "PHP Warning:  something\n",
        "remediate:",
        "remediate:{",
        "remediate:null",
        "remediate:{}",
        'remediate:"ok"',
        "remediate:[1]",
        'remediate:[{"name":"www"}]',
        'remediate:{"version":8,"maintenance":"perhaps"}',
        'remediate:{"state":"ok","waiting":"7"}x',
        'remediate:{"state":"failed"}',
        'remediate:{"state":"odd","code":1}',
        " remediate:[]",
    ],
)
@pytest.mark.parametrize("probe", [POOLS, APP, DATABASE], ids=lambda probe: probe.kind)
def test_php_that_answers_something_else_is_unreadable(probe: Pools | App | AppDatabase, stdout: str) -> None:
    with pytest.raises(Unreadable):
        probe.read(Output(stdout=stdout, stderr="PHP Fatal error:  Uncaught Error\n", exit=255))


def test_notices_around_the_answer_do_not_matter() -> None:
    noise = f"PHP Deprecated: x in y\n{APP_SAID}Warning: more\n"
    assert APP.read(Output(stdout=noise)) == ex.APP


def test_a_php_that_died_is_told_in_its_own_words() -> None:
    with pytest.raises(Unreadable, match="application: PHP ended with 255: PHP Fatal error: x"):
        answered("application", Output(stderr="PHP Fatal error: x\n", exit=255))


@pytest.mark.parametrize("name", ["app", "pools"])
def test_a_program_is_one_line_without_comments(name: str) -> None:
    text = program_text(PROBES, f"{name}.php")
    assert "\n" not in text
    assert not text.startswith("<?php")
    bare = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', '""', text)
    assert "//" not in bare
    assert "#" not in bare
    assert "/*" not in bare
    assert bare.count("{") == bare.count("}")
    assert bare.count("(") == bare.count(")")


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")
@pytest.mark.parametrize("name", ["app", "pools"])
def test_a_program_is_php(name: str) -> None:
    text = f"<?php {program_text(PROBES, name + '.php')}"
    done = subprocess.run(("php", "-n", "-l"), input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")
def test_where_no_pool_is_configured_none_is_told() -> None:
    done = subprocess.run(
        ("php", "-n", "-r", program_text(PROBES, "pools.php"), "--", "/nonexistent", "1", "php8.2-fpm"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert POOLS.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).pools == ()


@pytest.mark.parametrize("probe", [POOLS, APP, DATABASE], ids=lambda probe: probe.kind)
def test_php_is_asked_as_the_applications_user(probe: Pools | App | AppDatabase) -> None:
    run = probe.command()
    assert isinstance(run, Run)
    assert (run.user, run.argv[0]) == ("forge", "/usr/bin/php8.2")
    assert run.argv[run.argv.index("-r") + 2] == "--"
