"""The installed command: errors before any host is asked are one line, exit 2."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.commands.command import Command
from remediate.commands.line_check import named_commands
from remediate.commands.registry import commands
from remediate.core.outcome import Report
from remediate.journal.place import FILE_NAME
from remediate.project.project import Project
from support.command_box import REMEDIATE, Box
from support.outcomes import code
from support.toys import document

BROKEN = "the output cannot be written: "


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


# -- a line that cannot be parsed --------------------------------------------------------------------------------------


def test_a_line_that_cannot_be_parsed_is_a_document_too(box: Box) -> None:
    fix = box("fix.app-down", "--host", "do.web1", "--json", "--no-such-flag")
    fix.usage("--no-such-flag", "remediate fix.app-down --help")
    assert (fix.report.playbook, fix.report.mode.value) == ("app-down", "fix")
    assert code(fix.report) == "usage"

    look = box("check.app-down", "--json", "--host")
    look.usage("--host needs a value")
    assert (look.report.playbook, look.report.mode.value) == ("app-down", "plan")

    one = box("do.php-fpm.restart", "--plan", "--json", "surplus")
    one.usage("surplus")
    assert (one.report.playbook, one.report.mode.value) == ("do.php-fpm.restart", "plan")

    first = box("--host", "web1", "fix.app-down", "--json")
    first.usage("host")
    assert first.report.playbook == "app-down"

    task = box("fix.everything", "--json")
    task.usage("fix.everything", "remediate --list")
    assert task.report.playbook == "everything"


def test_what_a_command_ends_with_that_is_no_run_is_no_report(box: Box) -> None:
    for words in (("--title", "x"), ("--no-such-flag",)):
        said = box("incident.declare", "--json", *words)
        said.usage()
        (line,) = said.out.splitlines()
        found = document("error", line)
        assert found["exit_code"] == 2
        assert str(found["error"]) in said.err
    for words in (("triage", "--no-such-flag"), ("rehearse.all", "--no-such-flag"), ("runs.show", "--json")):
        document("error", box(*words, "--json").out)
    document("error", box("maintain.daily", "--json").out)
    damaged = box.root.parent / "damaged"
    damaged.mkdir()
    (damaged / FILE_NAME).write_text("no database" * 100)
    box.environment["REMEDIATE_STATE_DIR"] = str(damaged)
    said = box("incident.list", "--json")
    assert (said.code, json.loads(said.out)["exit_code"]) == (5, 5)
    said = box("runs.show", "7f3a", "--json")
    assert (said.code, json.loads(said.out)["exit_code"]) == (5, 5)


def test_without_json_nothing_is_printed(box: Box) -> None:
    said = box("fix.app-down", "--host", "do.web1", "--no-such-flag")
    said.usage("--no-such-flag")
    assert said.out == ""


def test_a_list_of_nothing(box: Box) -> None:
    box("--list", "nowhere").usage("nowhere")


def test_a_number_that_is_none_is_named_once(box: Box) -> None:
    said = box("--list-depth", "x")
    said.usage("remediate: --list-depth and --command-timeout take a whole number")
    assert said.err.count("remediate: ") == 1


# -- which tasks a line names ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known() -> dict[str, Command]:
    return {command.name: command for command in commands(Project(None))}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("fix.app-down --host do.web1", "fix.app-down"),
        ("fix.app-down --host do.php-fpm.restart --yes", "fix.app-down"),
        ("fix.app-down --host=do.php-fpm.restart --reason do.it", "fix.app-down"),
        ("fix.app-down --override fix.app-down=x --override do.worker.start", "fix.app-down"),
        ("--dry fix.app-down --yes do.worker.start", "fix.app-down do.worker.start"),
        ("check.app-down --plan fix.app-down --json", "check.app-down fix.app-down"),
        ("fix.app-down -- do.worker.start", "fix.app-down"),
        ("do.nginx.restart --unit do.worker.start", "do.nginx.restart"),
    ],
)
def test_only_a_task_is_taken_for_one(known: dict[str, Command], line: str, named: str) -> None:
    assert named_commands(line.split(), known) == named.split()


@pytest.mark.parametrize("flags", [(), ("--reason", "do.it")])
def test_a_host_may_be_called_like_a_task(box: Box, flags: tuple[str, ...]) -> None:
    said = box("fix.app-down", "--host", "do.web1", *flags)
    assert said.code == 4, said
    assert "UNREACHABLE" in said.out


def test_two_changes_in_one_call(box: Box) -> None:
    here = ("--host", "do.web1")
    box("fix.app-down", *here, "do.php-fpm.restart", *here).usage("one at a time: fix.app-down and do.php-fpm.restart")


# -- where it is called ------------------------------------------------------------------------------------------------


def test_a_working_directory_that_is_gone(box: Box) -> None:
    box.root = box.root / "gone"
    box.root.mkdir()
    shell = 'rmdir "$PWD" && exec "$0" "$@"'
    said = box("-c", shell, str(REMEDIATE), "check.app-down", "--json", program=Path("/bin/sh"))
    said.usage("the working directory cannot be read", "change to one that exists")
    assert said.report.playbook == "app-down"


@pytest.mark.parametrize(
    ("text", "why"), [("tool = 3\n", "tool is no table, as in [tool.remediate]"), ("tool = [", "cannot be read")]
)
def test_a_pyproject_that_cannot_be_read_is_named_by_what_misses_it(box: Box, text: str, why: str) -> None:
    (box.root / "pyproject.toml").write_text(text)
    assert box("--list").code == 0
    box("check.app-down", "--host", "do.web1").usage(f"{box.root}/pyproject.toml", why, "--inventory PATH")
    box("staging.down").usage(f"{box.root}/pyproject.toml", why)
    given = box("check.app-down", "--host", "do.web1", "--inventory", "inventories/prod.yml")
    assert given.code == 4


@pytest.mark.parametrize("words", [("--list",), ("--help",)])
def test_a_listing_that_cannot_be_written(box: Box, words: tuple[str, ...]) -> None:
    box(*words, stdout=Path("/dev/full")).usage(BROKEN)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("runs.list",), 5),
        (("check.app-down", "--host", "do.web1"), 4),
        (("fix.app-down", "--host", "do.web1", "--json"), 4),
    ],
)
def test_a_run_keeps_its_own_code_when_its_output_is_lost(box: Box, words: tuple[str, ...], code: int) -> None:
    said = box(*words, stdout=Path("/dev/full"))
    assert said.code == code, said
    assert "standard output: [Errno 28] No space left on device" in said.err
    assert "Traceback" not in said.err


def test_output_that_nobody_reads(box: Box) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{REMEDIATE} --list; echo $? >&2"],
        stdout=_closed_pipe(),
        stderr=subprocess.PIPE,
        env=box.environment,
        cwd=box.root,
        check=False,
    )
    assert done.stderr.decode().splitlines() == [f"remediate: {BROKEN}Broken pipe", "2"]


def _closed_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be anybody")
def test_a_user_without_a_name(box: Box) -> None:
    flags = ("--reuid", "4242", "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    said = box(*flags, str(REMEDIATE), "check.app-down", "--host", "do.web1", program=Path("/usr/bin/setpriv"))
    if "ambient" in said.err:
        pytest.skip("capabilities cannot be kept here")
    assert "operator uid4242@" in said.out, said


# -- a playbook that is broken -----------------------------------------------------------------------------------------


def test_a_broken_playbook_stops_nothing_but_itself(box: Box) -> None:
    box.playbook("shop", "raise RuntimeError('two\\nlines')\ndef shop(host): ...")
    box.playbook("cart", parameter="hold")
    path = str(box.root / "playbooks" / "shop.py")

    asked = box("fix.shop", "--host", "do.web1", "--json")
    asked.usage(f"{path}:1: RuntimeError: two lines")
    assert asked.report.playbook == "shop"
    box("fix.cart", "--host", "do.web1").usage("its parameter hold")
    listed = box("--list").out
    assert "fix.shop" in listed
    assert "its parameter hold" in " ".join(listed.split())
    assert box("check.app-down", "--host", "do.web1").code == 4
    triaged = box("triage", "--host", "do.web1")
    assert triaged.code == 4
    assert f"left out: {path}" in triaged.err
    # A file that lacks what one playbook needs would be a wrong one.
    box("sudoers", "--host", "do.web1").usage("playbooks/cart.py")


def test_a_run_of_a_playbook_that_broke_since_is_still_shown(box: Box) -> None:
    box.playbook("shop")
    done = box("check.shop", "--host", "do.web1", "--json")
    assert done.code == 4, done
    run = Report.model_validate_json(done.out).run
    box.playbook("shop", "def shop(host): raise RuntimeError\nraise RuntimeError")
    listed = box("runs.list")
    assert (listed.code, "shop [cannot be loaded] on do.web1" in listed.out) == (0, True)
    shown = box("runs.show", run)
    assert (shown.code, "UNREACHABLE" in shown.out) == (0, True)


def test_a_parameter_may_be_called_like_what_calls_it(box: Box) -> None:
    box.playbook("shop", parameter="context")
    assert box("check.shop", "--host", "do.web1", "--context", "y").code == 4


# -- details and JUnit -------------------------------------------------------------------------------------------------


def test_a_run_is_written_as_junit_and_told_in_detail(box: Box) -> None:
    said = box("check.app-down", "--host", "do.web1", "--junit", "run.xml", "-v")
    assert said.code == 4, said
    assert "DETAILS do.web1: nothing was asked" in said.out
    assert '<testsuite name="check.app-down" tests="1" failures="0" errors="1"' in (box.root / "run.xml").read_text()
    run = said.out.partition("   run ")[2].split()[0]
    assert "DETAILS do.web1" in box("runs.show", run, "--verbose").out
    assert "DETAILS" not in box("runs.show", run).out
    box("do.php-fpm.restart", "--host", "do.web1", "--junit", "/nowhere/x.xml").usage("--junit: /nowhere/x.xml cannot")


# -- runs.list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["99999999999999999999", "0", "-1", "²", "many", "1000000"])
def test_a_limit_that_cannot_be(box: Box, limit: str) -> None:
    box("runs.list", "--limit", limit).usage("--limit takes a number of runs, from 1 to 999999")


def test_a_limit(box: Box) -> None:
    assert box("runs.list", "--limit", "999999").out == "no runs yet\n"


# -- a value that no command line may hold -----------------------------------------------------------------------------


def test_a_value_is_given_by_reference_or_not_at_all(box: Box, tmp_path: Path) -> None:
    here = ("do.env.set", "--host", "do.web1", "--key", "A")
    box(*here).usage("--value-from is missing", "stdin, env:NAME, file:PATH or cmd:COMMAND")
    box(*here, "--value-from", "c4n4ry").usage("not a value itself")
    box(*here, "--value-from", f"file:{tmp_path}/none").usage("No such file")
    box(*here, "--value-from", "env:NOT_THERE").usage("env:NOT_THERE: there is no such variable")
    box(*here, "--value-from", "stdin").usage("nothing was read")
    assert "c4n4ry" not in box(*here, "--value-from", "c4n4ry").err
    said = box(*here, "--value", "c4n4ry")
    said.usage("--value")
    assert "c4n4ry" not in said.err


def test_a_value_is_told_in_no_mistake(box: Box, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("c4n4ry")
    given = ("--value-from", f"file:{tmp_path}/value", "--host", "do.web1")
    for words in (("--key", "A B"), (), ("--key", "A", "--php", "8.3"), ("--key", "A", "--patience", "soon")):
        said = box("do.env.set", *given, *words, "--json")
        assert said.code == 2, said
        assert "c4n4ry" not in said.out + said.err


def test_what_only_a_person_can_do_has_no_task() -> None:
    assert not [command.name for command in commands(Project(None)) if "human" in command.name]
    (set_env,) = (command for command in commands(Project(None)) if command.name == "do.env.set")
    flags = {flag.name for flag in set_env.flags}
    assert {"key", "value-from", "patience"} <= flags
    assert "value" not in flags
