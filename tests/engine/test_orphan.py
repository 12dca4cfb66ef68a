"""A dead run's steps, judged later by digests, and the end of such a run as a truth table."""

from datetime import UTC, datetime, timedelta

import pytest

from remediate.core.facts import Facts
from remediate.core.outcome import HostOutcome, Mode, Report, RunVerdict, Touched
from remediate.core.remedy import Verification, basis
from remediate.engine.orphan import ended, seen_again
from remediate.engine.surveyor import Surveyor
from remediate.errors import Unreadable
from remediate.journal.models import Intent, StoredRun, StoredStep
from support import examples as ex
from support.engine_scenes import BROKEN, FPM, HEALTHY, MENDED, REMEDY
from support.outcomes import code, problem
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

NOW = datetime(2026, 11, 23, 2, 58, tzinfo=UTC)


def facts(answers: Changes) -> Facts:
    session = FactSession(answers)
    surveyor = Surveyor(session, session, REMEDY.probes())
    try:
        return surveyor.survey()
    finally:
        surveyor.close()


class OwnVerification(RestartFpm):
    """A remedy with a verification of its own, which needs the facts from before."""

    def verify(self, before: Facts, after: Facts) -> Verification:
        raise Unreadable("not asked here")


BEFORE = basis(REMEDY, facts(BROKEN))
CRASHED: Changes = {**BROKEN, FPM: ex.FAILED.model_copy(update={"invocation": "f" * 32})}


@pytest.mark.parametrize(
    ("now", "outcome", "said"),
    [
        (BROKEN, "not_run", "as it was before"),
        ({**BROKEN, **MENDED}, "proven", "it is active, unlike before"),
        (CRASHED, "unknown", "not as it was before; now: "),
        ({**BROKEN, FPM: Unreadable("no answer")}, "unknown", "does not state it"),
    ],
)
def test_a_step_is_judged_by_what_it_had_to_change(now: Changes, outcome: str, said: str) -> None:
    seen = seen_again(REMEDY, BEFORE, facts(now))
    assert seen.outcome == outcome
    assert said in seen.evidence or outcome == "unknown"


def test_without_digests_nothing_is_known() -> None:
    for before in (None, (), (*BEFORE, "more")):
        assert seen_again(REMEDY, before, facts(HEALTHY)).outcome == "unknown"


def test_a_verification_that_needs_the_facts_of_before_is_not_guessed() -> None:
    own = OwnVerification(php="php8.2", settle=0)
    assert seen_again(own, BEFORE, facts({**BROKEN, **MENDED})).outcome == "unknown"
    assert seen_again(own, BEFORE, facts(BROKEN)).outcome == "not_run"


def stored(*outcomes: str) -> StoredRun:
    intents = [
        Intent(run="r", host="web1", position=at, remedy="toy.fpm", params="{}", commands="[]", intended_at=NOW)
        for at in range(len(outcomes))
    ]
    return StoredRun(
        id="0198",
        shown="0198",
        started=NOW,
        finished=None,
        mode="fix",
        playbook="app-down",
        operator="ana@laptop",
        incident=None,
        hosts=("web1",),
        verdict=None,
        exit_code=None,
        touched=None,
        process=None,
        reason=None,
        version="0.1.0",
        report=None,
        given="{}",
        steps=tuple(
            StoredStep(intent=intent, finished=NOW + timedelta(seconds=3), outcome=outcome, evidence="seen")
            for intent, outcome in zip(intents, outcomes, strict=True)
        ),
    )


def later(verdict: RunVerdict) -> Report:
    host = HostOutcome(
        name="web1", address="a", verdict=verdict, exit_code=verdict.exit_code, touched=Touched.NO, seconds=1
    )
    return Report(
        version="0.1.0",
        run="0199",
        mode=Mode.FIX,
        playbook="app-down",
        operator="ana",
        started=NOW,
        seconds=1,
        verdict=verdict,
        exit_code=verdict.exit_code,
        touched=Touched.NO,
        hosts=(host,),
    )


@pytest.mark.parametrize(
    ("outcomes", "after", "verdict", "touched"),
    [
        ((), RunVerdict.HEALTHY, "interrupted", "no"),
        (("not_run",), RunVerdict.HEALTHY, "interrupted", "no"),
        (("not_run",), RunVerdict.FIXED, "interrupted", "no"),
        (("proven",), RunVerdict.HEALTHY, "fixed", "yes"),
        (("proven", "not_run"), RunVerdict.HEALTHY, "fixed", "yes"),
        (("proven",), RunVerdict.FIXED, "not_fixed", "yes"),
        (("proven",), RunVerdict.REFUSED, "not_fixed", "yes"),
        (("proven",), RunVerdict.PENDING, "not_fixed", "yes"),
        (("proven",), RunVerdict.UNKNOWN, "unknown", "yes"),
        (("proven",), None, "unknown", "yes"),
        (("failed",), RunVerdict.HEALTHY, "not_fixed", "yes"),
        (("unknown",), RunVerdict.HEALTHY, "unknown", "unknown"),
        (("proven", "unknown"), RunVerdict.HEALTHY, "unknown", "yes"),
        (("a word of a later version",), RunVerdict.HEALTHY, "unknown", "unknown"),
    ],
)
def test_a_dead_run_ends_by_its_steps_and_by_what_was_found_later(
    outcomes: tuple[str, ...], after: RunVerdict | None, verdict: str, touched: str
) -> None:
    report = ended(stored(*outcomes), {"web1": "192.0.2.1"}, None if after is None else later(after))
    assert report.verdict is not None
    assert (report.verdict.value, report.touched.value) == (verdict, touched)
    (host,) = report.hosts
    assert code(host) == "process-died"
    assert after is None or f"run 0199 found this host {after.value}" in problem(host).message
    assert report.seconds == (3 if outcomes else 0)
    assert Report.model_validate_json(report.model_dump_json(by_alias=True)) == report
