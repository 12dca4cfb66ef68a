"""The whole service of one project: alerts in, durable runs, and what keeps them apart."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread, Timer
from typing import Final, NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from remediate.alerts.authentication import Verifier
from remediate.alerts.formats import AlertFormat
from remediate.alerts.policy import AlertSource
from remediate.alerts.store import AlertStore
from remediate.approvals.approvals import Approvals
from remediate.approvals.plan_key import plan_key
from remediate.approvals.settings import approval_settings
from remediate.core.database_url import shown_url
from remediate.core.options import Options
from remediate.errors import FAILED_EXIT_CODE, JournalError
from remediate.inventory.selection import Inventory
from remediate.journal.journal import Journal
from remediate.journal.place import state_directory
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service.alert_desk import AlertDesk, Remembered
from remediate.service.app import service_app
from remediate.service.approval_door import ApprovalDoor
from remediate.service.approval_routes import ApprovalRoutes
from remediate.service.database import EngineDatabase, engine_database
from remediate.service.dbos_engine import DbosEngine
from remediate.service.driver import Connect, LibraryDriver
from remediate.service.engine import EngineLimits
from remediate.service.heartbeat import Heartbeat, keep_beating
from remediate.service.incident_clock import IncidentClock
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_follow import LOOK, IncidentFollower
from remediate.service.incident_triage import LOOK_FIRST, IncidentTriage
from remediate.service.metrics import ServiceMetrics
from remediate.service.presence import Presence, stay_present
from remediate.service.project_intake import doubt_of, project_intake
from remediate.service.proposal_notices import ProposalNotices
from remediate.service.server import NotifyingServer, http_server
from remediate.service.settings import ServiceSettings, service_settings
from remediate.service.start_check import demand_policy, demand_usable
from remediate.service.starter import Starter, StarterLoop
from remediate.service.timers import TimerTask
from remediate.service.worker_name import worker_name

PATIENCE: Final = timedelta(seconds=60)
"""The time that running steps get when the service stops. What has not ended is resumed at the next start."""
_EVERY_15_SECONDS: Final = "*/15 * * * * *"
_JOIN_SECONDS: Final = 15.0
_LEAVE_SECONDS: Final = 15.0
"""Seconds until a process that lost the database is ended. A connection without an answer could hold it for ever."""
_LOG: Final = logging.getLogger(__name__)


class Working(NamedTuple):
    """A process that works on durable runs."""

    engine: DbosEngine
    settings: ServiceSettings
    database: EngineDatabase
    follower: IncidentFollower


@contextmanager
def working(
    project: Project,
    lost: Callable[[], None],
    *,
    options: Options | None = None,
    connect: Connect | None = None,
    poll_seconds: float = 0.5,
) -> Iterator[Working]:
    """Work on the durable runs of a project until the end of the block. Raises ConfigurationError and JournalError.

    `lost` is called if this process may not go on, because others take its runs over. `options` are those of every
    run; `connect` and `poll_seconds` are for tests.
    """
    settings = service_settings(project.root)
    database = engine_database(project)
    stop = Event()
    leave = Timer(_LEAVE_SECONDS, os._exit, (FAILED_EXIT_CODE,))
    leave.daemon = True
    with ExitStack() as leaving:
        leaving.callback(leave.cancel)
        name = leaving.enter_context(worker_name(state_directory(), alone=not database.shared))
        # Checked after the name was taken: an unusable state directory must not be reported as a wrong setting.
        demand_usable(project)
        plan_key(approval_settings(project.root).key)  # Its errors would only show when a plan is made.
        presence = None
        if database.shared:
            Journal.open(project.journal()).close()  # Its errors say what is wrong with the server.
            presence = Presence(database.url, name)
            leaving.callback(presence.release)
            presence.take()
        engine = DbosEngine(
            database.url,
            name,
            LibraryDriver(project, stop=stop, options=options, connect=connect, narrate=_LOG.info),
            EngineLimits(settings.at_once, settings.per_playbook, settings.fleet, poll_seconds),
            schema=database.schema,
        )
        # A worker that lost its lock does not wait for its runs: others have them.
        leaving.callback(lambda: engine.close(timedelta() if stop.is_set() else PATIENCE))
        # All processes have the same timers, because any of them may be given a tick.
        follower = IncidentFollower(
            project, engine, timedelta(minutes=settings.look_again_minutes), stop=stop, connect=connect, options=options
        )
        first = IncidentTriage(project, stop=stop, connect=connect)
        engine.on(LOOK, TimerTask(follower.look_again, follower.give_up))
        engine.on(LOOK_FIRST, TimerTask(first.look, first.give_up))
        engine.every("incidents", _EVERY_15_SECONDS, IncidentClock(project).look)
        engine.every("forget", "30 17 * * * *", lambda: _forget(engine, timedelta(days=settings.keep_days)))
        _launch(engine, database)
        if presence is not None:
            leaving.enter_context(_present(presence, engine, stop, leave, lost))
        else:
            # Only one process works on this database, so all others are dead. Restored databases may hold another name.
            for before in engine.workers() - {name}:
                engine.take_over(before)
        _LOG.info("working as %s, in process %d", name, os.getpid())
        yield Working(engine, settings, database, follower)


def _launch(engine: DbosEngine, database: EngineDatabase) -> None:
    try:
        engine.launch()
    except SQLAlchemyError as error:
        # Its message may quote what is stored.
        why = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        look = "its role needs CREATE on the database" if database.shared else "look at its owner and at the disk"
        raise JournalError(
            f"the service's own tables in {shown_url(database.url)} cannot be used ({why}): {look}"
        ) from None


@contextmanager
def _present(
    presence: Presence, engine: DbosEngine, stop: Event, leave: Timer, lost: Callable[[], None]
) -> Iterator[None]:
    over = Event()

    def stopped() -> None:
        leave.start()
        stop.set()
        lost()

    looking = Thread(target=stay_present, args=(presence, engine, over, stopped), name="presence", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join(10)


@dataclass(frozen=True, slots=True)
class Health:
    """The parts that have to be well."""

    engine: DbosEngine
    store: AlertStore
    loop: StarterLoop
    starter: Thread
    gone: Event

    def __call__(self) -> str | None:
        """Return what is wrong, None if nothing is."""
        try:
            # The engine would wait for the database without end, so it is asked second.
            self.store.demand()
            self.engine.find(new_run_id())
        except (SQLAlchemyError, JournalError):
            return "a database does not answer"
        if self.gone.is_set():
            return "other workers have taken over the runs of this process"
        return (
            None
            if self.starter.is_alive() and not self.loop.stuck
            else "decided and approved runs are no longer started"
        )


@contextmanager
def serving(
    project: Project, *, options: Options | None = None, connect: Connect | None = None, poll_seconds: float = 0.5
) -> Iterator[NotifyingServer]:
    """Prepare the service, and work until the end of the block. The caller runs the server.

    Raises ConfigurationError before anything runs, also for a secret that is missing.
    """
    wake, over, gone = Event(), Event(), Event()
    made: list[NotifyingServer] = []

    def lost() -> None:
        gone.set()
        for server in made:
            server.end(failed=True)

    with ExitStack() as leaving:
        inventory = Inventory.load(project.inventories())
        intake = project_intake(project, inventory, doubt=Remembered(lambda name: doubt_of(name, project)))
        store = leaving.enter_context(AlertStore.open(project.journal(), project=project.identity()))
        desk = AlertDesk(intake, store, wake.set)
        demand_policy(intake.policy, project, inventory)
        settings = service_settings(project.root)
        door = ApprovalDoor.of(project, settings, wake.set)
        notices = ProposalNotices(project, public=None if door is None else door.public)
        reader = _reader(settings)
        heartbeat = None if settings.heartbeat is None else Heartbeat(settings.heartbeat)
        clock = IncidentClock(project)
        work = leaving.enter_context(
            working(project, lost, options=options, connect=connect, poll_seconds=poll_seconds)
        )
        incidents = IncidentDesk(project, intake.policy, store, intake.paused, work.engine)
        loop = StarterLoop(Starter(project, store, work.engine, notices, incidents, work.follower), wake, over)
        starter = _thread(loop.run)
        unwell = Health(work.engine, store, loop, starter, gone)
        threads = [starter]
        if heartbeat is not None:
            threads.append(_thread(keep_beating, heartbeat, unwell, over))

        def end() -> None:
            over.set()
            wake.set()
            for thread in threads:
                thread.join(_JOIN_SECONDS)

        leaving.callback(end)
        app = service_app(
            desk,
            work.engine,
            ServiceMetrics(work.engine, intake.policy.sources, clock.overdue, lambda: _proposals(project)),
            reader=reader,
            journal=project.journal(),
            unwell=unwell,
        )
        if door is not None:
            ApprovalRoutes(door).add_to(app)
        made.append(http_server(app, unwell))
        if gone.is_set():
            made[0].end(failed=True)
        yield made[0]


def _reader(settings: ServiceSettings) -> Verifier | None:
    if settings.read is None:
        return None
    return Verifier.of("read", AlertSource(format=AlertFormat.PLAIN, bearer=(settings.read,)))


def _proposals(project: Project) -> int:
    waiting = Approvals.of(project, url=project.journal()).waiting()
    return sum(not proposal.approvals for proposal in waiting)


def _thread(target: Callable[..., None], *given: object) -> Thread:
    thread = Thread(target=target, args=given, name=target.__name__, daemon=True)
    thread.start()
    return thread


def _forget(engine: DbosEngine, age: timedelta) -> None:
    if (number := engine.forget(age)) > 0:
        _LOG.info("%d stored ends of runs and timers were deleted", number)
