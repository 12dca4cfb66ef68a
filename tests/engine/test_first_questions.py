"""The first questions are asked while the journal opens. Nothing acts before it is open."""

from concurrent.futures import wait
from threading import Event
from time import sleep
from typing import Any

import pytest
from typing_extensions import override

from remediate.core.host import Host
from remediate.core.outcome import HostOutcome, Reading, Report
from remediate.engine.host_pool import HostPool
from remediate.engine.reporter import NullReporter
from remediate.engine.run_recorder import JournalRecorder
from remediate.errors import ConfigurationError
from remediate.transport.session import Session
from support.fleets import ScriptedFleet

_PATIENCE = 30.0


class Asked(ScriptedFleet):
    """A fleet that tells when its first host is connected to, and which hosts have acted by then."""

    def __init__(self, count: int, **given: Any) -> None:
        super().__init__(count, **given)
        self.first = Event()

    def connect(self, host: Host) -> Session:
        session = super().connect(host)
        self.first.set()
        return session


def test_hosts_are_asked_while_the_journal_opens_and_act_when_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, begin, acted = Asked(2), JournalRecorder.begin, list[str]()

    def slow(recorder: JournalRecorder, record: Any, **spool: bool) -> None:
        assert fleet.first.wait(_PATIENCE)
        acted.extend(fleet.acted)
        begin(recorder, record, **spool)

    monkeypatch.setattr(JournalRecorder, "begin", slow)
    report = fleet.run()
    assert [host.verdict.value for host in report.hosts] == ["fixed", "fixed"]
    assert acted == []
    assert fleet.open == set()


def test_a_journal_that_cannot_be_used_ends_the_run_and_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, closed = Asked(1), Event()
    leave = fleet.closed

    def noted(name: str) -> None:
        leave(name)
        closed.set()

    def newer(_: JournalRecorder, __: object, **___: bool) -> None:
        assert fleet.first.wait(_PATIENCE)
        raise ConfigurationError("the journal was written by a newer version")

    monkeypatch.setattr(fleet, "closed", noted)
    monkeypatch.setattr(JournalRecorder, "begin", newer)
    with pytest.raises(ConfigurationError, match="newer version"):
        fleet.run()
    assert closed.wait(_PATIENCE)
    assert (fleet.open, fleet.acted) == (set(), [])


@pytest.mark.parametrize(("seconds", "surveys"), [(0, 1), (20, 2)])
def test_answers_that_waited_for_the_journal_are_old_when_they_are_acted_on(
    seconds: float, surveys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, begin, clock = Asked(1), JournalRecorder.begin, [0.0]
    for module in ("host_runner", "open_host"):
        monkeypatch.setattr(f"remediate.engine.{module}.monotonic", lambda: clock[0])

    def slow(recorder: JournalRecorder, record: Any, **spool: bool) -> None:
        assert fleet.first.wait(_PATIENCE)
        while not fleet.sessions["web1"].execs:
            sleep(0.01)
        clock[0] += seconds
        begin(recorder, record, **spool)

    monkeypatch.setattr(JournalRecorder, "begin", slow)
    before = list[int]()
    fleet.at_act = lambda _: before.append(fleet.sessions["web1"].execs)
    assert fleet.run().hosts[0].verdict.value == "fixed"
    assert before == [surveys]


@pytest.mark.parametrize(("seconds", "surveys"), [(0, 1), (20, 2)])
def test_answers_that_waited_for_the_journal_call_no_host_healthy(
    seconds: float, surveys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, begin, ask, clock, pools = Asked(1, well=("web1",)), JournalRecorder.begin, HostPool.ask, [0.0], list[Any]()
    monkeypatch.setattr("remediate.engine.host_pool.monotonic", lambda: clock[0])

    def kept(pool: HostPool) -> None:
        ask(pool)
        pools.append(pool)

    def slow(recorder: JournalRecorder, record: Any, **spool: bool) -> None:
        wait(pools[0]._asked.values())
        clock[0] += seconds
        begin(recorder, record, **spool)

    monkeypatch.setattr(HostPool, "ask", kept)
    monkeypatch.setattr(JournalRecorder, "begin", slow)
    assert fleet.run().hosts[0].verdict.value == "healthy"
    assert (fleet.sessions["web1"].execs, fleet.open) == (surveys, set())


class Narrator(NullReporter):
    """A reporter that keeps the order of what it is told, and waits where a test says so."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.surveying, self.failed, self.over = Event(), Event(), Event()

    @override
    def surveyed(self, host: Host, before: tuple[Reading, ...]) -> None:
        if host.name == "web2":
            self.surveying.set()
            assert self.failed.wait(_PATIENCE)
            sleep(0.2)  # The run has time to go on without this host.
        self.told.append(f"{host.name} surveyed")

    @override
    def finished(self, host: Host, outcome: HostOutcome) -> None:
        self.told.append(f"{host.name} {outcome.verdict.value}")

    @override
    def ended(self, report: Report) -> None:
        self.over.set()


def test_a_mistake_of_the_caller_ends_the_run_when_no_host_is_being_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, narrator = Asked(3), Narrator()
    connect = fleet.connect

    def mistaken(host: Host) -> Session:
        if host.name != "web1":
            return connect(host)
        assert narrator.surveying.wait(_PATIENCE)
        narrator.failed.set()
        raise ConfigurationError("web1: several PHPs may be the site's")

    monkeypatch.setattr(fleet, "connect", mistaken)
    report = fleet.run(reporter=narrator, plan=True)
    assert (report.exit_code, report.error is not None, report.plan_hash) == (2, True, None)
    assert "web2 surveyed" in narrator.told
    assert not [each for each in narrator.told if "refused" in each]
    assert fleet.open == set()


def test_an_interrupted_run_leaves_no_host_that_was_still_being_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, narrator, stop, closed = Asked(2), Narrator(), Event(), Event()
    connect, leave = fleet.connect, fleet.closed

    def slowly(host: Host) -> Session:
        if host.name == "web2":
            stop.set()
            assert narrator.over.wait(_PATIENCE)
        assert stop.wait(_PATIENCE)
        return connect(host)

    def noted(name: str) -> None:
        leave(name)
        if name == "web2":
            closed.set()

    monkeypatch.setattr(fleet, "connect", slowly)
    monkeypatch.setattr(fleet, "closed", noted)
    report = fleet.run(reporter=narrator, stop=stop)
    assert [host.verdict.value for host in report.hosts] == ["interrupted"] * 2
    assert closed.wait(_PATIENCE)
    assert (fleet.open, fleet.acted) == (set(), [])


def test_more_hosts_than_forks_are_asked_in_turn() -> None:
    fleet = ScriptedFleet(5, well=("web1", "web2", "web3", "web4", "web5"))
    report = fleet.run(forks=2)
    assert [host.verdict.value for host in report.hosts] == ["healthy"] * 5
    assert fleet.most_open <= 2
