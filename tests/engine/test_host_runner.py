"""The engine on scripted hosts: its execs, its acts, and unknown results."""

import threading
import time
from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest
from pydantic import Field

import remediate.engine.host_runner
from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.core.field_types import UnitName
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched, Verified
from remediate.core.playbook import HostPlan
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision, RefusalCode, Verdict, proceed, refuse, skip
from remediate.engine.judge import CLOCK, RULES
from remediate.errors import UnreachableCode, Unreadable
from remediate.probes.http import Site
from remediate.probes.machine import MachineIdentity
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.sudo import SudoRules
from remediate.probes.systemd import SYSTEMCTL, Unit
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.outcomes import code
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

HERE = Site(url="https://example.com/", asked_from=Vantage.HOST)
THERE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
FPM, CONFIG, NGINX = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), Unit(name="nginx")


REMEDY = RestartFpm(php="php8.2", settle=0)
HOST_PLAN = HostPlan(symptoms=(HERE, THERE), diagnosis=(NGINX,), remedies=(REMEDY,))
RESTART = Run.of(SYSTEMCTL, "restart", "php8.2-fpm.service", user=ROOT, seconds=100)

UP: Changes = {HERE: ex.page(), THERE: ex.page()}
DOWN: Changes = {HERE: ex.page(502), THERE: ex.page(502)}
REST: Changes = {CONFIG: ex.SOUND, NGINX: ex.RUNNING}
HEALTHY: Changes = {**UP, **REST, FPM: ex.RUNNING}
BROKEN: Changes = {**DOWN, **REST, FPM: ex.FAILED}
AGAIN = ex.started_again(ex.FAILED)
MENDED: Changes = {**UP, FPM: AGAIN}
TINY = Options(hold=0.05, yes=True)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
    monkeypatch.setattr("remediate.engine.surveyor.LOOK_AGAIN", 0.02)


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_healthy_host_costs_one_exec() -> None:
    session, record = FactSession(HEALTHY), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.HEALTHY, 0, Touched.NO)
    assert (session.execs, session.surveys, session.acts) == (1, 1, [])
    assert [step.decision for step in outcome.steps] == [Decision.SKIP]
    assert record.intents == []
    assert outcome.after == ()
    assert session.closed


def test_a_repair_costs_one_exec_holding_one_more_and_the_last_look_another() -> None:
    session, record = FactSession(BROKEN, MENDED), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record, options=TINY)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.FIXED, 0, Touched.YES)
    assert session.execs == 3 + 1
    assert session.surveys == 1 + 1 + 6 + 1
    assert session.ran == [RESTART]
    (step,) = outcome.steps
    assert (step.decision, step.changed, step.verified) == (Decision.PROCEED, True, Verified.PROVEN)
    assert [(command.argv, command.exit) for command in step.commands] == [(RESTART.argv, 0)]
    assert outcome.serving_again_seconds is not None
    assert [reading.ok for reading in outcome.after if reading.probe == "http.site"] == [True, True]
    assert [len(each) for each in (record.intents, record.outcomes)] == [1, 1]
    assert session.owners == [("tester", "run-0", "toy.fpm")]


def test_an_act_is_bound_to_what_its_guard_saw() -> None:
    session = FactSession(BROKEN, MENDED)
    play(HOST_PLAN, session)
    (act,) = session.acts
    assert [fence.run for fence in act.fence] == [RULES.command(), FPM.command()]
    assert "ActiveState=failed" in act.fence[1].stdout


def test_a_plan_changes_nothing() -> None:
    session, record = FactSession(BROKEN, MENDED), MemoryRecorder()
    outcome = play(HOST_PLAN, session, options=Options(plan=True), record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.PENDING, 10, Touched.NO)
    assert [command.argv for command in outcome.steps[0].commands] == [RESTART.argv]
    assert (session.execs, session.acts, record.intents) == (1, [], [])


# -- healthy, but for how long? ----------------------------------------------------------------------------------------


def young(seconds: float) -> MachineIdentity:
    return MachineIdentity(machine_id="m", boot_id="b", uptime=2340.64891 + seconds)


def test_what_started_just_now_is_watched() -> None:
    session = FactSession({**HEALTHY, CLOCK: young(0.01)})
    outcome = play(HOST_PLAN, session, options=Options(hold=0.1))
    assert outcome.verdict is RunVerdict.HEALTHY
    assert session.execs == 2 + 1
    assert session.surveys == 1 + 6 + 1


