"""The engine on scripted hosts: its execs, its acts, and its refusals."""

from time import monotonic

import pytest

from remediate.core.command import Run
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


@pytest.mark.parametrize(
    ("seconds", "hold", "execs", "surveys"),
    [(0.01, 0.1, 2 + 1, 1 + 6 + 1), (40, 30, 1, 1)],
    ids=["started just now", "longer than the window"],
)
def test_what_is_younger_than_the_window_is_watched(seconds: float, hold: float, execs: int, surveys: int) -> None:
    session = FactSession({**HEALTHY, CLOCK: young(seconds)})
    assert play(HOST_PLAN, session, options=Options(hold=hold)).verdict is RunVerdict.HEALTHY
    assert (session.execs, session.surveys) == (execs, surveys)


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


@pytest.mark.parametrize(
    ("later", "verdict", "ran", "error"),
    [
        ({3: {**UP, FPM: AGAIN}}, RunVerdict.HEALTHY, [], None),
        ({3: {FPM: ex.FAILED}}, RunVerdict.FIXED, [RESTART], None),
        ({}, RunVerdict.REFUSED, [], "in-transition"),
    ],
    ids=["came up", "failed", "never ends"],
)
def test_what_is_starting_is_looked_at_again(
    later: dict[int, Changes | ScriptedEvent], verdict: RunVerdict, ran: list[Run], error: str | None
) -> None:
    session = FactSession({**BROKEN, FPM: ex.STARTING}, MENDED, at=later)
    outcome = play(HOST_PLAN, session)
    assert (outcome.verdict, code(outcome), session.ran) == (verdict, error, ran)
    assert verdict is not RunVerdict.HEALTHY or session.execs == 2


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


def test_what_moved_is_looked_at_again() -> None:
    session = FactSession(BROKEN, ScriptedEvent.MOVED, MENDED)
    assert play(HOST_PLAN, session).verdict is RunVerdict.FIXED
    assert session.ran == [RESTART]
    # From then on what the fence asks is asked by itself in every survey, as the fence asks it.
    assert session.execs == 15


MOVED = ScriptedEvent.MOVED


@pytest.mark.parametrize(
    ("events", "at", "verdict", "error", "intents"),
    [
        ((ScriptedEvent.NO_LOCK,), {}, RunVerdict.REFUSED, "lock-missing", 1),
        ((MOVED, MOVED, MOVED), {}, RunVerdict.REFUSED, "moved", 3),
        ((MOVED,), {2: MENDED}, RunVerdict.HEALTHY, None, 1),
    ],
    ids=["a host without flock", "what moves every time", "what another hand moved and is fine now"],
)
def test_what_the_lock_or_the_fence_keeps_from_running(
    events: tuple[ScriptedEvent, ...],
    at: dict[int, Changes | ScriptedEvent],
    verdict: RunVerdict,
    error: str | None,
    intents: int,
) -> None:
    session, record = FactSession(BROKEN, *events, MENDED, at=at), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record)
    assert (outcome.verdict, code(outcome), outcome.touched) == (verdict, error, Touched.NO)
    assert (session.ran, len(record.intents), len(record.outcomes)) == ([], intents, intents)


def test_what_is_not_recorded_is_not_done() -> None:
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, record=MemoryRecorder(broken="No space left on device"))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "journal-unwritable")
    assert (session.acts, outcome.touched) == ([], Touched.NO)


def test_out_of_time_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not a clock from zero: how long this machine is up would then decide.
    monkeypatch.setattr("remediate.engine.open_host.monotonic", lambda: monotonic() + 1000)
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, options=Options(hold=0, timeout=10))
    assert (outcome.verdict, code(outcome), session.acts) == (RunVerdict.REFUSED, "out-of-time", [])
