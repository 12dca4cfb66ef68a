from typing import cast

import pytest

from remediate.session import Rounds
from remediate.survey import Facts
from remediate.surveyor import LOOK_AGAIN, Look, Surveyor


class Slow:
    """Stands for a host that needs a while for its answers."""

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seconds = seconds
        self._now = 1000.0
        monkeypatch.setattr("remediate.surveyor.monotonic", lambda: self._now)

    def read(self, *_: object) -> Facts:
        self._now += self._seconds
        return Facts({})


def looked(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Look:
    look = Look(cast("Surveyor", Slow(seconds, monkeypatch)), cast("Rounds", None), (), ())
    look.survey()
    return look


def test_a_slow_host_is_left_alone_for_as_long_as_it_took_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(LOOK_AGAIN + 0.1, monkeypatch).pause > LOOK_AGAIN + 0.09


def test_a_quick_host_is_looked_at_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(0, monkeypatch).pause == LOOK_AGAIN
