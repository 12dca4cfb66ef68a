"""A failed task is tried again later, and keeps no other from being done."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from remediate.errors import ConfigurationError, JournalError
from remediate.service import tries
from remediate.service.timers import TimerTask, ring
from remediate.service.tries import WAITS, Tries


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_what_fails_waits_longer_each_time_and_the_others_do_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(tries, "WAITS", (5, 60))
    several, tried = Tries(), list[float]()

    def fail() -> int:
        tried.append(now[0])
        raise ValueError("hunter2")

    for second in range(200):
        now[0] = 100.0 + second
        assert several.attempt("one", fail, "one is not done") is None
        assert several.attempt("other", lambda: 7, "the other is not done") == 7
    assert tried == [100, 105, 165, 225, 285]
    assert "one is not done; it is tried again in 60 s: ValueError" in caplog.text
    assert several.attempt("one", lambda: 1, "one is not done") is None
    now[0] += 60
    assert several.attempt("one", lambda: 1, "one is not done") == 1
    assert several.attempt("one", lambda: 2, "one is not done") == 2


@pytest.mark.parametrize("error", [JournalError("away"), OperationalError("x", {}, Exception())])
def test_without_a_database_nothing_else_is_tried(error: Exception) -> None:
    with pytest.raises(type(error)):
        Tries().attempt("one", failing(error), "one is not done")


def test_a_message_that_is_not_ours_is_not_told_as_the_reason() -> None:
    assert tries.why_failed("x", failing(ConfigurationError("no host"))) == "no host"
    assert tries.why_failed("x", failing(OperationalError("hunter2", {}, Exception()))) == "OperationalError"
    assert tries.why_failed("x", lambda: None) is None


class Steps:
    """Steps that are asked at once, and the seconds that were waited."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def ring(self, task: Callable[[str], float | None]) -> list[tuple[str, str]]:
        given_up: list[tuple[str, str]] = []
        tasks = {"look": TimerTask(task, lambda about, why: given_up.append((about, why)))}
        ring("look", "it", tasks, lambda question: question(), self.slept.append)
        return given_up


def test_a_timer_that_fails_each_time_is_given_up_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps()
    with caplog.at_level(logging.ERROR, "remediate"):
        assert steps.ring(failing(ValueError("hunter2"))) == [("it", "ValueError")]
    assert steps.slept == list(WAITS)
    assert caplog.text.count("the timer look of it fails: ValueError") == len(WAITS) + 1


def test_a_timer_that_failed_goes_on_when_it_no_longer_does() -> None:
    answers: list[float | Exception | None] = [ValueError(), ValueError(), 15.0, ValueError(), None]

    def task(about: str) -> float | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    steps = Steps()
    assert (steps.ring(task), steps.slept) == ([], [5, 10, 15.0, 5])


def test_a_timer_of_another_release_and_one_that_cannot_be_given_up_end() -> None:
    ring("gone", "it", {}, lambda question: question(), lambda _: None)
    fails = failing(ValueError())
    ring("look", "it", {"look": TimerTask(fails, fails)}, lambda question: question(), lambda _: None)
