"""When workers are asked to make room for new ones, and when not."""

from itertools import product

import pytest

from remediate.errors import Unreadable
from remediate.host import Host, Settings, SshTarget
from remediate.probe import Fact, Probe
from remediate.probes.descendants import Descendants
from remediate.probes.supervisor import Workers
from remediate.programs.processes import end_processes
from remediate.remedies.workers import RestartWorkers, renew_workers, renewing, start_program
from remediate.remedy import NotYet, Proven
from remediate.survey import Facts
from remediate.testing import examples as ex
from remediate.testing import output_of
from toys import decide

PATH = "/home/forge/agency-platform"
RENEW = RestartWorkers(program="agency-worker", path=PATH, patience=7)
PROCESSES = Descendants(path=PATH, user="forge", unit="supervisor")
WORKERS = Workers(program="agency-worker")
LOST = Unreadable("not now")
RUN = ex.workers("RUNNING", "RUNNING", pid=101)
AGAIN = ex.workers("RUNNING", "RUNNING", pid=201)
Known = dict[Probe[Fact], Fact | Unreadable]

FRESH = {
    "none": ex.descendants(),
    "fresh": ex.descendants((101, False), (102, False)),
    "no worker": ex.descendants((101, True), program="schedule:run"),
}
STALE = {"one": ex.descendants((101, True), (102, False)), "both": ex.descendants((101, True), (102, True))}
SUPERVISED: dict[str, Fact | Unreadable] = {"running": RUN, "down": ex.NO_DAEMON, "unknown": LOST}


@pytest.mark.parametrize(("processes", "supervised"), list(product({**FRESH, **STALE}, SUPERVISED)))
def test_only_workers_with_an_old_configuration_are_asked(processes: str, supervised: str) -> None:
    expected = {"running": "proceed", "down": "wait", "unknown": "unreadable"}[supervised]
    given: Known = {
        PROCESSES: {**FRESH, **STALE}[processes],
        WORKERS: SUPERVISED[supervised],
    }
    assert decide(RENEW, given) == ("skip" if processes in FRESH else expected)
    assert decide(RENEW, {**given, PROCESSES: LOST}) == "unreadable"


def test_only_the_old_ones_are_ended_and_what_does_not_come_back_is_started() -> None:
    facts = Facts({PROCESSES: STALE["one"], WORKERS: RUN})
    assert list(RENEW.apply(facts)) == [
        end_processes(("101:1010",), "forge", 7, left="leave"),
        start_program("agency-worker"),
    ]
    assert list(renew_workers((), "forge", "agency-worker", 7)) == []
    assert renewing("forge", None, 7) == (end_processes((), "forge", 7, left="leave"),)


def test_what_somebody_has_stopped_is_not_started() -> None:
    parked = ex.workers("RUNNING", "STOPPED", pid=101)
    before: Known = {PROCESSES: STALE["one"], WORKERS: parked}
    assert decide(RENEW, before) == "proceed"
    assert list(RENEW.apply(Facts(before))) == [end_processes(("101:1010",), "forge", 7, left="leave")]

    def facts(known: Known) -> Facts:
        return Facts(known, {probe: output_of(probe, fact) for probe, fact in known.items() if isinstance(fact, Fact)})

    after: Known = {PROCESSES: FRESH["fresh"]}
    came_back = facts({**after, WORKERS: ex.workers("RUNNING", "STOPPED", pid=201)})
    assert isinstance(RENEW.verify(facts(before), came_back), Proven)
    for left in (("EXITED", "STOPPED"), ("STOPPED", "STOPPED"), ("EXITED", "RUNNING")):
        assert isinstance(RENEW.verify(facts(before), facts({**after, WORKERS: ex.workers(*left)})), NotYet)


def test_a_worker_that_does_not_come_back_is_no_success() -> None:
    def facts(processes: str, state: Fact) -> Facts:
        known: Known = {PROCESSES: {**FRESH, **STALE}[processes], WORKERS: state}
        return Facts(known, {probe: output_of(probe, fact) for probe, fact in known.items() if isinstance(fact, Fact)})

    proof = RENEW.verify(facts("both", RUN), facts("none", ex.workers("RUNNING", "STARTING")))
    assert isinstance(proof, NotYet)
    assert "STARTING" in proof.reason


def test_the_inventory_fills_it() -> None:
    settings = Settings.model_validate({"app_path": PATH, "app_user": "www", "worker_program": "jobs"})
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
    assert RestartWorkers.on(host) == RestartWorkers(program="jobs", path=PATH, user="www")


EXAMPLES = {
    "worker.restart": (
        RENEW,
        {PROCESSES: STALE["both"], WORKERS: RUN},
        {PROCESSES: ex.descendants((201, False), (202, False)), WORKERS: AGAIN},
        tuple(
            {PROCESSES: processes, WORKERS: state}
            for processes, state in product(({**FRESH, **STALE}).values(), SUPERVISED.values())
        ),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
