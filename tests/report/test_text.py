"""Whole text reports: every file in golden/ is one run, live and stored.

After a change of wording write them anew with `REWRITE_GOLDEN=1 pytest tests/report`, and read them.
"""

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

import remediate.engine.fleet
from remediate.core.command import Output
from remediate.core.host import SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Mode, Report
from remediate.engine.judge import RULES
from remediate.errors import UnreachableCode, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.systemd import LogLines, UnitLog
from remediate.report.text import TextReporter
from remediate.report.wrapping import WIDTH
from remediate.testing import play
from support import examples as ex
from support.incidents import (
    FPM,
    FPM_CONFIG,
    HEALTHY,
    HOST,
    UP,
    host,
    restart,
)
from support.report_scenes import BACK, BROKEN_POOL, DOWN, NOW, SCENES, Scene, session
from support.scripted import Changes, FactSession
from support.toys import RUN, report_of

pytestmark = pytest.mark.usefixtures("hurry")


GOLDEN: Final = Path(__file__).parent / "golden"


def told(scene: Scene) -> tuple[str, str, HostOutcome]:
    """Run it; return what stood on standard output and on standard error, and the outcome."""
    out, err = io.StringIO(), io.StringIO()
    reporter = TextReporter(out, err, program="invoke", inventory=scene.inventory)
    reporter.began("7f3a", scene.runnable, (HOST,), "ana@laptop")
    outcome = play(scene.runnable, scene.session(), host=HOST, options=scene.options, reporter=reporter)
    reporter.ended(report(scene, outcome))
    return steady(out.getvalue()), steady(err.getvalue()), outcome


def report(scene: Scene, *outcomes: HostOutcome) -> Report:
    return report_of(*outcomes, runnable=scene.runnable.name, mode=Mode.PLAN if scene.options.plan else Mode.FIX)


def steady(text: str) -> str:
    """Replace what differs from run to run: the hour in the first line, and how long things took."""
    text = re.sub(r"(operator \S+   )\d\d:\d\d:\d\dZ", r"\g<1>08:31:40Z", text)
    text = re.sub(r"samples good over(\s+)\d+ s", r"samples good over\g<1>0 s", text)
    return re.sub(r"\d+\.\d s", "0.0 s", text)


def is_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if "REWRITE_GOLDEN" in os.environ:
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", SCENES)
def test_the_whole_text(name: str) -> None:
    is_golden(name, told(SCENES[name])[0])


@pytest.mark.parametrize("name", SCENES)
def test_a_stored_run_is_told_in_the_same_words(name: str) -> None:
    live, _, outcome = told(SCENES[name])
    out, scene = io.StringIO(), SCENES[name]
    reporter = TextReporter(out, io.StringIO(), program="invoke", inventory=scene.inventory)
    reporter.show(report(scene, outcome), shown="7f3a", severity=scene.runnable.severity)
    head, *stored = steady(out.getvalue()).splitlines()
    assert head == (
        f"{scene.runnable.name} on web1   run {RUN}   operator ana@laptop   2026-11-23 08:31:40Z   "
        f"{'plan' if scene.options.plan else 'fix'}"
    )
    assert stored == live.splitlines()[1:]


@pytest.mark.parametrize("name", SCENES)
def test_no_line_is_wider_than_it_may_be(name: str) -> None:
    _, *lines = told(SCENES[name])[0].splitlines()  # The first one names the hosts, however many.
    wide = [line.strip() for line in lines if len(line) > WIDTH or line != line.rstrip()]
    assert all(re.match(r"(?:(?:to do it|next|look with): )?invoke ", line) for line in wide), wide


@pytest.mark.parametrize("name", SCENES)
def test_what_is_said_of_changes_is_true(name: str) -> None:
    text, _, outcome = told(SCENES[name])
    ran = any(step.changed for step in outcome.steps)
    assert ("nothing was changed" in text) is not ran
    assert ("AFTER " in text) is ran
    assert ("FIXED in" in text.replace("NOT FIXED", "")) is (outcome.exit_code == 0 and ran)


