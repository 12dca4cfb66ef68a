from typing import cast

import pytest

from remediate.command import Output
from remediate.errors import Unreadable
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.session import Rounds
from remediate.survey import Facts
from remediate.surveyor import LOOK_AGAIN, Look, Surveyor
from remediate.testing import ScriptedSession, output_of
from remediate.testing import examples as ex


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


WORKERS, NGINX = Workers(program="agency-worker"), Unit(name="nginx")
RUNNING = ex.workers()
LATE = Output(exit=124)


def surveyor(session: ScriptedSession) -> Surveyor:
    return Surveyor(session, session, (WORKERS, NGINX))


def test_what_is_late_among_many_is_asked_again_without_them() -> None:
    session = ScriptedSession({WORKERS: LATE, NGINX: ex.RUNNING}, at={2: {WORKERS: output_of(WORKERS, RUNNING)}})
    facts = surveyor(session).survey()
    assert facts[WORKERS] == RUNNING
    assert (session.execs, session.surveys) == (2, 2)


def test_what_was_late_once_is_never_asked_among_the_others_again() -> None:
    session = ScriptedSession({WORKERS: LATE, NGINX: ex.RUNNING}, at={2: {WORKERS: output_of(WORKERS, RUNNING)}})
    asked = surveyor(session)
    asked.survey()
    assert asked.survey()[WORKERS] == RUNNING
    assert (session.execs, session.surveys) == (4, 4)


def test_what_hangs_stays_unreadable() -> None:
    session = ScriptedSession({WORKERS: LATE, NGINX: ex.RUNNING})
    facts = surveyor(session).survey()
    with pytest.raises(Unreadable, match="agency-worker: no answer within 8 s"):
        facts[WORKERS]
    assert facts[NGINX].healthy


def test_one_question_is_not_asked_twice() -> None:
    session = ScriptedSession({WORKERS: LATE})
    Surveyor(session, session, (WORKERS,)).survey()
    assert session.execs == 1
