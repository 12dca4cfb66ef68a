"""The PHP program that answers several questions with one start of an application, run by a real PHP.

The application is a stub; what the questions' own programs do with a real one is for the tests with a container.
"""

import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

import pytest

import remediate
from remediate.core.command import Output, Run
from remediate.engine.surveyor import SURVEY_SECONDS
from remediate.probes.laravel import App, AppDatabase
from remediate.probes.php import LONGEST, Together
from remediate.transport.script import STDOUT_LIMIT

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

_APP: Final = r"""<?php
class Stub {
    public function make($name) {
        if ($name === "config") { AT_CONFIG }
        return $this;
    }
    public function bootstrap() { AT_START }
    public function resolved($name) { return true; }
    public function getConnections() { return isset($GLOBALS["connections"]) ? ["mysql" => null] : []; }
    public function connections() { return null; }
    public function purge($name) { unset($GLOBALS["connections"]); }
    public function version() { AT_VERSION return "11.0"; }
    public function isDownForMaintenance() { return false; }
    public function configurationIsCached() { return true; }
    public function get($name) { return $name === "database.default" ? "mysql" : ["driver" => "pgsql"]; }
    public function set($name, $value) {}
    public function connection($name) { return $this; }
    public function getPdo() {}
    public function select($words) {}
}
function app($name) { return new Stub(); }
return new Stub();
"""
HANGS: Final = "sleep(3600);"
DIES: Final = "ini_set('memory_limit', '16M'); $all = str_repeat('x', 64000000);"
KILLED: Final = "posix_kill(posix_getpid(), 9);"
ENDS: Final = "exit(0);"
ORPHANED: Final = "posix_kill(posix_getppid(), 9); sleep(300);"
"""Ends the process that collects the answers, then hangs."""
ASKS: Final = "file_get_contents('http://127.0.0.1:PORT/');"
"""Asks a server, as an application may while it starts."""
THROWS: Final = "throw new Error('c4n4ry');"
CONNECTS: Final = "$GLOBALS['connections'] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);"
LEAVES: Final = "$GLOBALS['left'] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for folder in ("vendor", "bootstrap"):
        (tmp_path / folder).mkdir()
    (tmp_path / "vendor/autoload.php").write_text("<?php echo 'loaded ';")
    return tmp_path


def made(place: Path, *, at_start: str = "", at_version: str = "", at_config: str = "") -> tuple[App, AppDatabase]:
    """Make an application, and the two questions that are asked about it."""
    text = _APP.replace("AT_START", at_start).replace("AT_VERSION", at_version).replace("AT_CONFIG", at_config)
    (place / "bootstrap/app.php").write_text(text)
    of = {"php": "php8.2", "path": str(place), "user": "forge"}
    return App.model_validate(of), AppDatabase.model_validate(of)


def batch_of(place: Path) -> Together:
    return Together.model_validate({"php": "php8.2", "path": str(place), "user": "forge"})


def program_text() -> str:
    return (Path(remediate.__file__).parent / "probes/php/together.php").read_text()


def run(command: Run, *options: str) -> Output:
    _, *words = command.argv
    given = command.stdin.get_secret_value() if command.stdin is not None else ""
    argv = ("php", *options, *words)
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=given, timeout=60)
    return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)


def test_a_start_that_hangs_ends_before_a_survey_does() -> None:
    batch = Together.model_validate({"php": "php8.2", "path": "/srv/shop", "user": "forge"})
    slow = App(php="php8.2", path="/srv/shop", user="forge").command().model_copy(update={"seconds": 39.0})
    assert max(batch.command(()).seconds, batch.command((slow,)).seconds) < SURVEY_SECONDS - 10
    program = program_text()
    (alarm,) = re.findall(r"^pcntl_alarm\((\d+)\);", program, re.MULTILINE)
    assert int(alarm) < SURVEY_SECONDS - 10
    assert program.index("pcntl_alarm(") < program.index("autoload")


def scaled(run: Run, *limits: tuple[str, str]) -> Run:
    """Return the command with other limits than the program's, so that a test need not wait for half a minute."""
    php, option, text, *words = run.argv
    for limit, shorter in limits:
        assert limit in text
        text = text.replace(limit, shorter)
    return run.model_copy(update={"argv": (php, option, text, *words)})


def limited(place: Path, *runs: Run, limits: tuple[str, str]) -> list[Output | None]:
    """Ask with another limit, of a PHP that waits for an hour without one."""
    batch = batch_of(place)
    return list(batch.split(runs, run(scaled(batch.command(runs), limits), "-d", "default_socket_timeout=3600")))


def test_a_start_that_hangs_is_ended(place: Path) -> None:
    state, database = made(place, at_start=HANGS)
    found = limited(place, state.command(), database.command(), limits=("pcntl_alarm(27)", "pcntl_alarm(1)"))
    assert found == [None, None]


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_question_gets_a_second_at_least(place: Path, seconds: float) -> None:
    state, database = made(place, at_version="usleep(400000);")
    short = state.command().model_copy(update={"seconds": seconds})
    # On a busy machine these 0.4 s may take more than one. With less than 0.4 they would never be enough.
    assert any(None not in together(place, short, database.command()) for _ in range(10))


