"""Sends queued messages of incidents, logs what is overdue, and sends or proposes updates."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Final

from remediate.errors import RemediateError
from remediate.incident.clock import Due, DueKind, due, named
from remediate.incident.delivery import deliver_due
from remediate.incident.notifier import Notifier
from remediate.incident.record import Incident
from remediate.incident.settings import incident_settings
from remediate.incident.store import IncidentStore
from remediate.journal.pause import KillSwitch
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.service.incident_messages import IncidentMessages
from remediate.service.tries import Tries

_LOG: Final = logging.getLogger(__name__)


class IncidentClock:
    """The clocks of a project's open incidents: updates, claims, escalations, and messages that are tried again.

    What is overdue is logged once and counted in the metrics. It is not recorded as announced, so `incident.watch`
    still shows it to a person. Of incidents that the service follows, the updates are proposed, or sent where a rule
    says so.
    """

    def __init__(self, project: Project, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Read the settings. Raises ConfigurationError, so that a mistake shows at the start."""
        self._project = project
        self._settings = incident_settings(project.root)
        self._now = now
        self._switch = KillSwitch(run_limits(project.root).pause_file)
        self._lock = Lock()
        self._tries = Tries()
        self._said: frozenset[tuple[str, str]] = frozenset()

    def overdue(self) -> Mapping[DueKind, int]:
        """Return the number of overdue actions of open incidents, by kind. Raises JournalError."""
        with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
            return Counter(one.kind for _, one in self._late(store))

    def look(self) -> None:
        """Send what is due in the outbox, and look at the clocks. An error is logged; the next look tries again."""
        with self._lock:
            try:
                with IncidentStore.open(self._project.journal(), project=self._project.identity()) as store:
                    notifier = Notifier.of(self._settings, store, root=self._project.root, screen=None)
                    send = partial(deliver_due, store, notifier=notifier)
                    self._tries.attempt("outbox", send, "queued messages are not sent")
                    late = self._late(store)
                    self._tell(late)
                    if self._switch.read() is None:
                        self._say(IncidentMessages(store, notifier, self._now()), store, late)
            except RemediateError as error:
                _LOG.warning("incidents cannot be looked at: %s", error)

    def _say(self, messages: IncidentMessages, store: IncidentStore, late: Sequence[tuple[Incident, Due]]) -> None:
        for incident in store.open_incidents():
            if incident.followed:
                declare = partial(messages.declaration, incident)
                self._tries.attempt(f"declare {incident.id}", declare, f"nobody is notified of incident {incident.id}")
        for incident, one in late:
            if incident.followed and one.kind is DueKind.UPDATE:
                update = partial(messages.update, incident, one)
                self._tries.attempt(f"update {incident.id}", update, f"incident {incident.id} has no update")

    def _late(self, store: IncidentStore) -> tuple[tuple[Incident, Due], ...]:
        now, late = self._now(), []
        for incident in store.open_incidents():
            ask = partial(due, incident, self._settings, now)
            found = self._tries.attempt(f"due {incident.id}", ask, f"the clocks of incident {incident.id} are not read")
            late += [(incident, one) for one in found or () if one.over(now)]
        return tuple(late)

    def _tell(self, late: Sequence[tuple[Incident, Due]]) -> None:
        for incident, one in late:
            if (incident.id, one.key) not in self._said:
                what = named(one, self._settings)
                _LOG.warning("%s %s: overdue: %s (%s)", incident.severity.value, incident.id, what, one.why)
        self._said = frozenset((incident.id, one.key) for incident, one in late)
