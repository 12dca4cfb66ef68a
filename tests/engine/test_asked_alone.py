"""A question whose answer differs only when it is asked together with others: the fence asks it alone."""

from collections.abc import Sequence
from typing import Unpack

import pytest

from remediate.core.command import Output
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.probe import Fact, Probe
from remediate.engine.surveyor import Surveyor
from remediate.testing import MemoryRecorder, play
from remediate.testing.scripted import ScriptedRounds
from remediate.transport.script import Act
from remediate.transport.session import Answers, ExecOptions
from support import examples as ex
from support.engine_scenes import BROKEN, FPM, HOST_PLAN, MENDED, NGINX, RESTART, TINY
from support.scripted import FactSession

pytestmark = pytest.mark.usefixtures("impatient")

TOGETHER = "StatusText=asked with others\n"


class Differing(FactSession):
    """A host that answers FPM's question with one more line when one command asks for several units."""

    def begin(
        self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]
    ) -> ScriptedRounds:
        rounds = super().begin(probes, act, **how)
        return Noisy(rounds) if how.get("together", True) and {FPM, NGINX} <= set(probes) else rounds


class Noisy(ScriptedRounds):
    """The answers of one exec there, with that line."""

    def __init__(self, rounds: ScriptedRounds) -> None:
        self._rounds = rounds
        self.acted, self.close = rounds.acted, rounds.close  # type: ignore[method-assign]

    def next(self) -> Answers:
        answers = dict(self._rounds.next())
        output = answers[FPM]
        assert isinstance(output, Output)
        return {**answers, FPM: output.model_copy(update={"stdout": output.stdout + TOGETHER})}


def test_it_counts_as_moved_once_and_is_fixed_then() -> None:
    session, record = Differing(BROKEN, MENDED, MENDED), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record, options=TINY)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES), outcome.error
    assert session.ran == [RESTART]
    first, second = session.acts
    # The first fence holds the answer of the common command, which no question by itself can give.
    assert first.fence[1].stdout.endswith(TOGETHER)
    assert not second.fence[1].stdout.endswith(TOGETHER)


def test_what_is_asked_alone_has_the_answer_that_it_has_alone() -> None:
    session = Differing({FPM: ex.FAILED, NGINX: ex.RUNNING})
    asked = Surveyor(session, session, (FPM, NGINX))
    together = asked.survey().output(FPM)
    asked.ask_alone((FPM,))
    alone = asked.survey().output(FPM)
    assert together.stdout == alone.stdout + TOGETHER
    assert asked.survey().output(FPM) == alone, "it stays so"