def test_what_runs_for_longer_than_the_window_is_not_watched() -> None:
    session = FactSession({**HEALTHY, CLOCK: young(40)})
    assert play(HOST_PLAN, session, options=Options(hold=30)).verdict is RunVerdict.HEALTHY
    assert session.execs == 1


def test_what_keeps_restarting_is_refused_as_unstable() -> None:
    restarts: dict[int, Changes | ScriptedEvent] = {
        number: {FPM: ex.started_again(ex.RUNNING, number)} for number in range(2, 20)
    }
    session = FactSession({**HEALTHY, CLOCK: young(0.01)}, at=restarts)
    outcome = play(HOST_PLAN, session, options=Options(hold=0.1))
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.REFUSED, 3, "unstable")
    assert outcome.touched is Touched.NO


def test_what_fails_while_watched_is_mended() -> None:
    session = FactSession({**HEALTHY, CLOCK: young(0.01)}, MENDED, at={3: {**DOWN, FPM: ex.FAILED}})
    outcome = play(HOST_PLAN, session, options=Options(hold=0.1))
    assert outcome.verdict is RunVerdict.FIXED
    assert session.ran == [RESTART]


# -- in transition -----------------------------------------------------------------------------------------------------


def test_what_is_starting_is_looked_at_again_and_then_healthy() -> None:
    session = FactSession({**BROKEN, FPM: ex.STARTING}, at={3: {**UP, FPM: AGAIN}})
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.HEALTHY, Touched.NO)
    assert session.execs == 2


def test_what_was_starting_and_failed_is_mended() -> None:
    session = FactSession({**BROKEN, FPM: ex.STARTING}, MENDED, at={3: {FPM: ex.FAILED}})
    assert play(HOST_PLAN, session).verdict is RunVerdict.FIXED
    assert session.ran == [RESTART]


def test_what_never_ends_starting_is_refused() -> None:
    session = FactSession({**BROKEN, FPM: ex.STARTING})
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "in-transition")
    assert session.acts == []


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({FPM: ex.MASKED}, "unit-masked"),
        ({FPM: ex.MISSING}, "unit-missing"),
        ({CONFIG: ex.BROKEN_CONFIG}, "config-broken"),
        ({CONFIG: ex.UNCHECKED}, "config-unchecked"),
        ({FPM: ex.START_LIMIT}, "start-limit-hit"),
        ({FPM: Unreadable("?")}, "unreadable"),
        ({CONFIG: Unreadable("?")}, "unreadable"),
        ({RULES: Unreadable("?")}, "unreadable"),
        ({RULES: SudoRules(user="ops", rules=())}, "sudo-rule-missing"),
        ({FPM: ex.RUNNING}, "unexplained"),
        ({FPM: ex.RUNNING, HERE: ex.page(), THERE: Unreadable("no network")}, "unreadable"),
    ],
)
def test_a_refusal_changes_nothing_and_costs_one_exec(changes: Changes, expected: str) -> None:
    session, record = FactSession({**BROKEN, **changes}, MENDED), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record)
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.REFUSED, 3, expected)
    assert (outcome.touched, session.execs, session.acts, record.intents) == (Touched.NO, 1, [], [])


def test_an_override_acts_and_is_named() -> None:
    session = FactSession({**BROKEN, FPM: ex.START_LIMIT}, {**UP, FPM: ex.started_again(ex.START_LIMIT)})
    outcome = play(HOST_PLAN, session, options=Options(hold=0, overrides={"start-limit-hit": "disk was full"}))
    assert outcome.verdict is RunVerdict.FIXED
    assert "start-limit-hit overridden: disk was full" in outcome.steps[0].why
    assert [run.argv[1] for run in session.ran] == ["reset-failed", "restart"]


def test_a_locked_host_is_refused_with_who_holds_it() -> None:
    holder = "   42 timeout -k 5 190 /bin/sh -s remediate-apply ana@laptop run-7f3a php-fpm.restart"
    session = FactSession(BROKEN, ScriptedEvent.LOCKED, holder=holder)
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "locked", Touched.NO)
    assert "ana@laptop, run-7f3a, php-fpm.restart, for 42 s" in outcome.steps[0].why


