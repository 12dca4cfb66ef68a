"""Output of PHP about pools, an application and its database, as the probes parse it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.laravel import App, AppDatabase, DatabaseTrouble
from remediate.probes.php import answered
from remediate.probes.php_fpm import Ping, Pools, PoolsState
from remediate.programs.run import PROBES
from support import examples as ex
from support.host_paths import APP_PATH
from support.this_machine import command_of

POOLS = Pools(php="php8.2", user="forge")
APP = App(php="php8.2", path=APP_PATH, user="forge")
DATABASE = AppDatabase(php="php8.2", path=APP_PATH, user="forge")


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
        ('remediate:{"driver":"mysql","state":"failed","code":1290,"waiting":0}', DatabaseTrouble.READ_ONLY, 0),
        ('remediate:{"state":"unconfigured"}', DatabaseTrouble.UNCONFIGURED, 0),
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
    run = command_of(probe)
    assert (run.user, run.argv[0]) == ("forge", "/usr/bin/php8.2")
    assert run.argv[run.argv.index("-r") + 2] == "--"


_TORN = r"""<?php
class Stub {
    public function __call($name, $words) { return $this; }
    public function version() { return "8.83"; }
    public function isDownForMaintenance() { return true; }
    public function configurationIsCached() { return false; }
}
if (!isset($_SERVER["APP_CONFIG_CACHE"])) { require "bootstrap/cache/config.php"; }
return new Stub();
"""


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")
@pytest.mark.parametrize("torn", ["<?php return ['app' => ['key' => 'c4n4ry", "", "<?php return 1;"])
def test_a_torn_configuration_cache_hides_neither_maintenance_nor_itself(tmp_path: Path, torn: str) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php\n")
    (tmp_path / "bootstrap/cache").mkdir(parents=True)
    (tmp_path / "bootstrap/app.php").write_text(_TORN)
    (tmp_path / "bootstrap/cache/config.php").write_text(torn)
    assert APP.read(_ask(tmp_path, "state")).maintenance
    assert DATABASE.read(_ask(tmp_path, "database")).trouble is DatabaseTrouble.UNCONFIGURED


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")
@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("throw new Exception('c4n4ry');", "an error"),
        ("ini_set('memory_limit', '8M'); $c4n4ry = str_repeat('c4n4ry', 9000000);", r"out of memory \(memory_limit\)"),
    ],
)
def test_an_application_that_does_not_start_tells_where_and_not_what(tmp_path: Path, code: str, how: str) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php\n")
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "bootstrap/app.php").write_text(f"<?php\n{code}\n")
    with pytest.raises(Unreadable, match=rf"start: PHP ends with {how} in .*/bootstrap/app\.php, line 2$") as why:
        APP.read(_ask(tmp_path, "state"))
    assert "c4n4ry" not in str(why.value)


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")
def test_a_link_to_a_release_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("releases/gone")
    with pytest.raises(
        Unreadable, match=r"there is no \S+/current/vendor/autoload.php \(\S+ is a link to releases/gone\)$"
    ):
        APP.read(_ask(tmp_path / "current", "state"))


def _ask(path: Path, question: str) -> Output:
    argv = ("php", "-n", "-r", program_text(PROBES, "app.php"), "--", str(path), question)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)
