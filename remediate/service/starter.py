"""Starts what the policy decided, and plans that persons approved: each once, also after a crash in between."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Final

from remediate.alerts.policy import TRIAGE, PolicyMode
from remediate.alerts.store import AlertStore, HeldDecision
from remediate.approvals.approvals import Approvals
from remediate.approvals.proposal import Proposal, ProposalState
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from remediate.service.engine import RunEngine
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_follow import IncidentFollower
from remediate.service.proposal_notices import ProposalNotices
from remediate.service.request import RunRequest, priority
from remediate.service.tries import Tries, why_failed

_SINCE: Final = timedelta(hours=24)
"""The age up to which a decision is started, if its alert still fires. A person decides about an older one."""
REQUESTED_BY: Final = "alert:"
_EVERY: Final = 5.0
_STUCK: Final = 3
"""Failures in a row after which the service does not count as well."""
_LOG: Final = logging.getLogger(__name__)


class Starter:
    """Decisions become durable runs under the same id, so that none is started twice and none is lost.

    Where a rule says so, they become incidents before, and the runs belong to them. A proposal becomes a run that only
    looks, and stores its plan for approval. Once that is approved, the run of the plan has the proposal's id.
    """

    def __init__(
        self,
        project: Project,
        store: AlertStore,
        engine: RunEngine,
        notices: ProposalNotices,
        incidents: IncidentDesk,
        follower: IncidentFollower,
    ) -> None:
        self._project = project
        self._notices = notices
        self._store = store
        self._engine = engine
        self._incidents = incidents
        self._follower = follower
        self._tries = Tries()

    def start(self) -> int:
        """Start what is decided or approved, and not started yet. Returns how many. Raises RemediateError.

        Runs that wait although their alert is over are withdrawn. Then the timers of incidents are set. A failure is
        logged and retried later, and does not stop the other starts.
        """
        # Read before the decisions: otherwise a run that another service queues in between would be withdrawn.
        queued = self._engine.waiting()
        held = self._store.held(datetime.now(UTC) - _SINCE)
        incidents = self._incidents.declared(held)
        runs = [each for each in held if each.action != TRIAGE]
        started = sum(self._started(each, incidents.get(each.id)) for each in runs)
        wanted = {each.id for each in runs}
        for run in queued:
            mine = run.request.requested_by.startswith(REQUESTED_BY) and run.request.approved is None
            if mine and run.id not in wanted:
                withdraw = partial(self._engine.withdraw, run.id)
                self._tries.attempt(f"withdraw {run.id}", withdraw, f"run {run.id} cannot be withdrawn")
        approved = partial(self._approved, runs, incidents)
        started += self._tries.attempt("approved", approved, "what is approved cannot be queued") or 0
        self._tries.attempt("follow", self._follower.follow, "incidents cannot be followed")
        return started

    def _started(self, decided: HeldDecision, incident: str | None) -> bool:
        def start() -> bool:
            return self._engine.start(self._request(decided, incident), decided.id)

        return self._tries.attempt(decided.id, start, f"decision {decided.id} cannot be queued") or False

    def _approved(self, held: Sequence[HeldDecision], incidents: Mapping[str, str]) -> int:
        """Start each approved plan whose alert still fires. The run verifies the approval again, and spends it.

        People are notified of the plans that still wait. Returns how many were started.
        """
        approvals = Approvals.of(self._project, url=self._project.journal())
        found = ((proposal, _decision(proposal, held)) for proposal in approvals.waiting())
        if not (waiting := [(proposal, decision) for proposal, decision in found if decision is not None]):
            return 0
        started = 0
        now = approvals.now()
        for proposal, decision in waiting:
            if proposal.state(now) is not ProposalState.APPROVED:
                continue
            if (looked := self._engine.find(decision)) is not None:
                incident = incidents.get(decision, looked.request.incident)
                update = {"plan": False, "approved": proposal.hash, "incident": incident}
                start = partial(self._engine.start, looked.request.model_copy(update=update), proposal.id)
                started += self._tries.attempt(proposal.id, start, f"plan {proposal.id} cannot be queued") or False
        if approvals.signers.exists:  # Without the list of approvers nobody could approve.
            self._notices.tell([each for each, _ in waiting if each.state(now) is ProposalState.PROPOSED])
        return started

    def _request(self, decided: HeldDecision, incident: str | None) -> RunRequest:
        try:
            severity = self._project.load(decided.action).severity
        except ConfigurationError:  # The run itself will say so.
            severity = None
        return RunRequest(
            playbook=decided.action,
            host=decided.host,
            plan=decided.mode is PolicyMode.PROPOSE,
            incident=incident,
            requested_by=f"{REQUESTED_BY}{decided.rule}",
            reason=decided.reason[:500],
            priority=priority(severity),
        )


def _decision(proposal: Proposal, held: Sequence[HeldDecision]) -> str | None:
    """Return the newest decision that led to this proposal, None if there is none.

    Its run need not be that decision's look: a person who asks for the same plan renews the proposal.
    """
    asked = {requester.name for requester in proposal.requesters}
    for each in reversed(held):
        of_it = (proposal.playbook, proposal.hosts) == (each.action, (each.host,))
        if proposal.run == each.id or (of_it and f"{REQUESTED_BY}{each.rule}" in asked):
            return each.id
    return None


class StarterLoop:
    """Starts what is decided or approved, whenever woken and every five seconds, until told to stop."""

    def __init__(self, starter: Starter, wake: Event, stop: Event) -> None:
        self._starter = starter
        self._wake = wake
        self._stop = stop
        self._failed = 0

    @property
    def stuck(self) -> bool:
        """Return whether it failed several times in a row, with everything."""
        return self._failed >= _STUCK

    def run(self) -> None:
        """Start what is due, again and again, until told to stop. Any error is logged.

        A decision that was recorded just before a crash is found here, too.
        """
        while not self._stop.is_set():
            self._wake.clear()
            why = why_failed("decided runs cannot be queued, which is tried again", self._start)
            self._failed = 0 if why is None else self._failed + 1
            self._wake.wait(_EVERY)

    def _start(self) -> None:
        if (number := self._starter.start()) > 0:
            _LOG.info("%d runs were queued", number)
