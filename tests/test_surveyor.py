from time import sleep
from typing import cast

from remediate.session import Rounds
from remediate.survey import Facts
from remediate.surveyor import LOOK_AGAIN, Look, Surveyor


class Slow:
    """Stands for a host that needs a while for its answers."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def read(self, *_: object) -> Facts:
        sleep(self._seconds)
        return Facts({})


def looked(seconds: float) -> Look:
    look = Look(cast("Surveyor", Slow(seconds)), cast("Rounds", None), (), ())
    look.survey()
    return look


def test_a_slow_host_is_left_alone_for_as_long_as_it_took_to_answer() -> None:
    assert looked(LOOK_AGAIN + 0.1).pause > LOOK_AGAIN + 0.09


def test_a_quick_host_is_looked_at_again_soon() -> None:
    assert looked(0).pause == LOOK_AGAIN
