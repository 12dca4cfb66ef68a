"""Rolling changes: what begins when, and what a failure stops."""

from threading import Barrier, Event

import pytest

from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.errors import ConfigurationError
from remediate.transport.session import Session
from support.fleets import FPM_WELL, ScriptedFleet, ends
from support.outcomes import problem
from support.scripted import printed

pytestmark = pytest.mark.usefixtures("hurry")

LEFT = "refused earlier-host-failed"


def test_one_after_the_other_unless_stated_otherwise() -> None:
    fleet = ScriptedFleet(4)
    report = fleet.run()
    assert (report.verdict, fleet.acted) == (RunVerdict.FIXED, fleet.names)


def test_a_failure_leaves_the_rest_alone() -> None:
    fleet = ScriptedFleet(4, broken=("web2",))
    report = fleet.run()
    assert ends(report) == ["fixed", "not_fixed not-verified", LEFT, LEFT]
    assert (fleet.acted, report.exit_code) == (["web1", "web2"], 6)
    left = report.hosts[2]
    assert (left.touched, left.steps[0].decision.value) == (Touched.NO, "proceed")
    assert problem(left).message == "web2 came out not_fixed"


def test_a_batch_is_changed_at_once_after_the_first_host_is_fixed() -> None:
    fleet, together = ScriptedFleet(4), Barrier(3, timeout=30)

    def act(name: str) -> None:
        if name != "web1":
            assert fleet.acted[0] == "web1"
            together.wait()  # passes only if all three are acting

    fleet.at_act = act
    report = fleet.run(serial="1,3")
    assert report.verdict is RunVerdict.FIXED
    assert not together.broken


@pytest.mark.parametrize(
    ("broken", "most", "acted"),
    [
        (("web1",), "100%", ["web1"]),  # the first batch has to be fixed, whatever may fail later
        (("web2",), "0", ["web1", "web2", "web3"]),  # the batch goes on to its end
        (("web2",), "1", ["web1", "web2", "web3", "web4", "web5"]),
        (("web2", "web3"), "1", ["web1", "web2", "web3"]),
        (("web2",), "20%", ["web1", "web2", "web3", "web4", "web5"]),
        (("web2",), "19%", ["web1", "web2", "web3"]),
    ],
)
def test_as_many_may_fail_as_was_said(broken: tuple[str, ...], most: str, acted: list[str]) -> None:
    fleet, pair = ScriptedFleet(5, broken=broken), Barrier(2, timeout=30)

    def act(name: str) -> None:
        if name != "web1":
            pair.wait()  # both of a batch have begun

    fleet.at_act = act
    report = fleet.run(serial="1,2", max_fail=most)
    assert sorted(fleet.acted) == acted
    for host in report.hosts:
        expected = "not_fixed" if host.name in broken else "fixed"
        assert host.verdict.value == (expected if host.name in acted else "refused")


def test_hosts_that_need_nothing_are_not_counted() -> None:
    fleet = ScriptedFleet(6, well=("web1", "web2", "web4", "web5"), broken=("web6",))
    report = fleet.run(serial="50%", max_fail="50%", max_hosts=2)
    assert ends(report) == ["healthy", "healthy", "fixed", "healthy", "healthy", "not_fixed not-verified"]


def test_what_is_left_of_a_batch_is_not_begun_after_a_failure() -> None:
    fleet = ScriptedFleet(3, broken=("web1",))
    assert ends(fleet.run(serial="3", forks=1)) == ["not_fixed not-verified", LEFT, LEFT]


def test_a_first_batch_that_others_fixed_proves_nothing() -> None:
    fleet = ScriptedFleet(4)

    def act(name: str) -> None:
        if name == "web1":
            fleet.sessions[name]._change(printed(FPM_WELL))
        if name == "web2":
            assert fleet.acted == ["web1", "web2"]  # alone, as the first that is really changed

    fleet.at_act = act
    report = fleet.run(serial="1,3")
    assert ends(report) == ["healthy", "fixed", "fixed", "fixed"]
    assert [len(session.ran) > 0 for session in fleet.sessions.values()] == [False, True, True, True]


def test_a_first_batch_that_is_fixed_in_part_proves_nothing_whatever_may_fail() -> None:
    fleet, pair = ScriptedFleet(4, broken=("web2",)), Barrier(2, timeout=30)

    def act(_: str) -> None:
        pair.wait()  # both of the batch have begun

    fleet.at_act = act
    assert ends(fleet.run(serial="2", max_fail="100%")) == ["fixed", "not_fixed not-verified", LEFT, LEFT]
    assert sorted(fleet.acted) == ["web1", "web2"]


def test_ctrl_c_begins_no_further_batch() -> None:
    fleet, stop = ScriptedFleet(3), Event()
    fleet.at_act = lambda _: stop.set()
    report = fleet.run(stop=stop)
    assert (report.verdict, report.exit_code) == (RunVerdict.INTERRUPTED, 130)
    assert fleet.acted == ["web1"]
    assert [host.touched for host in report.hosts[1:]] == [Touched.NO, Touched.NO]
    assert ends(report)[1:] == ["interrupted", "interrupted"]


def test_ctrl_c_while_looking_connects_to_no_further_host() -> None:
    stop = Event()
    stop.set()
    fleet = ScriptedFleet(3)
    assert ends(fleet.run(stop=stop)) == ["interrupted"] * 3
    assert fleet.connected == []


def test_the_hold_of_the_first_batch_is_over_before_the_next_begins() -> None:
    fleet = ScriptedFleet(2)
    held: list[int] = []
    fleet.at_act = lambda name: held.append(fleet.sessions["web1"].surveys) if name == "web2" else None
    fleet.run(hold=0.1)
    assert held[0] >= 6


def test_only_so_many_connections_stay_open_for_hosts_that_wait() -> None:
    fleet = ScriptedFleet(9)
    report = fleet.run(forks=2)
    assert report.verdict is RunVerdict.FIXED
    # Two are asked at a time, and two that were asked first keep theirs.
    assert fleet.most_open <= 4
    assert sorted(fleet.connected.count(name) for name in fleet.names) == [1, 1, *[2] * 7]
    assert fleet.open == set()


def test_a_host_that_is_gone_when_its_turn_comes_is_unreachable() -> None:
    fleet = ScriptedFleet(3)
    fleet.at_act = lambda _: fleet.gone.add("web3")
    report = fleet.run(forks=1)
    assert ends(report) == ["fixed", "fixed", "unreachable connection-refused"]
    assert report.hosts[2].touched is Touched.NO


def test_a_setting_that_breaks_after_a_change_does_not_hide_the_change() -> None:
    fleet = ScriptedFleet(3)
    connect = fleet.connect

    def connecting(host: Host) -> Session:
        if fleet.acted and host.name == "web3":
            raise ConfigurationError("the ssh configuration cannot be used")
        return connect(host)

    fleet.connect = connecting  # type: ignore[method-assign]
    report = fleet.run(forks=1)
    assert ends(report) == ["fixed", "fixed", "unreachable network-error"]
    assert (report.error, report.touched) == (None, Touched.YES)
    assert problem(report.hosts[2]).message.endswith("again: the ssh configuration cannot be used")


def test_waiting_for_its_turn_costs_a_host_none_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, clock = ScriptedFleet(3), [0.0]
    for module in ("host_runner", "open_host"):
        monkeypatch.setattr(f"remediate.engine.{module}.monotonic", lambda: clock[0])

    def slow(_: str) -> None:
        clock[0] += 800

    fleet.at_act = slow
    assert ends(fleet.run(timeout=900)) == ["fixed"] * 3
