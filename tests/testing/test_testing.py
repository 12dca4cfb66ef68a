"""The test tools themselves: their promises to their users."""

import contextlib
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

import remediate.testing
from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.engine.judge import CLOCK, RULES
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable
from remediate.probes.http import Site
from remediate.probes.systemd import Unit
from remediate.testing import SHELLS, Call, PaperHost, ScriptedEvent, installed_shells
from remediate.transport.acted import ActState
from remediate.transport.controller import Controller
from remediate.transport.script import Act, Fence
from remediate.transport.session import Session
from support import examples as ex
from support.render import output_of
from support.scripted import FactSession

UNIT = Unit(name="nginx")
SITE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
STEP, OTHER = Run.of("/usr/bin/step", "1", user=ROOT), Run.of("/usr/bin/step", "2", user=ROOT)


def test_the_public_names_are_there_and_documented() -> None:
    for name in remediate.testing.__all__:
        assert getattr(remediate.testing, name) is not None
    for thing in (
        remediate.testing,
        FactSession,
        PaperHost,
        remediate.testing.check_remedy,
        remediate.testing.play,
    ):
        assert thing.__doc__


# -- a scripted session ------------------------------------------------------------------------------------------------


def ask(session: FactSession, *probes: Probe[Fact]) -> Facts:
    rounds = session.begin(probes, seconds=10)
    facts = Facts.read(probes, rounds.next())
    rounds.close()
    return facts


def test_it_is_a_session_and_a_controller() -> None:
    scripted = FactSession({})
    session: Session = scripted
    controller: Controller = scripted
    session.close()
    assert controller.ask(()) == {}
    assert scripted.closed


def test_it_answers_with_what_was_stated() -> None:
    session = FactSession({UNIT: ex.FAILED})
    facts = ask(session, UNIT, CLOCK, RULES)
    assert facts[UNIT] == ex.FAILED
    assert facts[RULES].user == "root"
    assert "ActiveState=failed" in facts.output(UNIT).stdout
    assert (session.execs, session.surveys) == (1, 1)


def test_outputs_and_unreadables_may_be_stated() -> None:
    session = FactSession({UNIT: Unreadable("gone"), SITE: Output(stderr="503 0.1 ")})
    assert session.ask((SITE,))[SITE] == Output(stderr="503 0.1 ")
    with pytest.raises(Unreadable, match="gone"):
        ask(session, UNIT)[UNIT]


def test_what_is_not_stated_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="the test does not state it"):
        ask(FactSession({}), UNIT)[UNIT]


def test_acts_take_effect_in_their_order() -> None:
    session = FactSession({UNIT: ex.FAILED}, {UNIT: ex.STARTING}, {UNIT: ex.RUNNING})
    for expected in (ex.STARTING, ex.RUNNING, ex.RUNNING):
        rounds = session.begin((UNIT,), Act(steps=(STEP,)), seconds=10, owner=("me",))
        assert rounds.acted().state is ActState.ACTED
        assert Facts.read((UNIT,), rounds.next())[UNIT] == expected
    assert session.ran == [STEP] * 3
    assert session.owners == [("me",)] * 3


def test_a_command_that_fails_ends_the_act() -> None:
    session = FactSession({}, {STEP: Output(exit=5)})
    acted = session.begin((), Act(steps=(STEP, OTHER)), seconds=10).acted()
    assert [each.output.exit for each in acted.commands] == [5]
    assert session.ran == [STEP]


def test_a_fence_that_does_not_match_the_table_is_moved() -> None:
    session = FactSession({UNIT: ex.FAILED}, {UNIT: ex.RUNNING})
    seen = output_of(UNIT, ex.RUNNING).stdout
    fence = Fence(run=UNIT.command(), stdout=seen)
    assert session.begin((UNIT,), Act(steps=(STEP,), fence=(fence,)), seconds=10).acted().state is ActState.MOVED
    assert session.ran == []


def test_events_happen_instead() -> None:
    session = FactSession(
        {},
        ScriptedEvent.LOST_BEFORE,
        ScriptedEvent.LOST_WHILE,
        ScriptedEvent.LOST_AFTER,
        at={2: ScriptedEvent.LOST_BEFORE},
    )
    act = Act(steps=(STEP,))
    with pytest.raises(Unreachable):
        session.begin((), act, seconds=10)
    with pytest.raises(ContactLost):
        session.begin((), act, seconds=10).acted()
    rounds = session.begin((), act, seconds=10)
    rounds.acted()
    with pytest.raises(ContactLost):
        rounds.next()
    ask(session, CLOCK)
    with pytest.raises(Unreachable):
        ask(session, CLOCK)
    with pytest.raises(Unreachable):
        FactSession({}, unreachable=UnreachableCode.REFUSED).begin((), seconds=10)


