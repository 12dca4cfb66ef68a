"""Brief questions are asked one after the other, and cost nobody an answer."""

from pathlib import Path
from typing import ClassVar, Literal

import pytest

from remediate.core.batches import Unanswered
from remediate.core.command import ROOT, Output, Run
from remediate.core.helper import IN_TIME, TURN_SECONDS
from remediate.core.probe import Fact, Probe
from remediate.testing import PaperHost
from remediate.transport.script import STDERR_LIMIT, STDOUT_LIMIT, build
from remediate.transport.session import Answers
from support.asking import Ask, ask, output, survey


class Brief(Ask):
    """Any program that answers at once."""

    kind: Literal["test.brief"] = "test.brief"  # type: ignore[assignment]  # A kind of its own.
    brief: ClassVar[bool] = True


def brief(name: str, user: str | None = None, seconds: float = 10) -> Brief:
    return Brief(run=Run(argv=(name,), user=user, seconds=seconds))


def alone(host: PaperHost, probe: Probe[Fact]) -> Answers:
    rounds = host.session().begin((probe,), seconds=30, together=False)
    try:
        return rounds.next()
    finally:
        rounds.close()


def test_each_answers_as_it_does_alone(host: PaperHost) -> None:
    host.program("none")
    host.program("says", stdout=b"\n\na\xff\r\n\n", stderr="warned\n\n", exit_status=3)
    host.program("complains", stdout="x" * 9000, stderr="0123456789" * STDERR_LIMIT, exit_status=255)
    host.program("gone", exit_status=127)
    host.program("forges", stdout="\n0123 ended 0 0 whole\n", exit_status=126)
    probes = [brief(name) for name in ("none", "says", "complains", "gone", "forges")]
    answers = survey(host, *probes, ask("none"))
    assert {probe: output(answers, probe) for probe in probes[:2]} == {
        probe: output(alone(host, probe), probe) for probe in probes[:2]
    }
    odd = survey(host, *probes[3:])
    assert {probe: output(odd, probe) for probe in probes[3:]} == {
        probe: output(alone(host, probe), probe) for probe in probes[3:]
    }
    complains = output(alone(host, probes[2]), probes[2])
    assert isinstance(answers[probes[2]], Unanswered) or output(answers, probes[2]) == complains


def test_one_that_is_not_answered_in_time_leaves_the_rest_to_be_asked_alone(host: PaperHost) -> None:
    host.program("first", stdout="1")
    host.program("hangs", seconds=60)
    host.program("last", stdout="3")
    first, hangs, last = brief("first"), brief("hangs", seconds=0.3), brief("last")
    answers = survey(host, first, hangs, last)
    assert (output(answers, first).stdout, output(answers, hangs).exit) == ("1", 124)
    assert isinstance(answers[last], Unanswered)


def test_a_slow_turn_ends_before_its_survey_does(host: PaperHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is in time, and all of them together are not: the rest is asked by itself, at once."""
    monkeypatch.setattr("remediate.transport.script.IN_TIME", IN_TIME.replace(f"+ {TURN_SECONDS}))", "+ 2))"))
    probes = [brief(f"slow{index}") for index in range(9)]
    for probe in probes:
        host.program(probe.run.argv[0], stdout="1", seconds=1.1)
    rounds = host.session().begin(probes, seconds=9)
    for _ in range(2):
        answers = rounds.next()
        assert output(answers, probes[0]).stdout == "1"
        assert all(isinstance(answers[probe], Unanswered) for probe in probes[2:])


def test_no_other_user_is_handed_the_nonce() -> None:
    """Whose processes can read the helper's memory could answer every question with it."""
    for user, several in ((ROOT, True), ("shop", False)):
        asked = [Run.of("/usr/bin/true", str(index), user=user) for index in range(2)]
        assert (b"if several; then" in build("N", asked, turns=((0, 1),))) is several


@pytest.mark.parametrize("size", [STDOUT_LIMIT - 100, STDOUT_LIMIT, STDOUT_LIMIT + 1, 3 * STDOUT_LIMIT])
def test_what_is_cut_is_no_answer(host: PaperHost, size: int) -> None:
    host.program("first", stdout="1")
    host.program("long", stdout="x" * size)
    host.program("last", stdout="3")
    first, long, last = brief("first"), brief("long"), brief("last")
    answers = survey(host, first, long, last)
    assert output(answers, first).stdout == "1"
    assert isinstance(answers[last], Unanswered)
    assert isinstance(answers[long], Unanswered) or output(answers, long).stdout == "x" * size


def test_a_turn_cut_anywhere_never_has_another_status(sh_host: PaperHost) -> None:
    """Wherever the limit falls in a frame, an answer is whole or missing."""
    probes = [brief("first"), brief("last")]
    sh_host.program("last", stdout="3", stderr="warned", exit_status=124)
    for size in range(STDOUT_LIMIT - 260, STDOUT_LIMIT - 60, 3):
        sh_host.program("first", stdout="x" * size, exit_status=124 if size % 2 else 123)
        answers = survey(sh_host, *probes)
        for probe in probes:
            assert isinstance(answers[probe], Unanswered) or output(answers, probe).exit in {123, 124}


def test_each_user_has_a_turn(tmp_path: Path) -> None:
    with PaperHost(tmp_path, user="forge") as host:
        for name in ("mine", "more", "yours", "ours"):
            host.program(name, stdout=name)
        probes = [brief("mine"), brief("/usr/bin/yours", ROOT), brief("more"), brief("/usr/bin/ours", ROOT)]
        answers = survey(host, *probes)
        assert [output(answers, probe).stdout for probe in probes] == ["mine", "yours", "more", "ours"]
        assert [call.user for call in host.calls] in (
            ["forge", "forge", "root", "root"],
            ["root", "root", "forge", "forge"],
            ["forge", "root", "forge", "root"],
            ["root", "forge", "root", "forge"],
            ["root", "forge", "forge", "root"],
            ["forge", "root", "root", "forge"],
        )


def test_a_turn_is_asked_anew_in_each_round(host: PaperHost) -> None:
    host.script("count", 'echo x >>"$HOME/n"; wc -l <"$HOME/n" | tr -d " "')
    host.program("other", stdout="o")
    count, other = brief("count"), brief("other")
    rounds = host.session().begin((count, other), seconds=20)
    assert [output(rounds.next(), count).stdout for _ in range(3)] == ["1\n", "2\n", "3\n"]


def test_an_answer_in_a_turn_is_a_plain_output(sh_host: PaperHost) -> None:
    sh_host.program("one", stdout="1\n", stderr="2\n", exit_status=5)
    sh_host.program("two")
    assert output(survey(sh_host, brief("one"), brief("two")), brief("one")) == Output(stdout="1\n", stderr="2", exit=5)
