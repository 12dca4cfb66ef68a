"""A line that cannot be parsed: the nearest name, what is accepted, and the same words under every program."""

from pathlib import Path

import pytest

from remediate.commands.usage import explain
from remediate.errors import nearest
from support.command_box import REMEDIATE, Box

NAMES = ("triage", "fix.app-down", "fix.high-load", "check.app-down", "incident.list", "do.cache.clear")
FLAGS = ("--host", "--plan", "--max-hosts")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    (box.root / "tasks.py").write_text(
        "from pathlib import Path\n\nfrom invoke import task\n\nfrom remediate.cli import namespace\n\n"
        "@task\ndef deploy(context):\n    print('deployed')\n\n"
        "ns = namespace(Path(__file__).parent)\nns.add_task(deploy)\n"
    )
    (box.root / "fabfile.py").write_text("from tasks import ns\n")
    return box


@pytest.mark.parametrize(
    ("message", "task", "words"),
    [
        ("No idea what 'fix.app-dwon' is!", None, "no such command: fix.app-dwon; did you mean fix.app-down? ("),
        ("No idea what 'fix' is!", None, "no such command: fix; did you mean fix.app-down or fix.high-load? ("),
        ("No idea what 'app-down' is!", None, "; did you mean fix.app-down or check.app-down? (invoke --list shows"),
        ("No idea what 'list' is!", None, "did you mean incident.list? "),
        ("No idea what 'xyzzy' is!", None, "no such command: xyzzy (invoke --list shows every command)"),
        ("No idea what 'version' is!", None, "no such command: version; did you mean --version? (invoke --list"),
        ("No idea what 'fix.hihg-load' is!", "fix.app-down", "no such command: fix.hihg-load; did you mean"),
        ("No idea what '--hots' is!", "triage", "no such flag: --hots; did you mean --host? (invoke triage --help"),
        ("No idea what '--pasword=s3cret' is!", "triage", "no such flag: --pasword; triage takes --host, --max"),
        ("No idea what '-ps3cret' is!", "triage", "no such flag: -p; triage takes --host, --max"),
        ("No idea what '--xyzzy' is!", None, "no such flag: --xyzzy (invoke --list"),
        ("No idea what 'web1' is!", "triage", "triage: web1 is no flag and no command; did you mean --host web1? ("),
        ("Flag <Argument: max-hosts> needed value and was not given one!", "triage", "--max-hosts needs a value ("),
        ("Flag <Argument: host (h)> needed value and was not given one!", "triage", "--host needs a value ("),
        ("'runs.show' did not receive required positional arguments: 'run'", "runs.show", "runs.show needs: run ("),
        ("Sub-collection 'fxi' not found!", None, "--list: no such group: fxi; did you mean fix? accepted: check, do"),
        ("two\nlines", None, "two lines (invoke --list shows every command)"),
    ],
)
def test_a_line_is_explained_by_its_nearest_name(message: str, task: str | None, words: str) -> None:
    said = explain(message, NAMES, program="invoke", task=task, flags=FLAGS)
    assert words in said
    assert "\n" not in said
    assert "s3cret" not in said


def test_a_bare_word_is_no_host_where_one_was_given_already() -> None:
    said = explain("No idea what 'x' is!", NAMES, program="invoke", task="triage", flags=("--plan",))
    assert said.startswith("triage: x is no flag and no command; a value follows its flag (")


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert nearest("xyzzy", NAMES) == ""
    assert nearest("web", ["web1", "web2"], most=3) == "did you mean web2 or web1? "


@pytest.mark.parametrize(("program", "code"), [("invoke", 1), ("fab", 1), ("remediate", 2)])
def test_every_program_says_it_in_the_same_words(box: Box, program: str, code: int) -> None:
    path = REMEDIATE.with_name(program)
    for words, line in (
        (("fix.app-dwon",), "no such command: fix.app-dwon; did you mean fix.app-down?"),
        (("--help", "fix.app-dwon"), "no such command: fix.app-dwon; did you mean fix.app-down?"),
        (("--list", "fxi"), "--list: no such group: fxi; did you mean fix?"),
    ):
        said = box(*words, program=path)
        assert (said.code, said.out) == (code, ""), said
        assert said.err.startswith(f"{program}: {line}")
        assert len(said.err.splitlines()) == 1


