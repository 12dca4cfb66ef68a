"""Starts what the policy decided for `auto`: each decision once, also after a crash between the two."""

import logging
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

from remediate.alerts.store import AlertStore, AutomaticStart
from remediate.errors import ConfigurationError, RemediateError
from remediate.project.project import Project
from remediate.service.engine import RunEngine
from remediate.service.request import RunRequest, priority

_SINCE: Final = timedelta(hours=24)
"""The age up to which a decision is started whose alert still burns. An older one is for a person."""
REQUESTED_BY: Final = "alert:"
_EVERY: Final = 30.0
_LOG: Final = logging.getLogger(__name__)


class Starter:
    """Decisions become durable runs under the same id, so that none is started twice and none is lost."""

    def __init__(self, project: Project, store: AlertStore, engine: RunEngine) -> None:
        self._project = project
        self._store = store
        self._engine = engine

    def start(self) -> int:
        """Start every decision that holds and is not started yet. Returns how many. Raises JournalError.

        What waits although its alert is over is withdrawn.
        """
        # Before the decisions: what another service decides and queues meanwhile would not be among them.
        queued = self._engine.waiting()
        wanted = self._store.automatic(datetime.now(UTC) - _SINCE)
        started = sum(self._engine.start(self._request(each), each.id) for each in wanted)
        holds = {each.id for each in wanted}
        for run in queued:
            if run.request.requested_by.startswith(REQUESTED_BY) and run.id not in holds:
                self._engine.withdraw(run.id)
        return started

    def _request(self, decided: AutomaticStart) -> RunRequest:
        try:
            severity = self._project.load(decided.playbook).severity
        except ConfigurationError:  # The run itself will say so.
            severity = None
        return RunRequest(
            playbook=decided.playbook,
            host=decided.host,
            requested_by=f"{REQUESTED_BY}{decided.rule}",
            reason=decided.reason[:500],
            priority=priority(severity),
        )


def keep_starting(starter: Starter, wake: Event, stop: Event) -> None:
    """Start what is decided whenever woken, and twice a minute, until told to stop. Errors are logged and tried again.

    A decision that was recorded just before a crash is found here, too.
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