def test_what_takes_time_is_told_on_standard_error_only() -> None:
    out, err, _ = told(SCENES["fixed"])
    assert err.splitlines() == [
        "        ... php-fpm.restart: php8.2-fpm is failed since 08:31:11Z (exit 255)",
        *(f"        ... holding 0 s: {number}/6 samples good" for number in range(1, 7)),
    ]
    assert "..." not in out


def test_what_a_host_says_cannot_steer_the_terminal() -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J \x9b31m in 1.0 s ok"
    lines = f"{nasty}\r\nFIXED in 1.0 s\n"
    hostile: Changes = {
        **DOWN,
        FPM_CONFIG: ex.BROKEN_CONFIG.model_copy(update={"message": nasty, "file": None, "line": None}),
        UnitLog(name="php8.2-fpm"): LogLines(lines=(nasty,)),
    }
    for scene in (
        Scene(session(hostile)),
        Scene(session({**HEALTHY, **hostile, FPM: ex.RUNNING})),
        Scene(session({**DOWN, RULES: Unreadable(lines)})),
        Scene(session(DOWN, {restart("php8.2-fpm"): Output(exit=1, stderr=lines)})),
    ):
        text, err, _ = told(scene)
        assert all(letter == "\n" or letter.isprintable() for letter in text + err), repr(text + err)
        assert not any(line.startswith("FIXED") for line in text.splitlines())


# -- several hosts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, state: Path) -> "Fleet":
    monkeypatch.setattr("remediate.engine.fleet.new_run_id", lambda: RUN)
    return Fleet()


class Fleet:
    """Several hosts in one run."""

    def run(self, sessions: Mapping[str, FactSession], options: Options) -> tuple[str, Report]:
        out = io.StringIO()
        one = host(site_vantage=["host"])
        hosts = tuple(
            one.model_copy(update={"name": name, "ssh": SshTarget(address=f"{name}.example.com")}) for name in sessions
        )
        done = remediate.engine.fleet.run(
            app_down,
            hosts,
            connect=lambda host: sessions[host.name],
            reporter=TextReporter(out, io.StringIO(), program="invoke"),
            operator="ana@laptop",
            options=options.model_copy(update={"forks": 1}),  # so that the order is always the same
        )
        return steady(out.getvalue()), done


def test_several_hosts_with_different_ends(fleet: Fleet) -> None:
    text, done = fleet.run(
        {
            "web1": FactSession(HEALTHY),
            "web2": FactSession(DOWN, {**BACK, **UP}),
            "web3": FactSession({}, unreachable=UnreachableCode.TIMEOUT),
            "web4": FactSession({**DOWN, **BROKEN_POOL}),
        },
        NOW,
    )
    assert done.exit_code == 6
    is_golden("several-mixed", text)
    out = io.StringIO()
    TextReporter(out, io.StringIO(), program="invoke").show(done, shown="7f3a", severity=app_down.severity)
    # Stored, each host is told in one piece; live, in the order in which things happened, and a healthy one in a line.
    stored = steady(out.getvalue()).splitlines()[1:]
    healthy = [line for line in stored if " web1: " in line]
    assert sorted(line for line in stored if line not in healthy) == sorted(text.splitlines()[1:])
    assert len(healthy) > 10


SEVERAL = {
    "several-earlier-host-failed": (("web1", "web2"), Options(hold=0, yes=True, max_hosts=2), 6),
    "several-too-many": (("web1", "web2"), NOW, 3),
    "refused-consent": (("web1",), Options(hold=0), 3),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_hosts_that_are_left_as_they_are(fleet: Fleet, name: str) -> None:
    hosts, options, exit_code = SEVERAL[name]
    text, done = fleet.run({host: FactSession(DOWN) for host in hosts}, options)
    assert done.exit_code == exit_code
    is_golden(name, text)


def test_no_golden_text_is_left_of_a_scene_that_is_gone() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {*SCENES, *SEVERAL, "several-mixed"}
