"""Follows the incidents that the service declared: looks whether a fix holds, and resolves what is over.

What is to be done next follows from the record alone, so nothing is lost or done twice when a process dies.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Final, NamedTuple

from remediate.alerts.store import AlertStore
from remediate.approvals.approvals import Approvals
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict
from remediate.errors import ConfigurationError, JournalError, RemediateError
from remediate.incident.clock import REVIEWED, span
from remediate.incident.events import Confirmed, Noted, Resolved
from remediate.incident.notifier import Notifier
from remediate.incident.postmortem import mended_by
from remediate.incident.record import Incident
from remediate.incident.resolution import checks, confirmed, draft, review_at
from remediate.incident.run_events import RunLanded
from remediate.incident.settings import incident_settings
from remediate.incident.store import IncidentStore
from remediate.journal.incident_ids import RESOLVED
from remediate.journal.pause import KillSwitch
from remediate.masking.masker import strip_control
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.service.engine import RunEngine
from remediate.service.incident_messages import IncidentMessages
from remediate.service.incident_triage import author, author_of
from remediate.service.request import DurableState
from remediate.service.tries import Tries, why_failed
from remediate.transport.session import Session

LOOK: Final = "look again"
"""The name of the timers."""
_MOST_LOOKS: Final = 3
"""Looks in a row that may find an incident not over. Then a person decides when to look again."""
_NAMED, _NOTE = 10, 300
"""Doubts in one note, and characters of each host's name and reason in it."""
_BUSY_SECONDS, _PAUSED_SECONDS = 15.0, 60.0
_BUSY_AT_MOST: Final = timedelta(minutes=30)
"""The age up to which a run without an end counts as running. An older one has probably died."""
_LOG: Final = logging.getLogger(__name__)


class NextLook(NamedTuple):
    """The next look at the hosts of an incident."""

    key: str
    at: datetime


class IncidentFollower:
    """Looks at the hosts of followed incidents by the engine's timers. `stop` ends a look at its next step."""

    def __init__(
        self,
        project: Project,
        engine: RunEngine,
        every: timedelta,
        *,
        stop: Event,
        connect: Callable[[Host], Session] | None = None,
        options: Options | None = None,
    ) -> None:
        """Read the settings. Raises ConfigurationError, so that a mistake shows at the start."""
        self._project = project
        self._engine = engine
        self._every = every
        self._stop = stop
        self._connect = connect
        self._options = options or Options()
        self._settings = incident_settings(project.root)
        self._switch = KillSwitch(run_limits(project.root).pause_file)
        self._tries = Tries()

    def follow(self) -> None:
        """Note which alerts are over, and set the timer of each next look. What fails is logged and tried again."""
        try:
            with self._incidents() as store:
                followed = [each for each in store.open_incidents() if each.followed]
                if followed:
                    with self._alerts() as alerts:
                        for incident in followed:
                            follow = partial(self._follow, incident, store, alerts)
                            self._tries.attempt(incident.id, follow, f"incident {incident.id} is not followed")
        except RemediateError as error:
            _LOG.warning("incidents cannot be followed: %s", error)

    def _follow(self, incident: Incident, store: IncidentStore, alerts: AlertStore) -> None:
        for alert in incident.alerts:
            if (over := alerts.over([alert.decision])) is not None:
                ended = alert.model_copy(update={"state": "over"})
                store.append(incident.id, author(alert.rule), over, ended, once=f"alert-over:{alert.decision}")
        look = next_look(incident, alerts.over(_decisions(incident)), self._every)
        if look is not None:
            seconds = (look.at - datetime.now(UTC)).total_seconds()
            self._engine.after(seconds, LOOK, incident.id, f"{incident.id}.look.{look.key}")

    def look_again(self, incident: str) -> float | None:
        """Look whether it is over, and resolve it if it is. Returns the seconds to wait if that cannot be done now.

        Raises RemediateError, also if it will never be possible.
        """
        if self._switch.read() is not None:
            return _PAUSED_SECONDS
        if self._stop.is_set():
            return _BUSY_SECONDS
        try:
            with self._incidents() as store, self._alerts() as alerts:
                found = store.load(incident)
                if self._busy(found):
                    return _BUSY_SECONDS
                if not _resolved_by_service(found):
                    self._look(found, store, alerts)
                if _resolved_by_service(found := store.load(incident)):
                    self._finish(found, store)
        except JournalError as error:
            _LOG.warning("incident %s cannot be looked at: %s; it is tried again", incident, error)
            return _BUSY_SECONDS
        return _BUSY_SECONDS if self._stop.is_set() else None

    def give_up(self, incident: str, why: str) -> None:
        """Record on the timeline that every look failed, so that a person has to decide whether it is over."""
        text = f"it is unknown whether it is over: the look fails each time ({strip_control(why)[:_NOTE]})"
        text += "; a person decides"
        _LOG.error("incident %s: %s", incident, text)
        with self._incidents() as store:
            found = store.load(incident)
            last = found.runs[-1].run if found.runs else "no-run"
            store.append(incident, author_of(found), datetime.now(UTC), Noted(text=text), once=f"look-failed:{last}")

    def _look(self, incident: Incident, store: IncidentStore, alerts: AlertStore) -> None:
        who = author_of(incident)
        found = tuple(
            one
            for check in checks(incident, self._project)
            for one in confirmed(
                check,
                incident.id,
                self._project,
                self._project.inventories(),
                stop=self._stop,
                operator=who,
                connect=self._connect,
                options=self._options,
                approvals=_no_approvals,
            )
        )
        if self._stop.is_set():
            return
        after = store.load(incident.id)
        # The end of a run is rounded. What is concluded from it comes after it.
        now = max(datetime.now(UTC), after.timeline[-1].at)
        doubts = [one for one in found if one.verdict != RunVerdict.HEALTHY.value]
        if doubts or not found:
            text = _not_over(incident, doubts, now)
            store.append(incident.id, who, now, Noted(text=text), once=f"looked:{_run(doubts)}")
            _LOG.warning("incident %s: %s", incident.id, text)
            return
        incident = after
        if not incident.open or (incident.fixed_at is not None and now < incident.fixed_at + self._every):
            return
        over = alerts.over(_decisions(incident))
        if over is None or alerts.fires({alert.rule for alert in incident.alerts}, incident.hosts):
            text = "the fix holds, but an alert still fires: the incident stays open"
            store.append(incident.id, who, now, Noted(text=text), once=f"looked:{_run(found)}")
            return
        if self._switch.read() is not None:
            return
        summary = "; ".join(filter(None, (mended_by(incident), f"its alerts are over since {over:%H:%M:%SZ}")))
        resolved = Resolved(summary=summary, confirmed=found, postmortem_at=review_at(incident, self._settings, now))
        if store.append(incident.id, who, now, resolved, once=RESOLVED) is not None:
            _LOG.warning("incident %s is resolved: %s", incident.id, summary)

    def _finish(self, incident: Incident, store: IncidentStore) -> None:
        """Notify the team that the incident is over, and draft its post-mortem."""
        now = datetime.now(UTC)
        notifier = Notifier.of(self._settings, store, root=self._project.root, screen=None)
        tell = partial(IncidentMessages(store, notifier, now).resolution, incident)
        # A message that cannot be sent must not keep the post-mortem from being written.
        why_failed(f"nobody is notified that incident {incident.id} is over", tell)
        if incident.severity not in REVIEWED or incident.postmortem_path is not None:
            return
        who = author_of(incident)
        try:
            draft(
                incident,
                notifier.outbox.deliveries(incident=incident.id),
                store=store,
                settings=self._settings,
                root=self._project.root,
                who=who,
                now=now,
            )
        except ConfigurationError as error:
            text = f"no post-mortem was written: {error}"
            store.append(incident.id, who, now, Noted(text=text), once="postmortem-failed")
            _LOG.error("incident %s: %s", incident.id, text)

    def _busy(self, incident: Incident) -> bool:
        """Return whether a run acts on its hosts, or is about to. A look would see a change that is half done."""
        since = datetime.now(UTC) - _BUSY_AT_MOST
        known = (self._engine.find(alert.decision) for alert in incident.alerts)
        waits = any(run is not None and run.state in {DurableState.QUEUED, DurableState.RUNNING} for run in known)
        return waits or any(run.abandoned and run.started > since for run in incident.runs)

    def _incidents(self) -> IncidentStore:
        return IncidentStore.open(self._project.journal(), project=self._project.identity())

    def _alerts(self) -> AlertStore:
        return AlertStore.open(self._project.journal(), project=self._project.identity())


