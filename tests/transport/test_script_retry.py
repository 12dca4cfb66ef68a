"""A program that is refused for a moment is retried for a limited time."""

import pytest
from pydantic import ValidationError

from remediate.core.command import ROOT, Output, Run
from remediate.testing import Call, PaperHost
from remediate.transport import script
from remediate.transport.acted import ActState
from remediate.transport.script import Act, Fence
from support.asking import Ask, output, survey

ENTER = Run.of("/usr/bin/enter", "two words", user=ROOT, seconds=10, retry=r"full \(7\)|busy")


def turns_away(host: PaperHost, refusals: int, said: str) -> None:
    away = f"[ $(wc -l <{host.home}/asked) -gt {refusals} ] || {{ echo \"$1: '{said}'\" >&2; exit 3; }}"
    host.script("enter", f'echo >>{host.home}/asked; {away}; echo "$1, $PAPER_USER"; echo mind the step >&2')


def times(host: PaperHost) -> int:
    return len([call for call in host.calls if call.argv[0] == "enter"])


def answer(host: PaperHost, run: Run = ENTER) -> Output:
    knock = Ask(run=run)
    return output(survey(host, knock), knock)


@pytest.mark.parametrize("said", ["full (7)", "I am busy"])
def test_who_is_turned_away_is_let_in_later(acting: PaperHost, said: str) -> None:
    turns_away(acting, 2, said)
    assert answer(acting) == Output(stdout="two words, root\n", stderr="mind the step")
    assert acting.calls[-1] == Call(("enter", "two words"), "root")
    assert times(acting) == 3


def test_the_last_refusal_is_the_answer(acting: PaperHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "RETRY_SECONDS", 2)  # by whole seconds of the clock: at least one
    turns_away(acting, 999, "full (7)")
    assert answer(acting) == Output(stderr="two words: 'full (7)'", exit=3)
    assert times(acting) > 1


@pytest.mark.parametrize("said", ["full [7]", "full"])
def test_another_refusal_is_the_answer_at_once(acting: PaperHost, said: str) -> None:
    turns_away(acting, 999, said)
    assert answer(acting) == Output(stderr=f"two words: '{said}'", exit=3)
    assert times(acting) == 1


def test_a_word_of_it_in_a_good_answer_asks_nobody_again(acting: PaperHost) -> None:
    acting.script("enter", "echo full '(7)' | tee /dev/stderr")
    assert answer(acting) == Output(stdout="full (7)\n", stderr="full (7)")
    assert times(acting) == 1


def test_without_it_nothing_is_asked_again(acting: PaperHost) -> None:
    turns_away(acting, 1, "full (7)")
    assert answer(acting, ENTER.model_copy(update={"retry": ""})).exit == 3


def test_a_fence_and_a_step_are_let_in_later_too(acting: PaperHost) -> None:
    turns_away(acting, 2, "full (7)")
    fence = Fence(run=ENTER, stdout="two words, root\n")
    rounds = acting.session().begin((), Act(steps=(ENTER,), fence=(fence,)), seconds=30)
    try:
        assert rounds.acted().state is ActState.ACTED
    finally:
        rounds.close()
    assert times(acting) == 4


def test_what_reads_cannot_be_run_again() -> None:
    with pytest.raises(ValidationError, match="cannot read anything"):
        Run.of("enter", stdin="x", retry="full")