def test_an_overridden_lock_is_named_and_the_fence_holds() -> None:
    held = "me 1000\nheld 65534 7 nobody sleep 60"
    override = Options(hold=0, overrides={"locked": "a stray process"})
    session, record = FactSession(BROKEN, ScriptedEvent.LOCKED, MENDED, holder=held), MemoryRecorder()
    outcome = play(HOST_PLAN, session, options=override, record=record)
    assert outcome.verdict is RunVerdict.FIXED
    assert "process 7 of nobody (sleep 60); locked overridden: a stray process" in outcome.steps[0].why
    assert [act.despite for act in session.acts] == ["", "held 65534 7 nobody sleep 60"]
    assert session.acts[1].fence == session.acts[0].fence
    assert len(record.intents) == 1
    for holder in (held.replace("65534", "0"), held.replace("65534", "1000"), held + "\nhidden"):
        session = FactSession(BROKEN, ScriptedEvent.LOCKED, MENDED, holder=holder)
        outcome = play(HOST_PLAN, session, options=override)
        assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, "locked", [])


def test_a_host_without_flock_is_refused() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, ScriptedEvent.NO_LOCK))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "lock-missing")


def test_what_moved_is_looked_at_again() -> None:
    session = FactSession(BROKEN, ScriptedEvent.MOVED, MENDED)
    assert play(HOST_PLAN, session).verdict is RunVerdict.FIXED
    assert session.ran == [RESTART]
    # From then on what the fence asks is asked by itself in every survey, as the fence asks it.
    assert session.execs > 1 + 2 + 1 + 1 + 1


def test_what_moved_by_another_hand_and_is_fine_now_needs_nothing() -> None:
    session = FactSession(BROKEN, ScriptedEvent.MOVED, at={2: MENDED})
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.HEALTHY, Touched.NO)
    assert session.ran == []


def test_what_moves_every_time_is_refused() -> None:
    session, record = (
        FactSession(BROKEN, ScriptedEvent.MOVED, ScriptedEvent.MOVED, ScriptedEvent.MOVED, MENDED),
        MemoryRecorder(),
    )
    outcome = play(HOST_PLAN, session, record=record)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "moved", Touched.NO)
    assert session.ran == []
    assert len(record.intents) == len(record.outcomes) == 3


def test_what_is_not_recorded_is_not_done() -> None:
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, record=MemoryRecorder(broken="No space left on device"))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "journal-unwritable")
    assert (session.acts, outcome.touched) == ([], Touched.NO)


def test_out_of_time_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 1000))
    monkeypatch.setattr(remediate.engine.host_runner, "monotonic", lambda: float(next(clock)))
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, options=Options(hold=0, timeout=10))
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, "out-of-time", [])


# -- the link ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", UnreachableCode)
def test_a_host_that_cannot_be_entered(why: UnreachableCode) -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, unreachable=why))
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.UNREACHABLE, 4, why.value)
    assert outcome.touched is Touched.NO


def test_lost_while_looking() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, at={1: ScriptedEvent.LOST_BEFORE}))
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNREACHABLE, 4, Touched.NO)


def test_lost_before_acting() -> None:
    session = FactSession(BROKEN, ScriptedEvent.LOST_BEFORE)
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNREACHABLE, 4, Touched.NO)
    assert session.ran == []


@pytest.mark.parametrize("event", [ScriptedEvent.LOST_WHILE, ScriptedEvent.LOST_AFTER])
def test_lost_while_or_after_acting(event: ScriptedEvent) -> None:
    record = MemoryRecorder()
    outcome = play(HOST_PLAN, FactSession(BROKEN, event), record=record)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.UNKNOWN)
    assert code(outcome) == "contact-lost"
    assert len(record.intents) == 1
    ((position, step),) = record.outcomes
    assert (position, step.changed, step.verified) == (0, True, Verified.UNKNOWN)
    assert "link dies" in step.evidence
    assert [each.verified for each in outcome.steps] == [Verified.UNKNOWN]


def test_lost_while_holding() -> None:
    session = FactSession(BROKEN, MENDED, at={4: ScriptedEvent.LOST_BEFORE})
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.YES)


# -- changed, and then -------------------------------------------------------------------------------------------------


def test_a_restart_that_does_not_help_is_not_fixed() -> None:
    failed = Output(exit=1, stderr="Job for php8.2-fpm.service failed.")
    session = FactSession(BROKEN, {RESTART: failed})
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.NOT_FIXED, 5, Touched.YES)
    assert code(outcome) == "not-verified"
    assert "ended with 1: Job for php8.2-fpm.service failed." in outcome.steps[0].evidence


