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
from support.outcomes import code, problem
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

pytestmark = pytest.mark.usefixtures("impatient")


# -- the link ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", UnreachableCode)
def test_a_host_that_cannot_be_entered(why: UnreachableCode) -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, unreachable=why))
    assert (outcome.verdict, outcome.exit_code, code(outcome)) == (RunVerdict.UNREACHABLE, 4, why.value)
    assert outcome.touched is Touched.NO


LOST, GONE = ScriptedEvent.LOST_BEFORE, Unreadable("no answer within 8 s")
Said = Changes | ScriptedEvent
ENDS: dict[str, tuple[tuple[Said, ...], dict[int, Said], RunVerdict, Touched, str]] = {
    "the link is lost while looking": ((), {1: LOST}, RunVerdict.UNREACHABLE, Touched.NO, "link-lost"),
    "before acting": ((LOST,), {}, RunVerdict.UNREACHABLE, Touched.NO, "link-lost"),
    "while holding": ((MENDED,), {4: LOST}, RunVerdict.UNKNOWN, Touched.YES, "link-lost"),
    "a command that succeeds proves nothing": ((UP,), {}, RunVerdict.NOT_FIXED, Touched.YES, "not-verified"),
    "the symptom persists": (({FPM: AGAIN},), {}, RunVerdict.NOT_FIXED, Touched.YES, "symptom-persists"),
    "one vantage still sees it": (
        ({**MENDED, THERE: ex.page(503)},), {}, RunVerdict.NOT_FIXED, Touched.YES, "symptom-persists",
    ),
    "the controller cannot see": (({**MENDED, THERE: GONE},), {}, RunVerdict.UNKNOWN, Touched.YES, "unreadable"),
    "the window cannot be read": ((MENDED,), {4: {HERE: GONE}}, RunVerdict.UNKNOWN, Touched.YES, "unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_what_a_run_comes_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.stability.EXTRA", 0)
    effects, at, verdict, touched, error = ENDS[name]
    session = FactSession(BROKEN, *effects, at=at)
    outcome = play(HOST_PLAN, session, options=TINY)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (verdict, verdict.exit_code, touched)
    assert (code(outcome), outcome.serving_again_seconds is None) == (error, effects != (MENDED,))
    assert session.ran == ([RESTART] if touched is Touched.YES else [])


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
    assert problem(outcome).message.startswith("nginx was started again")


def test_three_restarts_each_behind_an_unreadable_sample_are_not_fixed() -> None:
    at: dict[int, Changes | ScriptedEvent] = {survey: {FPM: GONE} for survey in (3, 5, 7)}
    at.update({survey: {FPM: ex.started_again(AGAIN, survey)} for survey in (4, 6, 8)})
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at=at), options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-holding")


@pytest.mark.parametrize("since", [2, 3, 5])
def test_what_is_never_readable_again_cannot_be_called_fixed(since: int) -> None:
    outcome = play(HOST_PLAN, FactSession(BROKEN, MENDED, at={since: {NGINX: GONE}}), options=TINY)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.UNKNOWN, "unreadable")
    assert problem(outcome).message == "nginx: no answer within 8 s"


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


@pytest.mark.parametrize(("wait", "touched"), [(0, Touched.NO), (0.3, Touched.YES)], ids=["at once", "while holding"])
def test_a_stop_says_what_was_changed(wait: float, touched: Touched) -> None:
    stop = threading.Event()
    if wait:
        threading.Timer(wait, stop.set).start()
    else:
        stop.set()
    session = FactSession(BROKEN, MENDED)
    outcome = play(HOST_PLAN, session, options=Options(hold=60), stop=stop)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.INTERRUPTED, 130, touched)
    assert len(session.acts) == (touched is Touched.YES)
