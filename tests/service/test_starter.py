"""The starter beside another service: what that one queues is not withdrawn."""

from collections.abc import Sequence
from datetime import datetime
from threading import Event, Thread
from typing import cast

import pytest

from remediate.alerts.policy import PolicyMode
from remediate.alerts.store import AlertStore, HeldDecision
from remediate.journal.run_id import new_run_id
from remediate.service import starter
from remediate.service.engine import RunEngine
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_follow import IncidentFollower
from remediate.service.proposal_notices import ProposalNotices
from remediate.service.request import DurableRun, DurableState, RunRequest
from remediate.service.starter import Starter, StarterLoop
from support.clock import until
from support.durable import ToyFleet, request
from support.toy_incidents import NOON


class Shared:
    """An engine and a store that another service uses, too. It decides and queues just after the store was read."""

    def __init__(self) -> None:
        self.decided: list[HeldDecision] = []
        self.queued: list[DurableRun] = []
        self.started: list[str] = []
        self.broken: str | None = None
        self.withdrawn: list[str] = []

    def held(self, since: datetime) -> tuple[HeldDecision, ...]:
        seen = tuple(self.decided)
        self.queue(decided=True)
        return seen

    def declared(self, held: Sequence[HeldDecision]) -> dict[str, str]:
        return {}

    def follow(self) -> None:
        """There is no incident."""

    def queue(self, *, decided: bool) -> str:
        run = new_run_id()
        if decided:
            self.decided.append(HeldDecision(run, PolicyMode.AUTO, "toy-down", "toy0", "toy-down", "it matches", NOON))
        asked = request("toy0", requested_by="alert:toy-down")
        self.queued.append(DurableRun(id=run, state=DurableState.QUEUED, request=asked))
        return run

    def start(self, request: RunRequest, run: str) -> bool:
        if run == self.broken:
            raise ValueError("a bug")
        self.started.append(run)
        return False

    def waiting(self) -> tuple[DurableRun, ...]:
        return tuple(self.queued)

    def withdraw(self, run: str) -> bool:
        self.withdrawn.append(run)
        return True


def starter_of(toys: ToyFleet, shared: Shared) -> Starter:
    notices = ProposalNotices(toys.project, public=None)
    incidents, follower = cast("IncidentDesk", shared), cast("IncidentFollower", shared)
    return Starter(toys.project, cast("AlertStore", shared), cast("RunEngine", shared), notices, incidents, follower)


def test_what_another_service_queues_meanwhile_is_not_withdrawn(toys: ToyFleet) -> None:
    shared = Shared()
    starts = starter_of(toys, shared)
    over = [shared.queue(decided=False) for _ in range(150)]
    starts.start()
    starts.start()
    assert set(shared.withdrawn) == set(over)


def test_a_decision_that_cannot_be_started_keeps_no_other_from_its_start(
    toys: ToyFleet, caplog: pytest.LogCaptureFixture
) -> None:
    shared = Shared()
    shared.broken = shared.queue(decided=True)
    others = [shared.queue(decided=True) for _ in range(3)]
    starter_of(toys, shared).start()
    assert shared.started == others
    assert f"decision {shared.broken} cannot be queued; it is tried again in 5 s: ValueError" in caplog.text


def test_a_bug_ends_the_starts_for_nobody_and_is_known_to_the_health(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, wake, stop = Shared(), Event(), Event()
    works = shared.held
    monkeypatch.setattr(starter, "_EVERY", 0.01)
    monkeypatch.setattr(shared, "held", None)  # Not to be called: a bug.
    loop = StarterLoop(starter_of(toys, shared), wake, stop)
    thread = Thread(target=loop.run)
    thread.start()
    try:
        until(lambda: loop.stuck)
        run = shared.queue(decided=True)
        monkeypatch.setattr(shared, "held", works)
        until(lambda: run in shared.started and not loop.stuck)
    finally:
        stop.set()
        thread.join()