def test_what_changes_by_itself_does_so_for_host_and_controller() -> None:
    session = FactSession({UNIT: ex.RUNNING, SITE: ex.page()}, at={2: {UNIT: ex.FAILED, SITE: ex.page(502)}})
    for status in (200, 502, 502):
        answer = session.ask((SITE,))[SITE]
        assert isinstance(answer, Output)
        assert SITE.read(answer).status == status
        assert ask(session, UNIT)[UNIT].healthy is (status == 200)


def test_a_question_of_a_survey_is_no_act() -> None:
    with pytest.raises(TypeError, match="changes nothing"):
        FactSession({}).begin((), seconds=10).acted()


class Weather(Fact):
    """A fact of one's own."""

    sunny: bool

    @property
    def ok(self) -> bool | None:
        return self.sunny

    def describe(self) -> str:
        return "sunny"


class Window(Probe[Weather]):
    """A probe of one's own."""

    kind: Literal["test.window"] = "test.window"

    def label(self) -> str:
        return "weather"

    def command(self) -> Run:
        return Run.of("weather")

    def parse(self, output: Output) -> Weather:
        return Weather(sunny=output.stdout == "sunny")


def test_for_a_probe_of_ones_own_the_output_is_stated() -> None:
    assert ask(FactSession({Window(): Output(stdout="sunny")}), Window())[Window()].sunny
    with pytest.raises(TypeError, match="state the Output"):
        ask(FactSession({Window(): Weather(sunny=True)}), Window())


def test_a_fact_that_no_output_reads_as_is_an_error() -> None:
    with pytest.raises(ValueError, match="no output reads as"):
        output_of(UNIT, ex.RUNNING.model_copy(update={"active": "active\nSubState=dead"}))


# -- a paper host ------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host") as paper:
        yield paper


def run(host: PaperHost, *probes: Probe[Fact]) -> Facts:
    rounds = host.session().begin(probes, seconds=20)
    facts = Facts.read(probes, rounds.next())
    rounds.close()
    return facts


def test_a_stub_answers_and_its_calls_are_known(host: PaperHost) -> None:
    host.program("systemctl", stdout=output_of(UNIT, ex.RUNNING).stdout)
    assert run(host, UNIT)[UNIT] == ex.RUNNING
    (call,) = host.calls
    assert call.argv[:2] == ("systemctl", "show")
    assert call.user == "ops"


def test_a_stub_can_be_replaced_and_taken_away(host: PaperHost) -> None:
    host.program("weather", stdout="rain")
    assert not run(host, Window())[Window()].sunny
    host.program("weather", stdout="sunny")
    assert run(host, Window())[Window()].sunny
    host.no("weather")
    with pytest.raises(Unreadable, match="cannot run weather"):
        run(host, Window())[Window()]


def test_a_stub_can_be_a_script(host: PaperHost) -> None:
    host.script("weather", 'printf "%s" "${1:-sunny}"')
    assert run(host, Window())[Window()].sunny


def test_calls_with_odd_words_are_told_apart(host: PaperHost) -> None:
    host.program("step")
    steps = tuple(Run.of("/usr/bin/step", *words, user=ROOT) for words in (("a\nb", ""), ("",), ("a", "b c")))
    rounds = host.session().begin((), Act(steps=steps), seconds=20)
    rounds.acted()
    rounds.close()
    assert host.calls == [
        Call(("step", "a\nb", ""), "root"),
        Call(("step", ""), "root"),
        Call(("step", "a", "b c"), "root"),
    ]


def test_two_hosts_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with PaperHost(tmp_path / "a") as first, PaperHost(tmp_path / "b") as second:
        rounds = []
        for host in (first, second):
            host.program("step")
            rounds.append(host.session().begin((), Act(steps=(STEP,)), seconds=20))
        assert [each.acted().state for each in rounds] == [ActState.ACTED] * 2
        for each in rounds:
            each.close()


# A name of its own: other test processes of this machine do the same.
_SLEEPER = ("sleep", f"3600.{os.getpid()}")


def test_nothing_runs_on_once_it_is_closed(tmp_path: Path) -> None:
    with PaperHost(tmp_path) as host:
        host.script("weather", f"exec {shlex.join(_SLEEPER)}")
        host.session().begin((Window(),), seconds=3000)
        for _ in range(1500):
            if _sleeping():
                break
            time.sleep(0.02)
        assert _sleeping()
    for _ in range(1500):
        if not _sleeping():
            break
        time.sleep(0.02)
    assert not _sleeping()
    host.close()


def _sleeping() -> bool:
    wanted = "".join(f"{word}\0" for word in _SLEEPER).encode()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if process.read_bytes() == wanted:
                return True
    return False


def test_the_shells_are_named_once_each() -> None:
    shells = installed_shells()
    assert shells[0] == "sh"
    assert set(shells) <= set(SHELLS)
