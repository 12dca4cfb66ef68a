"""Living workers: their locks in PostgreSQL, and who takes the runs of a dead one over."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from sqlalchemy import create_engine, text

from remediate.errors import ConfigurationError
from remediate.service import presence as module
from remediate.service.presence import Presence, stay_present
from support.cut_proxy import Cut, CutProxy, by_tcp, socket_of

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


class Begun:
    """An engine in which these workers have begun something."""

    def __init__(self, *workers: str) -> None:
        self.names = frozenset(workers)
        self.taken: list[str] = []

    def workers(self) -> frozenset[str]:
        return self.names

    def take_over(self, worker: str) -> int:
        self.taken.append(worker)
        self.names -= {worker}
        return 3


@contextmanager
def present(url: str, name: str) -> Iterator[Presence]:
    one = Presence(url, name)
    one.take(5)
    try:
        yield one
    finally:
        one.release()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEAD_SECONDS", 0.5)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)


def test_a_name_has_one_living_process(url: str) -> None:
    with present(url, "a"), pytest.raises(ConfigurationError, match="another process works as a"):
        Presence(url, "a").take(0.3)
    with present(url, "a") as again:
        assert again.holds()


def test_what_a_dead_worker_had_begun_is_taken_over_once_and_not_at_once(url: str) -> None:
    engine = Begun("a", "b", "dead")
    with present(url, "a") as one, present(url, "b") as two:
        assert (one.look(engine), two.look(engine)) == (0, 0)
        time.sleep(0.6)
        assert (one.look(engine), two.look(engine)) == (3, 0)
    assert engine.taken == ["dead"]


def test_a_worker_that_comes_back_in_time_keeps_its_runs(url: str) -> None:
    engine = Begun("back")
    with present(url, "a") as one:
        assert one.look(engine) == 0
        with present(url, "back"):
            time.sleep(0.6)
            assert one.look(engine) == 0
        assert one.look(engine) == 0  # It was seen alive, so the time begins again.
    assert engine.taken == []


def test_after_an_outage_nobody_is_taken_for_dead_who_was_not_seen_since(url: str) -> None:
    engine = Begun("b")
    with present(url, "a") as one:
        assert one.look(engine) == 0
        time.sleep(0.6)
        server = create_engine(url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(text(f"{others} AND datname = current_database()"))
        server.dispose()
        assert one.holds()
        assert one.look(engine) == 0


def test_a_worker_without_the_database_stops_before_others_may_take_over(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Event()
    with present(url, "a") as one:
        monkeypatch.setattr(Presence, "holds", lambda _: False)
        begun = time.monotonic()
        stay_present(one, Begun(), Event(), lost.set)
    assert lost.is_set()
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("how", list(Cut))
def test_a_worker_whose_database_gives_no_answer_stops_however_it_is_cut(
    url: str, how: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEAD_SECONDS", 3)
    lost = Event()
    with CutProxy(socket_of(url)) as proxy, present(by_tcp(url, proxy.port), "a") as one:
        staying = Thread(target=stay_present, args=(one, Begun(), Event(), lost.set), daemon=True)
        staying.start()
        assert not lost.wait(2)
        proxy.cut(how)
        assert lost.wait(20)
        proxy.heal()
        staying.join(10)