def test_a_projects_own_tasks_stay_beside_ours(box: Box) -> None:
    invoke = REMEDIATE.with_name("invoke")
    assert box("deploy", program=invoke).out == "deployed\n"
    assert "did you mean deploy?" in box("depoly", program=invoke).err


def test_a_number_that_is_none_is_no_traceback(box: Box) -> None:
    box("-T", "abc", "runs.list").usage("--command-timeout", "whole number")


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("incident.declare", "--title", "", "--severity", "1"), "--title"),
        (("fix.app-down", "--host", "do.web1", "--reason", " "), "--reason"),
        (("fix.app-down", "--host", "do.web1", "--override", ""), "--override"),
        (("runs.list", "--limit", ""), "--limit"),
        (("staging.down", "--name", ""), "--name"),
        (("runs.show", ""), "run"),
    ],
)
def test_an_empty_value_is_no_value(box: Box, words: tuple[str, ...], flag: str) -> None:
    box(*words).usage(f"remediate: {flag} is empty: give it a value, or leave it out")


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("words", [("--help", "fix.app-down"), ("incident.declare", "-h"), ("runs.show", "--help")])
def test_help_fits_into_the_terminal(box: Box, columns: int, words: tuple[str, ...]) -> None:
    box.environment["COLUMNS"] = str(columns)
    said = box(*words)
    assert said.code == 0
    usage, *lines = said.out.splitlines()
    assert usage.startswith("Usage: remediate")  # Invoke's own line, which it never wraps
    assert max(map(len, lines)) <= min(columns, 120)


def test_a_host_that_is_missing_is_answered_with_those_that_exist(box: Box) -> None:
    for command in ("fix.app-down", "triage", "sudoers", "maintain.daily"):
        box(command).usage("--host is missing; hosts: do.web1, groups: web")


def test_a_number_out_of_range_is_answered_with_the_range(box: Box) -> None:
    box("fix.app-down", "--host", "do.web1", "--max-hosts", "0").usage("--max-hosts must be at least 1")


def test_an_empty_host_is_answered_with_those_that_exist(box: Box) -> None:
    box("fix.app-down", "--host", "").usage("no host is named; hosts: do.web1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "do.web2"), "--host is given twice: write --host NAME,NAME ("),
        (("--host=do.web1",), "--host is given twice: write --host NAME,NAME ("),
        (("--hold", "5", "--hold", "6"), "--hold is given twice ("),
        (("--plan=yes",), "--plan takes no value, and got yes ("),
        (("--yes", "no"), "--yes takes no value, and got no ("),
        (("surplus",), "fix.app-down: surplus is no flag and no command; a value follows its flag ("),
    ],
)
def test_a_flag_that_is_used_wrongly_is_named(box: Box, words: tuple[str, ...], said: str) -> None:
    box("fix.app-down", "--host", "do.web1", *words).usage(f"remediate: {said}")


def test_flags_that_would_not_be_read_are_refused(box: Box) -> None:
    """Invoke keeps what follows `--` from the command, so this would be a fix and no plan."""
    for words in (("fix.app-down", "--host", "do.web1", "--", "--plan"), ("fix.app-down", "--", "--host", "do.web1")):
        box(*words).usage("no flag is read after --: leave the -- out")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("line", "code"), [("runs.list", 0), ("fix.nope", 2), ("check.app-down --host do.web1", 4)])
def test_a_closed_output_is_no_traceback(box: Box, line: str, code: int, closed: str) -> None:
    assert box("-c", f"{REMEDIATE} {line} {closed}", program=Path("/bin/sh")).code == code


@pytest.mark.parametrize("broken", ["no-directory", "no-yaml", "a-directory"])
def test_a_home_that_cannot_be_used_stops_nothing(box: Box, broken: str) -> None:
    home = box.root / "home"
    if broken == "no-directory":
        home = Path("/dev/null")
    elif broken == "no-yaml":
        home.mkdir()
        (home / ".invoke.yaml").write_text("a: [\n")
    else:
        (home / ".invoke.yaml").mkdir(parents=True)
    box.environment["HOME"] = str(home)
    assert box("runs.list").code == 0
    del box.environment["REMEDIATE_STATE_DIR"]
    assert box("check.app-down", "--host", "do.web1").code == 4
