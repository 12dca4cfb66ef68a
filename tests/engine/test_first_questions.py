"""The first questions are asked while the journal opens. Nothing acts before it is open."""

from threading import Event
from time import sleep
from typing import Any

import pytest

from remediate.core.host import Host
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

    def slow(recorder: JournalRecorder, record: Any) -> None:
        assert fleet.first.wait(_PATIENCE)
        acted.extend(fleet.acted)
        begin(recorder, record)

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

    def newer(_: JournalRecorder, __: object) -> None:
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

    def slow(recorder: JournalRecorder, record: Any) -> None:
        assert fleet.first.wait(_PATIENCE)
        while not fleet.sessions["web1"].execs:
            sleep(0.01)
        clock[0] += seconds
        begin(recorder, record)

    monkeypatch.setattr(JournalRecorder, "begin", slow)
    before = list[int]()
    fleet.at_act = lambda _: before.append(fleet.sessions["web1"].execs)
    assert fleet.run().hosts[0].verdict.value == "fixed"
    assert before == [surveys]


def test_more_hosts_than_forks_are_asked_in_turn() -> None:
    fleet = ScriptedFleet(5, well=("web1", "web2", "web3", "web4", "web5"))
    report = fleet.run(forks=2)
    assert [host.verdict.value for host in report.hosts] == ["healthy"] * 5
    assert fleet.most_open <= 2