def test_a_command_that_failed_is_no_failure_when_the_effect_is_there() -> None:
    session = FactSession(BROKEN, {RESTART: Output(exit=1, stderr="lost the bus"), **MENDED})
    assert play(HOST_PLAN, session).verdict is RunVerdict.FIXED


def test_a_command_that_succeeds_proves_nothing() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, {HERE: ex.page(), THERE: ex.page()}))
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)


def test_a_symptom_that_persists_is_not_fixed() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, {FPM: AGAIN}))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "symptom-persists")
    assert outcome.serving_again_seconds is None


def test_one_vantage_that_still_sees_it_is_enough() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, {**MENDED, THERE: ex.page(503)}))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "symptom-persists")


def test_a_controller_that_cannot_see_is_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.stability.EXTRA", 0)
    outcome = play(HOST_PLAN, FactSession(BROKEN, {**MENDED, THERE: Unreadable("no network")}))
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.YES)


def test_an_effect_that_cannot_be_read_is_unknown() -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, {**UP, FPM: Unreadable("?")}))
    assert (outcome.verdict, outcome.steps[0].verified) == (RunVerdict.UNKNOWN, Verified.UNKNOWN)


@pytest.mark.parametrize(
    "later",
    [
        {HERE: ex.page(502)},
        {THERE: ex.no_page()},
        {FPM: ex.FAILED},
        {FPM: ex.started_again(AGAIN)},
        {NGINX: ex.started_again(ex.RUNNING)},
    ],
)
@pytest.mark.parametrize("when", [3, 5, 8, 9])
def test_what_does_not_hold_is_not_fixed(later: Changes, when: int) -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at={when: later}), options=TINY)
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.NOT_FIXED, 5, "not-holding")


def test_a_window_that_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.stability.EXTRA", 0)
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at={4: {HERE: Unreadable("?")}}), options=TINY)
    assert (outcome.verdict, outcome.exit_code) == (RunVerdict.UNKNOWN, 7)


def settling(seconds: float) -> HostPlan:
    remedy = RestartFpm(php="php8.2", settle=seconds)
    return HostPlan(symptoms=(HERE, THERE), diagnosis=(NGINX,), remedies=(remedy,))


STARTS: Changes = {**MENDED, NGINX: ex.STARTING}


def test_the_window_begins_once_nothing_changes_its_state_any_more() -> None:
    back: Changes = {NGINX: ex.started_again(ex.STARTING)}
    outcome = play(settling(5), FactSession(BROKEN, STARTS, at={5: back}), options=TINY)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_what_does_not_settle_is_not_waited_for_without_end(seconds: float) -> None:
    session = FactSession(BROKEN, STARTS, at={60: {NGINX: ex.started_again(ex.STARTING)}})
    began = time.monotonic()
    play(settling(seconds), session, options=TINY)
    assert time.monotonic() - began < 3


# -- what cannot be read -----------------------------------------------------------------------------------------------

GONE = Unreadable("no answer within 8 s")


@pytest.mark.parametrize("unread", [(3,), (5,), (4, 5)])
def test_a_restart_behind_an_unreadable_sample_is_not_fixed(unread: tuple[int, ...]) -> None:
    at: dict[int, Changes | ScriptedEvent] = {survey: {NGINX: GONE} for survey in unread}
    session = FactSession(BROKEN, MENDED, at={**at, unread[-1] + 1: {NGINX: ex.started_again(ex.RUNNING)}})
    outcome = play(HOST_PLAN, session, options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-holding")
    assert outcome.error is not None
    assert outcome.error.message.startswith("nginx was started again")


def test_three_restarts_each_behind_an_unreadable_sample_are_not_fixed() -> None:
    at: dict[int, Changes | ScriptedEvent] = {survey: {FPM: GONE} for survey in (3, 5, 7)}
    at.update({survey: {FPM: ex.started_again(AGAIN, survey)} for survey in (4, 6, 8)})
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at=at), options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-holding")


@pytest.mark.parametrize("since", [2, 3, 5])
def test_what_is_never_readable_again_cannot_be_called_fixed(since: int) -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at={since: {NGINX: GONE}}), options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.UNKNOWN, "unreadable")
    assert outcome.error is not None
    assert outcome.error.message == "nginx: no answer within 8 s"


def test_an_unreadable_sample_is_made_up_for() -> None:
    session = FactSession(BROKEN, MENDED, at={4: {NGINX: GONE}, 5: {NGINX: ex.RUNNING}})
    assert play(HOST_PLAN, session, options=TINY).verdict is RunVerdict.FIXED
    assert session.surveys == 1 + 1 + 7 + 1


