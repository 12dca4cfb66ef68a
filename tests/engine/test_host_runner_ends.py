"""Ends of a run on one host: lost links, unproved effects, unreadable answers, stops."""

import threading

import pytest

from remediate.core.command import Output
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched, Verified
from remediate.core.playbook import HostPlan
from remediate.engine.judge import CLOCK
from remediate.errors import UnreachableCode, Unreadable
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.engine_scenes import (
    AGAIN,
    BROKEN,
    FPM,
    HEALTHY,
    HERE,
    HOST_PLAN,
    MENDED,
    NGINX,
    RESTART,
    THERE,
    TINY,
    UP,
    young,
)
from support.outcomes import code
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

pytestmark = pytest.mark.usefixtures("impatient")


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
    outcome = play(settling(seconds), FactSession(BROKEN, STARTS), options=TINY)
    assert outcome.verdict is RunVerdict.FIXED


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
