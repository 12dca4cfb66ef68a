"""A program that is refused for a moment is retried for a limited time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from remediate.core.command import ROOT, Output, Run
from remediate.core.probe import Probe
from remediate.testing import Call, PaperHost, installed_shells
from remediate.transport import script
from remediate.transport.acted import ActState
from remediate.transport.script import Act, Fence
from support.toys import Text


class Knock(Probe[Text]):
    """Ask who may be turned away."""

    kind: Literal["test.knock"] = "test.knock"
    run: Run

    def label(self) -> str:
        return self.run.argv[0]

    def command(self) -> Run:
        return self.run

    def parse(self, output: Output) -> Text:
        return Text(text=output.stdout)


ENTER = Run.of("/usr/bin/enter", "two words", user=ROOT, seconds=10, retry=r"full \(7\)|busy")


@pytest.fixture(params=[name for name in installed_shells() if name != "mksh"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PaperHost]:
    with PaperHost(tmp_path / "host", shell=request.param) as paper:
        yield paper


def turns_away(host: PaperHost, refusals: int, said: str) -> None:
    away = f"[ $(wc -l <{host.home}/asked) -gt {refusals} ] || {{ echo \"$1: '{said}'\" >&2; exit 3; }}"
    host.script("enter", f'echo >>{host.home}/asked; {away}; echo "$1, $PAPER_USER"; echo mind the step >&2')


def times(host: PaperHost) -> int:
    return len([call for call in host.calls if call.argv[0] == "enter"])


def answer(host: PaperHost, run: Run = ENTER) -> Output:
    rounds = host.session().begin((Knock(run=run),), seconds=30)
    try:
        given = rounds.next()[Knock(run=run)]
    finally:
        rounds.close()
    assert isinstance(given, Output)
    return given


@pytest.mark.parametrize("said", ["full (7)", "I am busy"])
def test_who_is_turned_away_is_let_in_later(host: PaperHost, said: str) -> None:
    turns_away(host, 2, said)
    assert answer(host) == Output(stdout="two words, root\n", stderr="mind the step")
    assert host.calls[-1] == Call(("enter", "two words"), "root")
    assert times(host) == 3


def test_the_last_refusal_is_the_answer(host: PaperHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "RETRY_SECONDS", 2)  # by whole seconds of the clock: at least one
    turns_away(host, 999, "full (7)")
    assert answer(host) == Output(stderr="two words: 'full (7)'", exit=3)
    assert times(host) > 1


@pytest.mark.parametrize("said", ["full [7]", "full"])
def test_another_refusal_is_the_answer_at_once(host: PaperHost, said: str) -> None:
    turns_away(host, 999, said)
    assert answer(host) == Output(stderr=f"two words: '{said}'", exit=3)
    assert times(host) == 1


def test_a_word_of_it_in_a_good_answer_asks_nobody_again(host: PaperHost) -> None:
    host.script("enter", "echo full '(7)' | tee /dev/stderr")
    assert answer(host) == Output(stdout="full (7)\n", stderr="full (7)")
    assert times(host) == 1


def test_without_it_nothing_is_asked_again(host: PaperHost) -> None:
    turns_away(host, 1, "full (7)")
    assert answer(host, ENTER.model_copy(update={"retry": ""})).exit == 3


def test_a_fence_and_a_step_are_let_in_later_too(host: PaperHost) -> None:
    turns_away(host, 2, "full (7)")
    fence = Fence(run=ENTER, stdout="two words, root\n")
    rounds = host.session().begin((), Act(steps=(ENTER,), fence=(fence,)), seconds=30)
    try:
        assert rounds.acted().state is ActState.ACTED
    finally:
        rounds.close()
    assert times(host) == 4


def test_what_reads_cannot_be_run_again() -> None:
    with pytest.raises(ValidationError, match="cannot read anything"):
        Run.of("enter", stdin="x", retry="full")
