"""A run on many hosts from the command line: its flags, its last lines, its exit code."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from remediate.commands.given import Begun, options_of
from remediate.commands.run import run_from_flags
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.project.project import Project
from support.fleets import OfFpm, ScriptedFleet, toy_host
from support.printed import Printed
from support.screen import Screen

Fleet = Callable[..., list[str]]

FLAGS: Final[dict[str, object]] = {"host": "web*", "yes": True, "hold": "0", "max_hosts": "9"}


@pytest.fixture
def typed(tmp_path: Path, hurry: None, state: Path) -> Fleet:

    def run(fleet: ScriptedFleet, **flags: Any) -> list[str]:
        given = {**FLAGS, **flags}
        printed = Printed()
        begun = Begun(tuple(map(toy_host, fleet.names)), options_of(given), fleet.connect)
        run_from_flags(OfFpm(), begun, given, Project(tmp_path), printed.terminal, program="remediate")
        assert printed.err.getvalue() == ""
        return printed.out.getvalue().splitlines()

    return run


def test_the_last_lines_hold_the_command_that_goes_on(typed: Fleet) -> None:
    lines = typed(ScriptedFleet(6, broken=("web2",)), serial="1,2", max_fail="0")
    assert lines[-4] == "6 hosts: 2 FIXED, 1 NOT FIXED, 3 REFUSED   touched: yes"
    assert lines[-3] == "        3 hosts were not begun: earlier-host-failed: web2 came out not_fixed"
    assert lines[-2] == (
        "        next: find out why, then go on with the rest: "
        "remediate fix.toy --host 'web*,!web2' --max-hosts 3 --serial 1,2"
    )
    assert lines[-1].startswith("        evidence: remediate runs.show ")


def test_a_host_that_needs_nothing_and_one_that_was_not_begun_are_a_line_each(typed: Fleet) -> None:
    lines = typed(ScriptedFleet(5, well=("web1", "web2"), broken=("web3",)))
    for name, said in (("web1", "HEALTHY in "), ("web2", "HEALTHY in "), ("web4", "REFUSED: nothing was changed: ")):
        (line,) = (line for line in lines if line.startswith(f"{name}: "))
        assert line.startswith(f"{name}: {said}")
        assert sum(f"{name}: " in line for line in lines) == 1
    assert sum("web3: " in line for line in lines) > 3


def test_too_many_hosts_are_one_reason_and_one_command(typed: Fleet) -> None:
    lines = typed(ScriptedFleet(12), max_hosts="2", forks="3")
    assert sum("REFUSED: nothing was changed: too-many-hosts" in line for line in lines) == 12
    (why,) = (line for line in lines if "12 hosts need a change" in line)
    assert why.startswith(
        "        12 hosts were not begun: too-many-hosts: 12 hosts need a change (web1, web2, web3, web4"
    )
    assert why.endswith(" and 8 more): allow it with --max-hosts 12")
    assert "        next: remediate fix.toy --host 'web*' --max-hosts 12" in lines


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("serial", "0", "--serial takes a number of hosts, a percentage, or a list like 1,5,20%, not '0'"),
        ("max_fail", "some", "--max-fail takes a number of hosts or a percentage, like 2 or 10%, not 'some'"),
        ("forks", "0", "--forks must be at least 1"),
        ("forks", "many", "--forks must be a whole number"),
    ],
)
def test_a_wrong_size_is_one_line(flag: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_of({**FLAGS, flag: value})
    assert str(caught.value) == said


def test_ctrl_c_is_answered_above_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hurry: None, state: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen, fleet = Screen(), ScriptedFleet(3)
    drawn_after: list[list[str]] = []

    def seen(text: str) -> None:
        end = time.monotonic() + 30
        while text not in screen.getvalue() and time.monotonic() < end:
            time.sleep(0.02)

    def interrupt(_: str) -> None:
        seen("toy.fpm: ")
        signal.raise_signal(signal.SIGINT)
        seen("press again to leave at once")
        time.sleep(0.6)  # the time is the subject: the table is drawn again
        drawn_after.append(screen.lines)

    fleet.at_act = interrupt
    terminal = Terminal(MaskedWriter(screen, Masker()), MaskedWriter(screen, Masker()), interactive=False)
    begun = Begun(tuple(map(toy_host, fleet.names)), options_of(FLAGS), fleet.connect)
    report = run_from_flags(OfFpm(), begun, FLAGS, Project(tmp_path), terminal, program="remediate")
    assert report.exit_code == 130
    (lines,) = drawn_after
    assert sum("press again to leave at once" in line for line in lines) == 1
    assert sum("hosts done" in line for line in lines) == 1
