"""The judging of a run by what it printed, and where its time went."""

import pytest

from bench.cases import ANSIBLE, CHECK, SSH, Case, State
from bench.delay_proxy import Marks
from bench.measure import Measured
from bench.runner import _phases, _wrong

RIGHT = "active active active 200\n"
TASKS = 'h1 "stdout": "active\\nactive\\nactive"\nh1 "status": 200\n'


def done(output: str, exit_code: int = 0) -> Measured:
    return Measured(exit_code, output, started=1000.0, wall=1.0, first=0.5, cpu=0.1, rss=1)


@pytest.mark.parametrize(
    ("case", "state", "hosts", "answer", "why"),
    [
        (SSH, State.HEALTHY, 1, done(RIGHT), None),
        (SSH, State.HEALTHY, 2, done(RIGHT * 2), None),
        (SSH, State.HEALTHY, 2, done(RIGHT), "1 right answers, not 2"),
        (SSH, State.HEALTHY, 1, done(RIGHT, 255), "exit status 255, not 0"),
        (SSH, State.HEALTHY, 1, done("inactive active active 502\n"), "0 right answers, not 1"),
        (SSH, State.STOPPED, 1, done("inactive active active 502\n"), None),
        (SSH, State.STOPPED, 1, done(RIGHT), "0 right answers, not 1"),
        (ANSIBLE, State.HEALTHY, 1, done(TASKS), None),
        (ANSIBLE, State.HEALTHY, 1, done(TASKS.replace("200", "502")), "1 right answers, not 2"),
        (CHECK, State.STOPPED, 1, done("h1 False True True False\n", 3), None),
        (CHECK, State.STOPPED, 1, done("h1 False True True False\n"), "exit status 0, not 3"),
    ],
)
def test_only_a_right_answer_for_every_host_counts(
    case: Case, state: State, hosts: int, answer: Measured, why: str | None
) -> None:
    found = _wrong(case, state, hosts, answer)
    assert found is None if why is None else (found or "").startswith(why)


def test_the_phases_of_a_run_are_its_whole_time() -> None:
    marks = Marks(opened=1000.25, keys=1000.5, answered=1000.75)
    (found,) = _phases(SSH, done(RIGHT), marks, (999.0, 1000.625))
    assert (found.start, found.keys, found.login, found.asking, found.ending) == (0.25, 0.25, 0.125, 0.125, 0.25)


@pytest.mark.parametrize(
    ("marks", "logins"),
    [(Marks(1000.25, 1000.5, 1000.75), (999.0,)), (Marks(1000.25, None, 1000.75), (1000.6,))],
    ids=["login not seen", "no SSH"],
)
def test_a_run_whose_moments_were_not_all_seen_has_no_phases(marks: Marks, logins: tuple[float, ...]) -> None:
    assert list(_phases(SSH, done(RIGHT), marks, logins)) == []