def _no_approvals() -> Approvals:
    """Refuse to store a plan for approval: the service would not run it, because no decision of the policy did."""
    raise ConfigurationError("a look proposes nothing")


def next_look(incident: Incident, over: datetime | None, every: timedelta) -> NextLook | None:
    """Return when to look whether an incident is over, None while nothing indicates that it is.

    After a fix the look comes in any case. Without a fix it waits until no alert fires. The pause grows with each look
    that finds the incident not over.
    """
    ended = [(event.at, event.data) for event in incident.timeline if isinstance(event.data, RunLanded)]
    ended = [(at, run) for at, run in ended if run.judged and run.verdict is not None]
    if not ended:
        return None if over is None else NextLook("no-run", over + every)
    at, last = ended[-1]
    if last.fixed:
        return NextLook(last.run, at + every)
    looks = 0
    while looks < len(ended) and _vain_look(incident, ended[-1 - looks][1]):
        looks += 1
    if over is None or looks >= _MOST_LOOKS:
        return None
    return NextLook(last.run, max(over, at + every * 2**looks))


def _vain_look(incident: Incident, run: RunLanded) -> bool:
    mine = run.mode == "plan" and run.operator == author_of(incident)
    return mine and run.verdict != RunVerdict.HEALTHY.value


def _decisions(incident: Incident) -> list[str]:
    return [alert.decision for alert in incident.alerts]


def _resolved_by_service(incident: Incident) -> bool:
    who = author_of(incident)
    return any(isinstance(event.data, Resolved) and event.who == who for event in incident.timeline)


def _not_over(incident: Incident, doubts: Sequence[Confirmed], now: datetime) -> str:
    if not doubts:
        return "no playbook was used or named, so no check can say that it is over: a person resolves it"
    what = "; ".join(
        f"{one.playbook} on {one.host[:_NOTE]} is {one.verdict.replace('_', ' ')}"
        f"{f' ({strip_control(one.note)[:_NOTE]})' if one.note else ''}{f', run {one.run}' if one.run else ''}"
        for one in doubts[:_NAMED]
    )
    if len(doubts) > _NAMED:
        what += f"; and {len(doubts) - _NAMED} more"
    if incident.fixed_at is None:
        return f"not over: {what}"
    fix = incident.fixes[-1]
    return f"not holding {span(now - incident.fixed_at)} after run {fix.shown} fixed it: {what}"


def _run(found: Sequence[Confirmed]) -> str:
    return next((one.run for one in found if one.run), "nothing")
