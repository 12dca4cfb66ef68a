"""The starter beside another service: what that one queues is not withdrawn."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from remediate.alerts.policy import PolicyMode
from remediate.alerts.store import AlertStore, HeldDecision
from remediate.journal.run_id import new_run_id
from remediate.service.engine import RunEngine
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_follow import IncidentFollower
from remediate.service.proposal_notices import ProposalNotices
from remediate.service.request import DurableRun, DurableState, RunRequest
from remediate.service.starter import Starter
from support.durable import ToyFleet, request
from support.toy_incidents import NOON


class Shared:
    """An engine and a store that another service uses, too. It decides and queues just after the store was read."""

    def __init__(self) -> None:
        self.decided: list[HeldDecision] = []
        self.queued: list[DurableRun] = []
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
        return False

    def waiting(self) -> tuple[DurableRun, ...]:
        return tuple(self.queued)

    def withdraw(self, run: str) -> bool:
        self.withdrawn.append(run)
        return True


def test_what_another_service_queues_meanwhile_is_not_withdrawn(toys: ToyFleet) -> None:
    shared = Shared()
    notices = ProposalNotices(toys.project, public=None)
    incidents, follower = cast("IncidentDesk", shared), cast("IncidentFollower", shared)
    store, engine = cast("AlertStore", shared), cast("RunEngine", shared)
    starter = Starter(toys.project, store, engine, notices, incidents, follower)
    over = [shared.queue(decided=False) for _ in range(150)]
    starter.start()
    starter.start()
    assert set(shared.withdrawn) == set(over)
