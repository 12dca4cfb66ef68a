"""A link that is lost while a step acts: the host is asked again, and nothing is applied twice."""

from pathlib import Path

import pytest

from remediate.core.outcome import HostOutcome, RunVerdict, Touched, Verified
from remediate.core.playbook import HostPlan
from remediate.core.probe import Fact, Probe
from remediate.engine.surveyor import SURVEY_SECONDS
from remediate.engine.warm_session import session
from remediate.errors import UnreachableCode, Unreadable
from remediate.journal.journal import NOT_RUN
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from remediate.transport.script import APPLY_TAG
from support import examples as ex
from support import nginx_runs
from support.engine_scenes import AGAIN, BROKEN, FPM, HOST_PLAN, MENDED, RESTART, TINY
from support.outcomes import code, problem
from support.scripted import Changes, FactSession, LostSession
from support.toys import RestartFpm

pytestmark = pytest.mark.usefixtures("impatient")

LOST = pytest.mark.parametrize("event", [ScriptedEvent.LOST_WHILE, ScriptedEvent.LOST_AFTER])
CRASHED: Changes = {FPM: ex.FAILED.model_copy(update={"invocation": "f" * 32})}


def lost(event: ScriptedEvent, again: FactSession | None) -> tuple[HostOutcome, MemoryRecorder]:
    record = MemoryRecorder()
    return play(HOST_PLAN, FactSession(BROKEN, event), again=again, options=TINY, record=record), record


@LOST
def test_what_happened_all_the_same_is_verified_and_held(event: ScriptedEvent) -> None:
    again = FactSession({**BROKEN, **MENDED})
    outcome, record = lost(event, again)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES)
    assert [run.argv for run in again.ran] == [("true",)]
    assert again.owners == [("tester", "run-0", "rejoin")]
    (step,) = outcome.steps
    assert (step.changed, step.verified) == (True, Verified.PROVEN)
    assert "the link was lost while it acted" in step.evidence
    assert len(record.intents) == len(record.outcomes) == 1


@LOST
def test_what_had_no_effect_is_not_done_again(event: ScriptedEvent) -> None:
    again = FactSession(BROKEN)
    outcome, record = lost(event, again)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNREACHABLE, 4, Touched.NO)
    assert RESTART not in again.ran
    assert "is as it was before: no command ran, or none had an effect" in problem(outcome).message
    ((_, step),) = record.outcomes
    assert (step.changed, step.verified) == (False, None)  # which the journal calls not run
    assert NOT_RUN == "not_run"


def test_what_was_tried_and_failed_is_not_fixed() -> None:
    again = FactSession({**BROKEN, **CRASHED})
    outcome, _ = lost(ScriptedEvent.LOST_WHILE, again)
    assert (outcome.verdict, outcome.touched, code(outcome)) == (RunVerdict.NOT_FIXED, Touched.YES, "not-verified")
    assert [step.verified for step in outcome.steps] == [Verified.FAILED]
    assert RESTART not in again.ran


@pytest.mark.parametrize(
    "again",
    [
        None,
        FactSession({}, unreachable=UnreachableCode.TIMEOUT),
        FactSession({**BROKEN, FPM: Unreadable("no answer")}),
        FactSession(BROKEN, ScriptedEvent.LOST_BEFORE),
        FactSession(BROKEN, ScriptedEvent.LOST_AFTER),
        FactSession(BROKEN, ScriptedEvent.LOCKED, holder=f"42 sh {APPLY_TAG} tester run-0 toy.fpm\n"),
    ],
    ids=["stays lost", "unreachable", "unreadable", "lost again", "lost again later", "still acting"],
)
def test_what_cannot_be_found_out_is_unknown(again: FactSession | None) -> None:
    outcome, record = lost(ScriptedEvent.LOST_WHILE, again)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.UNKNOWN, 7, Touched.UNKNOWN)
    assert (code(outcome), outcome.after) == ("contact-lost", ())
    assert [step.verified for _, step in record.outcomes] == [Verified.UNKNOWN]
    assert "nothing was changed" not in record.outcomes[0][1].evidence
    assert again is None or RESTART not in again.ran


def test_a_remedy_that_names_nothing_to_change_is_never_as_it_was() -> None:
    class Nameless(RestartFpm):
        def identity(self) -> tuple[Probe[Fact], ...]:
            return ()

    plan = HostPlan(symptoms=(), diagnosis=(), remedies=(Nameless(php="php8.3", settle=0),))
    broken = {Unit(name="php8.3-fpm"): ex.FAILED, PhpFpmConfig(php="php8.3"): ex.SOUND, **BROKEN}
    outcome = play(plan, FactSession(broken, ScriptedEvent.LOST_WHILE), again=FactSession(broken), options=TINY)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)


def test_the_lock_is_waited_for_until_the_step_is_certainly_over() -> None:
    first, again = FactSession(BROKEN, ScriptedEvent.LOST_WHILE), FactSession({**BROKEN, **MENDED})
    play(HOST_PLAN, first, again=again, options=TINY)
    (act,), (question,) = first.acts, again.acts
    assert question.wait >= sum(step.seconds for step in act.steps) + act.settle + SURVEY_SECONDS


def test_a_later_step_that_is_found_out_about_leaves_the_earlier_ones_as_they_are() -> None:
    first = FactSession({**BROKEN}, ScriptedEvent.MOVED, ScriptedEvent.LOST_AFTER)
    again = FactSession({**BROKEN, FPM: AGAIN, **MENDED})
    outcome = play(HOST_PLAN, first, again=again, options=TINY)
    assert outcome.verdict is RunVerdict.FIXED
    assert first.closed
    assert again.closed


def test_a_connection_that_is_kept_between_calls_is_made_again(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setattr("remediate.engine.rejoin.REJOIN_SECONDS", 0)
    logins = [LostSession(nginx_runs.DOWN, ScriptedEvent.LOST_WHILE), FactSession(nginx_runs.WELL_AGAIN)]
    with session((nginx_runs.web(),), connect=lambda _: logins.pop(0)) as web1:
        report = web1.run(SingleRemedy(RestartNginx), options=nginx_runs.YES)
    assert report.verdict is RunVerdict.FIXED
    assert logins == []
