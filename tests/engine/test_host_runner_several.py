"""Several remedies on one host: their order, dependence, and final look."""

from typing import ClassVar, Literal

import pytest
from pydantic import Field

from remediate.core.field_types import UnitName
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import HostPlan
from remediate.core.verdict import Decision
from remediate.engine.judge import CLOCK
from remediate.errors import Unreadable
from remediate.probes.systemd import Unit
from remediate.remedies.systemd import RestartService
from remediate.testing import play
from support import examples as ex
from support.engine_scenes import HERE, TINY, young
from support.outcomes import code, problem
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("impatient")


# -- several remedies --------------------------------------------------------------------------------------------------


class Restart(RestartService):
    """Restart one unit."""

    kind: Literal["engine.restart"] = "engine.restart"
    unit: UnitName = Field(description="systemd unit")
    after: ClassVar[tuple[str, ...]] = ()

    @property
    def service(self) -> str:
        return self.unit


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
    assert problem(outcome).message.startswith("b")


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
    assert "no answer within 5 s" in problem(outcome).message


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
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.NOT_FIXED, "unit-masked", Touched.YES)


def test_what_was_refused_and_is_well_by_now_is_fixed() -> None:
    assert play(APART, FactSession({**UNREAD, A: ex.MASKED}, {**B_HEALS, A: ex.RUNNING})).verdict is RunVerdict.FIXED