def test_what_cannot_be_watched_is_not_called_unstable() -> None:
    session = FactSession({**HEALTHY, CLOCK: young(0.01)}, at={2: {NGINX: GONE}})
    outcome = play(HOST_PLAN, session, options=Options(hold=0.1))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "unreadable")


def test_a_doubtful_last_look_is_taken_again() -> None:
    session = FactSession(BROKEN, MENDED, at={9: {HERE: GONE}, 10: {HERE: ex.page()}})
    assert play(HOST_PLAN, session, options=TINY).verdict is RunVerdict.FIXED
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at={9: {HERE: GONE}}), options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.UNKNOWN, "unreadable")


# -- stopped -----------------------------------------------------------------------------------------------------------


def test_a_stop_before_anything_is_done() -> None:
    stop = threading.Event()
    stop.set()
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, stop=stop)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.INTERRUPTED, 130, Touched.NO)
    assert session.acts == []


def test_a_stop_while_holding_says_what_was_changed() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED), options=Options(hold=60), stop=stop)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.INTERRUPTED, Touched.YES)


# -- several remedies --------------------------------------------------------------------------------------------------

NOT_YET = RefusalCode(name="not-yet", meaning="Not now.")


class Restart(Remedy):
    """Restart one unit."""

    kind: Literal["engine.restart"] = "engine.restart"
    unit: UnitName = Field(description="systemd unit")
    refusals: ClassVar[tuple[RefusalCode, ...]] = (NOT_YET,)

    def title(self) -> str:
        return self.unit

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit),)

    def identity(self) -> tuple[Probe[Fact], ...]:
        return self.probes()

    def guard(self, facts: Facts) -> Verdict:
        unit = facts[Unit(name=self.unit)]
        if unit.healthy:
            return skip("runs")
        return refuse(NOT_YET, "masked") if unit.masked else proceed("down")

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from self.changes()

    def changes(self) -> tuple[Run, ...]:
        return (Run.of(SYSTEMCTL, "restart", f"{self.unit}.service", user=ROOT),)


class Dependent(Restart):
    """Restart a unit that needs another one."""

    kind: Literal["engine.dependent"] = "engine.dependent"  # type: ignore[assignment]
    after: ClassVar[tuple[str, ...]] = ("engine.restart",)


A, B = Unit(name="a"), Unit(name="b")
FIRST, SECOND = Restart(unit="a", settle=0), Dependent(unit="b", settle=0)
EARLY = HostPlan(symptoms=(HERE,), diagnosis=(), remedies=(Restart(unit="b", settle=0), FIRST))
"""The turn of `b` is over when `a` is mended."""
TWO = HostPlan(symptoms=(HERE,), diagnosis=(), remedies=(FIRST, SECOND))
BOTH_DOWN: Changes = {A: ex.FAILED, B: ex.FAILED, HERE: ex.page(502)}
A_UP: Changes = {A: ex.started_again(ex.FAILED)}
B_UP: Changes = {B: ex.started_again(ex.FAILED), HERE: ex.page()}


def test_two_repairs_cost_two_execs() -> None:
    session = FactSession(BOTH_DOWN, A_UP, B_UP)
    outcome = play(TWO, session)
    assert outcome.verdict is RunVerdict.FIXED
    assert session.execs == 1 + 2 + 1 + 1
    assert [run.argv[-1] for run in session.ran] == ["a.service", "b.service"]


def test_the_second_is_judged_on_what_the_first_left() -> None:
    session = FactSession(BOTH_DOWN, {**A_UP, **B_UP})
    outcome = play(TWO, session)
    assert outcome.verdict is RunVerdict.FIXED
    assert [step.decision for step in outcome.steps] == [Decision.PROCEED, Decision.SKIP]


@pytest.mark.parametrize("first", [{**BOTH_DOWN, A: ex.MASKED}, {**BOTH_DOWN, A: Unreadable("?")}])
def test_what_needs_a_refused_one_is_not_attempted(first: Changes) -> None:
    session = FactSession(first, B_UP)
    outcome = play(TWO, session)
    assert [step.decision for step in outcome.steps] == [Decision.REFUSE, Decision.NOT_ATTEMPTED]
    assert (outcome.verdict, session.acts) == (RunVerdict.REFUSED, [])


