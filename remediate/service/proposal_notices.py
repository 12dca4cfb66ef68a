"""Tells people of plans that wait for their approval, through the outbox of incidents."""

import logging
from collections.abc import Sequence
from typing import Final

from remediate.approvals.proposal import Proposal
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError, RemediateError
from remediate.incident.notifier import Notifier
from remediate.incident.proposals import announce_proposal
from remediate.incident.settings import incident_settings
from remediate.incident.store import IncidentStore
from remediate.project.project import Project

MOST: Final = 10
"""Waiting plans that people are notified of. More, in an outage of many hosts, would bury every other message."""
_LOG: Final = logging.getLogger(__name__)


class ProposalNotices:
    """Queues one message for each proposal. The clock of incidents sends what is queued."""

    def __init__(self, project: Project, *, public: str | None) -> None:
        """Read the settings. Raises ConfigurationError, so that a mistake shows at the start."""
        self._project = project
        self._public = public
        self._settings = incident_settings(project.root)
        self._told: frozenset[str] = frozenset()

    def tell(self, waiting: Sequence[Proposal]) -> None:
        """Notify people of new proposals, the oldest first.

        While `MOST` of them wait, nobody is notified of more. An error is logged; the next call tries again.
        """
        told = self._told & {proposal.id for proposal in waiting}
        new = [proposal for proposal in waiting if proposal.id not in told][: MOST - len(told)]
        if new:
            try:
                with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
                    notifier = Notifier.of(self._settings, store, root=self._project.root, screen=None)
                    for proposal in new:
                        severity, last = self._severity(proposal), len(told) + 1 == MOST
                        announce_proposal(notifier, proposal, severity, public=self._public, last=last)
                        told |= {proposal.id}
            except RemediateError as error:
                _LOG.warning("nobody is notified of a plan that waits for approval: %s", error)
        self._told = told

    def _severity(self, proposal: Proposal) -> Severity:
        try:
            known = self._project.load(proposal.playbook).severity
        except ConfigurationError:
            known = None
        return known or Severity.SEV3  # A single remedy has none.
