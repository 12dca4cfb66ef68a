"""Starts what the policy decided, and plans that persons approved: each once, also after a crash in between."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

from remediate.alerts.policy import TRIAGE, PolicyMode
from remediate.alerts.store import AlertStore, HeldDecision
from remediate.approvals.approvals import Approvals
from remediate.approvals.proposal import Proposal, ProposalState
from remediate.errors import ConfigurationError, RemediateError
from remediate.project.project import Project
from remediate.service.engine import RunEngine
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_follow import IncidentFollower
from remediate.service.proposal_notices import ProposalNotices
from remediate.service.request import RunRequest, priority

_SINCE: Final = timedelta(hours=24)
"""The age up to which a decision is started whose alert still burns. An older one is for a person."""
REQUESTED_BY: Final = "alert:"
_EVERY: Final = 5.0
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

    def start(self) -> int:
        """Start what is decided or approved, and not started yet. Returns how many. Raises RemediateError.

        What waits although its alert is over is withdrawn. At last it sets the timers of incidents.
        """
        # Before the decisions: what another service decides and queues meanwhile would not be among them.
        queued = self._engine.waiting()
        held = self._store.held(datetime.now(UTC) - _SINCE)
        incidents = self._incidents.declared(held)
        runs = [each for each in held if each.action != TRIAGE]
        started = sum(self._engine.start(self._request(each, incidents.get(each.id)), each.id) for each in runs)
        wanted = {each.id for each in runs}
        for run in queued:
            mine = run.request.requested_by.startswith(REQUESTED_BY) and run.request.approved is None
            if mine and run.id not in wanted:
                self._engine.withdraw(run.id)
        started += sum(self._approved(runs, incidents))
        self._follower.follow()
        return started

    def _approved(self, held: Sequence[HeldDecision], incidents: Mapping[str, str]) -> Iterator[bool]:
        """Start each approved plan whose alert still burns. The run proves the approval again, and spends it.

        Of the others that wait, people are told.
        """
        approvals = Approvals.of(self._project, url=self._project.journal())
        found = ((proposal, _decision(proposal, held)) for proposal in approvals.waiting())
        if not (waiting := [(proposal, decision) for proposal, decision in found if decision is not None]):
            return
        now = approvals.now()
        for proposal, decision in waiting:
            if proposal.state(now) is not ProposalState.APPROVED:
                continue
            if (looked := self._engine.find(decision)) is not None:
                incident = incidents.get(decision, looked.request.incident)
                update = {"plan": False, "approved": proposal.hash, "incident": incident}
                yield self._engine.start(looked.request.model_copy(update=update), proposal.id)
        if approvals.signers.exists:  # Without the list nobody could approve.
            self._notices.tell([each for each, _ in waiting if each.state(now) is ProposalState.PROPOSED])

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


def keep_starting(starter: Starter, wake: Event, stop: Event) -> None:
    """Start what is decided or approved, whenever woken and every five seconds, until told to stop.

    Errors are logged and tried again. A decision that was recorded just before a crash is found here, too.
    """
    from sqlalchemy.exc import SQLAlchemyError

    while not stop.is_set():
        wake.clear()
        try:
            if (number := starter.start()) > 0:
                _LOG.info("%d runs were queued", number)
        except (RemediateError, SQLAlchemyError) as error:
            # Databases quote values in their messages.
            why = str(error) if isinstance(error, RemediateError) else type(error).__name__
            _LOG.error("what is decided cannot be queued: %s; it is tried again", why)
        wake.wait(_EVERY)
