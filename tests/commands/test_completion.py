"""Completion: the candidates of a line, and what a key press makes of it in a real shell."""

import os
import pty
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from remediate.commands.command import Command
from remediate.commands.completion import SHELLS, candidates
from remediate.commands.registry import commands
from remediate.project.project import Project
from support.command_box import REMEDIATE, Box

NAMES = {None: ("web1", "web2", "db1", "all", "web"), "other.yml": ("far1",)}


@pytest.fixture(scope="module")
def known() -> dict[str, Command]:
    return {command.name: command for command in commands(Project(None))}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("fix.ap", "fix.app-down"),
        ("do.redis", "do.redis.restart"),
        ("--help fix.ap", "fix.app-down"),
        ("--pr", "--print-completion-script"),
        ("--print-completion-script ", "bash fish zsh"),
        ("fix.app-down --ho", "--host --hold"),
        ("fix.app-down --host web1 --ho", "--hold"),
        ("fix.app-down --host=web1 --ho", "--hold"),
        ("fix.app-down --override a=b --ov", "--override"),
        ("fix.app-down --host ", "web1 web2 db1 all web"),
        ("fix.app-down --host we", "web1 web2 web"),
        ("fix.app-down --host=d", "--host=db1"),
        ("fix.app-down --host web1,d", "web1,db1"),
        ("fix.app-down --host all,!d", "all,!db1"),
        ("fix.app-down --inventory other.yml --host ", "far1"),
        ("fix.app-down --host f --inventory=other.yml --host ", "far1"),
        ("fix.app-down --reason 'fix.cache-down is over' --host d", "db1"),
        ("fix.app-down --reason 'fix.ca", ""),
        ("fix.app-down --inventory ", ""),
        ("runs.show 7f", ""),
        ("fix.nowhere", ""),
    ],
)
def test_what_may_follow_is_offered(known: dict[str, Command], line: str, offered: str) -> None:
    assert candidates(f"remediate {line}", known, lambda inventory: NAMES[inventory]) == offered.split()


def test_a_command_offers_all_that_it_takes(known: dict[str, Command]) -> None:
    offered = candidates("remediate triage ", known, lambda _: ())
    assert {"--host", "--inventory", "--json", "--users", "--help"} <= {*offered}
    assert candidates("remediate ", known, lambda _: ()) == list(known)


def test_what_cannot_be_completed_says_nothing(tmp_path: Path) -> None:
    box = Box(tmp_path)
    (box.root / "inventories" / "prod.yml").write_text("a: [")
    for line in ("remediate fix.app-down --host ", "remediate fix.app-down --inventory nowhere.yml --host "):
        assert box("--complete", "--", line) == (0, "", "")
    (box.root / "pyproject.toml").write_text("tool = [")
    assert box("--complete", "--", "remediate fix.app-d").out == "fix.app-down\n"


def test_a_name_that_a_shell_would_run_is_not_offered(tmp_path: Path) -> None:
    """The shells insert a candidate as it is. Hosts cannot be called so, and groups can."""
    box = Box(tmp_path)
    hostile = "{'$(touch x)': , 'a;b': , \"a\\nb\": , '`x`': , '-x y': , 'web-münchen': {hosts: {w1: }}}"
    (box.root / "inventories" / "prod.yml").write_text(f"all: {{children: {hostile}}}\n")
    assert box("--complete", "--", "remediate fix.app-down --host ").out.split("\n") == ["w1", "all", "web-münchen", ""]


def test_a_shell_without_a_script_is_wrong_usage(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box("--print-completion-script", "csh").usage("takes bash, fish, zsh, not 'csh'")
    box("--print-completion-script").usage("--print-completion-script needs a value")
    for shell in SHELLS:
        assert "remediate --complete" in box("--print-completion-script", shell).out


INTERACTIVE = {
    "bash": (("bash", "--norc", "--noprofile", "-i"), 'eval "$(remediate --print-completion-script bash)"'),
    "zsh": (
        ("zsh", "-f", "-i"),
        'autoload -Uz compinit && compinit -u; eval "$(remediate --print-completion-script zsh)"',
    ),
}


class Keyboard:
    """An interactive shell on a terminal of its own."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    def press(self, keys: str, until: str) -> None:
        """Type something, and wait until the terminal shows what follows from it."""
        os.write(self._terminal, keys.encode())
        shown, deadline = "", monotonic() + 60
        while until not in shown:
            assert monotonic() < deadline, f"{keys!r}: {shown!r}"
            if select.select([self._terminal], [], [], 1)[0]:
                shown += os.read(self._terminal, 4096).decode(errors="replace")


@contextmanager
def shell(name: str, box: Box) -> Iterator[Keyboard]:
    argv, setup = INTERACTIVE[name]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{name} is not installed")
    ours, theirs = pty.openpty()
    environment = {**box.environment, "PATH": f"{REMEDIATE.parent}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ "}
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=box.root, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        keyboard = Keyboard(ours)
        keyboard.press(f"{setup}; echo re''ady\n", "ready")
        yield keyboard
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("name", INTERACTIVE)
def test_a_key_completes_commands_flags_hosts_and_files(name: str, tmp_path: Path) -> None:
    box = Box(tmp_path)
    with shell(name, box) as keyboard:
        keyboard.press("remediate fix.ap\t", "remediate fix.app-down ")
        keyboard.press("--hos\t", "--host ")
        keyboard.press("do\t", "do.web1 ")
        keyboard.press("--inventory inventories/pr\t", "inventories/prod.yml ")
        keyboard.press("\x15remediate check.app-down --host=all,!do.w\t", "--host=all,!do.web1 ")


def test_fish_completes_commands_flags_hosts_and_files(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    box = Box(tmp_path)
    box.environment["PATH"] = f"{REMEDIATE.parent}:{os.environ['PATH']}"
    for line, offered in (
        ("remediate fix.ap", "fix.app-down"),
        ("remediate fix.app-down --hos", "--host"),
        ("remediate fix.app-down --host=do", "--host=do.web1"),
        ("remediate fix.app-down --inventory inventories/pr", "inventories/prod.yml"),
    ):
        asked = f"remediate --print-completion-script fish | source; complete --do-complete '{line}'"
        said = box("--no-config", "-c", asked, program=Path(shutil.which("fish") or "fish"))
        assert said.out.split() == [offered], said
