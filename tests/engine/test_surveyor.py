from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from remediate.core.command import Output
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.engine.surveyor import LOOK_AGAIN, OpenSurvey, Surveyor
from remediate.errors import Unreadable
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.testing import PaperHost
from remediate.transport.session import Answers, Rounds
from support import examples as ex
from support.asking import ask
from support.render import output_of
from support.scripted import FactSession


class Slow:
    """Stands for a host that needs a while for its answers."""

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seconds = seconds
        self._now = 1000.0
        monkeypatch.setattr("remediate.engine.surveyor.monotonic", lambda: self._now)

    def read(self, *_: object) -> Facts:
        self._now += self._seconds
        return Facts({})


def looked(seconds: float, monkeypatch: pytest.MonkeyPatch) -> OpenSurvey:
    look = OpenSurvey(cast("Surveyor", Slow(seconds, monkeypatch)), cast("Rounds", None), (), ())
    look.survey()
    return look


def test_a_slow_host_is_left_alone_for_as_long_as_it_took_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(LOOK_AGAIN + 0.1, monkeypatch).pause > LOOK_AGAIN + 0.09


def test_a_quick_host_is_looked_at_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(0, monkeypatch).pause == LOOK_AGAIN


WORKERS, NGINX = Workers(program="agency-worker"), Unit(name="nginx")
RUNNING = ex.workers()
LATE = Output(exit=124)


def surveyor(session: FactSession) -> Surveyor:
    return Surveyor(session, session, (WORKERS, NGINX))


def test_what_is_late_among_many_is_asked_without_them_from_then_on() -> None:
    session = FactSession({WORKERS: LATE, NGINX: ex.RUNNING}, at={2: {WORKERS: output_of(WORKERS, RUNNING)}})
    asked = surveyor(session)
    for looks in (1, 2):
        assert asked.survey()[WORKERS] == RUNNING
        assert (session.execs, session.surveys) == (2 * looks, 2 * looks)


def test_what_hangs_stays_unreadable() -> None:
    session = FactSession({WORKERS: LATE, NGINX: ex.RUNNING})
    facts = surveyor(session).survey()
    with pytest.raises(Unreadable, match="agency-worker: no answer within 8 s, also by itself: slow or hung"):
        facts[WORKERS]
    assert facts[NGINX].healthy


BRIEF, LONG = ask("brief", seconds=0.4), ask("long", seconds=9)


@pytest.mark.parametrize("answers", [True, False], ids=["slow", "hung"])
def test_a_slow_host_gets_the_time_that_it_visibly_needs(tmp_path: Path, answers: bool) -> None:
    session = FactSession({})
    with PaperHost(tmp_path / "host") as host:
        host.script("brief", f"sleep {1 if answers else 60}; printf well")
        host.script("long", "sleep 2.5; printf well")
        asked = Surveyor(host.session(), session, (BRIEF, LONG))
        facts = asked.survey()
        assert facts[LONG].text == "well"
        if answers:
            assert facts[BRIEF].text == "well"
        else:
            # 3 s; the slower this machine, the more.
            with pytest.raises(Unreadable, match=r"brief: no answer within ([3-9]|1\d) s, also by itself: slow"):
                facts[BRIEF]


def test_the_time_that_a_slow_host_gets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Sluggish(FactSession):
        def survey(self, probes: Sequence[Probe[Fact]]) -> Answers:
            now[0] += 100
            return super().survey(probes)

    monkeypatch.setattr("remediate.engine.surveyor.monotonic", lambda: now[0])
    facts = surveyor(Sluggish({WORKERS: LATE, NGINX: ex.RUNNING})).survey()
    with pytest.raises(Unreadable, match="no answer within 28 s"):
        facts[WORKERS]


def test_one_question_is_not_asked_twice() -> None:
    session = FactSession({WORKERS: LATE})
    Surveyor(session, session, (WORKERS,)).survey()
    assert session.execs == 1
