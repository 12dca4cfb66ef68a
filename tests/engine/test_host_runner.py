"""The engine on scripted hosts: its execs, its acts, and its refusals."""

import pytest

import remediate.engine.host_runner
import remediate.engine.open_host
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched, Verified
from remediate.core.verdict import Decision
from remediate.engine.judge import CLOCK, RULES
from remediate.errors import Unreadable
from remediate.probes.sudo import SudoRules
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.engine_scenes import (
    AGAIN,
    BROKEN,
    CONFIG,
    DOWN,
    FPM,
    HEALTHY,
    HERE,
    HOST_PLAN,
    MENDED,
    RESTART,
    THERE,
    TINY,
    UP,
    young,
)
from support.outcomes import code
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("impatient")


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
    assert session.execs == 15


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
    for module in (remediate.engine.host_runner, remediate.engine.open_host):
        monkeypatch.setattr(module, "monotonic", lambda: float(next(clock)))
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, options=Options(hold=0, timeout=10))
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, "out-of-time", [])