def test_what_needs_a_failed_one_is_not_attempted() -> None:
    session = FactSession(BOTH_DOWN)
    outcome = play(TWO, session)
    assert [step.decision for step in outcome.steps] == [Decision.PROCEED, Decision.NOT_ATTEMPTED]
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)


def test_an_independent_one_goes_on() -> None:
    independent = HostPlan(symptoms=(HERE,), diagnosis=(), remedies=(FIRST, Restart(unit="b", settle=0)))
    session = FactSession({**BOTH_DOWN, A: ex.MASKED}, B_UP)
    outcome = play(independent, session)
    assert [step.decision for step in outcome.steps] == [Decision.REFUSE, Decision.PROCEED]
    assert outcome.touched is Touched.YES


def test_what_was_healed_must_stay_so_while_the_next_is_mended() -> None:
    session = FactSession(BOTH_DOWN, A_UP, {**B_UP, A: ex.FAILED})
    outcome = play(TWO, session)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)


@pytest.mark.parametrize("fails", [{B: ex.FAILED}, {B: ex.MASKED}])
@pytest.mark.parametrize("when", [2, 9])
def test_what_passed_in_its_turn_and_fails_at_the_end_is_not_fixed(fails: Changes, when: int) -> None:
    session = FactSession({**BOTH_DOWN, B: ex.RUNNING}, {**A_UP, HERE: ex.page()}, at={when: fails})
    outcome = play(EARLY, session, options=TINY)
    assert [step.decision for step in outcome.steps] == [Decision.SKIP, Decision.PROCEED]
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)
    assert outcome.error is not None
    assert outcome.error.message.startswith("b")


@pytest.mark.parametrize("when", [2, 9])
def test_what_passed_in_its_turn_and_cannot_be_read_at_the_end_is_unknown(when: int) -> None:
    gone: Changes = {B: Unreadable("no answer within 5 s")}
    session = FactSession({**BOTH_DOWN, B: ex.RUNNING}, {**A_UP, HERE: ex.page()}, at={when: gone})
    outcome = play(EARLY, session, options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.UNKNOWN, "unreadable")


def test_what_fails_behind_a_healthy_window_is_mended() -> None:
    first: Changes = {A: ex.RUNNING, B: ex.RUNNING, HERE: ex.page(), CLOCK: young(0.01)}
    session = FactSession(first, {B: ex.started_again(ex.FAILED)}, at={8: {B: ex.FAILED}})
    outcome = play(EARLY, session, options=Options(hold=0.1, yes=True))
    assert (outcome.verdict, [run.argv[-1] for run in session.ran]) == (RunVerdict.FIXED, ["b.service"])


# -- what could not be read in its turn --------------------------------------------------------------------------------

APART = HostPlan(symptoms=(HERE,), diagnosis=(), remedies=(FIRST, Restart(unit="b", settle=0)))
B_HEALS: Changes = {B: ex.started_again(ex.FAILED), HERE: ex.page()}
UNREAD: Changes = {A: Unreadable("no answer within 5 s"), B: ex.FAILED, HERE: ex.page(502)}


def test_nothing_is_called_fixed_while_another_remedy_may_be_needed() -> None:
    outcome = play(APART, FactSession(UNREAD, B_HEALS))
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.UNKNOWN, Touched.YES, "unreadable")
    assert outcome.error is not None
    assert "no answer within 5 s" in outcome.error.message


def test_what_can_be_read_afterwards_and_is_well_is_no_doubt() -> None:
    assert play(APART, FactSession(UNREAD, {**B_HEALS, A: ex.RUNNING})).verdict is RunVerdict.FIXED


def test_what_can_be_read_a_little_later_is_no_doubt_either() -> None:
    session = FactSession(UNREAD, B_HEALS, at={3: {A: ex.RUNNING}})
    assert play(APART, session).verdict is RunVerdict.FIXED


def test_what_turns_out_to_be_needed_is_not_fixed() -> None:
    outcome = play(APART, FactSession(UNREAD, {**B_HEALS, A: ex.FAILED}))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "unfinished")


def test_what_is_refused_is_not_fixed_although_users_are_well() -> None:
    outcome = play(APART, FactSession({**UNREAD, A: ex.MASKED}, B_HEALS))
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.NOT_FIXED, "not-yet", Touched.YES)


def test_what_was_refused_and_is_well_by_now_is_fixed() -> None:
    assert play(APART, FactSession({**UNREAD, A: ex.MASKED}, {**B_HEALS, A: ex.RUNNING})).verdict is RunVerdict.FIXED