def test_a_question_gets_25_seconds_at_most(place: Path) -> None:
    state, database = made(place, at_config=HANGS)
    long = database.command().model_copy(update={"seconds": 3600.0})
    found = limited(place, long, state.command(), limits=("min(25, ", "min(1, "))
    assert [each is None for each in found] == [True, False]
    assert LONGEST == 25


def test_a_question_ends_by_itself_when_nobody_collects_its_answer(place: Path) -> None:
    """Then the one that would end it is gone: ended by its own alarm, or by the host's deadline."""
    state, database = made(place, at_config=ORPHANED)
    short = database.command().model_copy(update={"seconds": 1.0})
    assert together(place, short, state.command())[0] is None


def test_a_silent_server_does_not_hold_up_the_start(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        state, database = made(place, at_start=ASKS.replace("PORT", str(silent.getsockname()[1])))
        limits = ('"default_socket_timeout", "4"', '"default_socket_timeout", "1"')
        found = limited(place, state.command(), database.command(), limits=limits)
    assert None not in found


def test_every_wait_of_the_start_is_limited_before_it() -> None:
    text = program_text()
    start = text.index("autoload")
    for limit in ("mysqlnd.net_read_timeout", "default_socket_timeout"):
        assert re.search(rf'^ini_set\("{limit}", "4"\);$', text[:start], re.MULTILINE)


def test_an_answer_longer_than_a_pipe_is_whole(place: Path) -> None:
    state, database = made(place, at_version="echo str_repeat('long ', 60000);")
    found = together(place, state.command(), database.command())
    assert found[0] == run(state.command())
    assert found[0] is not None
    assert len(found[0].stdout) > 300000


def test_more_questions_than_there_are_are_not_answered(place: Path) -> None:
    app, _ = made(place)
    assert together(place, *[app.command()] * 41) == [None] * 41
    assert None not in together(place, *[app.command()] * 2)


def together(place: Path, *runs: Run, options: tuple[str, ...] = ()) -> list[Output | None]:
    batch = batch_of(place)
    return list(batch.split(runs, run(batch.command(runs), *options)))


def test_each_answer_is_byte_for_byte_what_it_is_alone(place: Path) -> None:
    runs = [probe.command() for probe in made(place, at_start="echo 'noise ';", at_version="echo 'more';")]
    found = together(place, *runs, *runs)
    alone = [run(each) for each in runs]
    assert found == alone * 2
    assert alone[0].stdout.startswith("loaded noise more\nremediate:")


@pytest.mark.parametrize("what", [HANGS, DIES, KILLED, ENDS, THROWS])
def test_what_hangs_or_dies_hides_no_other(place: Path, what: str) -> None:
    state, database = made(place, at_config=what)
    short = database.command().model_copy(update={"seconds": 1.0})
    found = together(place, short, state.command(), short)
    assert (found[0], found[2]) == (None, None)
    assert found[1] is not None
    assert state.read(found[1]).version == "11.0"


@pytest.mark.parametrize("what", [DIES, KILLED, ENDS, THROWS])
def test_an_application_that_does_not_start_answers_nothing_together(place: Path, what: str) -> None:
    state, database = made(place, at_start=what)
    assert together(place, state.command(), database.command()) == [None, None]


def test_a_connection_from_the_start_is_given_up_or_nobody_is_asked(place: Path) -> None:
    """It would be one for all of them: what one asks would answer the other."""
    state, database = made(place, at_start=CONNECTS)
    assert None not in together(place, state.command(), database.command())
    state, database = made(place, at_start=LEAVES)
    assert together(place, state.command(), database.command()) == [None, None]


@pytest.mark.parametrize("missing", ["pcntl_fork", "posix_kill"])
def test_a_php_that_cannot_divide_answers_nothing_together(place: Path, missing: str) -> None:
    state, database = made(place)
    options = ("-d", f"disable_functions={missing}")
    assert together(place, state.command(), database.command(), options=options) == [None, None]


def test_only_the_known_programs_are_run(place: Path) -> None:
    state, _ = made(place)
    other = state.command().model_copy(update={"verb": "webhook"})
    assert [each is None for each in together(place, other, state.command())] == [True, False]


def test_what_was_cut_is_asked_again(place: Path) -> None:
    state, database = made(place)
    batch = Together(php=state.php, path=state.path, user=state.user)
    runs = (state.command(), database.command())
    whole = run(batch.command(runs))
    first, second = batch.split(runs, whole)
    assert first is not None
    assert second is not None
    # Whichever was ready last stands last, and half of its answer is none.
    cut = whole.model_copy(update={"stdout": whole.stdout[:-5], "cut": True})
    assert len(cut.stdout) < STDOUT_LIMIT
    assert batch.split(runs, cut) in ([first, None], [None, second])


def test_one_rule_stands_for_whatever_is_asked_together() -> None:
    batch = Together.model_validate({"php": "php8.2", "path": "/srv/shop", "user": "forge"})
    state = App.model_validate(batch.model_dump()).command()
    assert batch.command(()).declared == batch.command((state,)).declared
    assert batch.command(()).arguments == ("/srv/shop",)
