"""The whole service of one project: alerts in, durable runs, and what keeps them apart."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from remediate.alerts.authentication import Verifier
from remediate.alerts.formats import AlertFormat
from remediate.alerts.policy import AlertSource
from remediate.alerts.store import AlertStore
from remediate.core.options import Options
from remediate.errors import JournalError
from remediate.inventory.selection import Inventory
from remediate.journal.journal import state_directory
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service.alert_desk import AlertDesk, Remembered
from remediate.service.app import service_app
from remediate.service.database import EngineDatabase, engine_database
from remediate.service.dbos_engine import DbosEngine, EngineLimits
from remediate.service.driver import Connect, LibraryDriver
from remediate.service.metrics import ServiceMetrics
from remediate.service.project_intake import doubt_of, project_intake
from remediate.service.server import NotifyingServer, http_server
from remediate.service.settings import ServiceSettings, service_settings
from remediate.service.starter import Starter, keep_starting
from remediate.service.worker_name import worker_name

PATIENCE: Final = timedelta(seconds=60)
"""The time that running steps get when the service stops. What has not ended is resumed at the next start."""
_LOG: Final = logging.getLogger(__name__)


class Working(NamedTuple):
    """A process that works on durable runs."""

    engine: DbosEngine
    settings: ServiceSettings
    database: EngineDatabase


@contextmanager
def working(
    project: Project, *, options: Options | None = None, connect: Connect | None = None, poll_seconds: float = 0.5
) -> Iterator[Working]:
    """Work on the durable runs of a project until the end of the block. Raises ConfigurationError and JournalError.

    `options` are those of every run; `connect` and `poll_seconds` are for tests.
    """
    settings = service_settings(project.root)
    database = engine_database(project)
    with worker_name(state_directory(), alone=not database.shared) as name:
        engine = DbosEngine(
            database.url,
            name,
            LibraryDriver(project, options=options, connect=connect, narrate=_LOG.info),
            EngineLimits(settings.at_once, settings.per_playbook, settings.fleet, poll_seconds),
        )
        try:
            engine.every("forget", "0 17 3 * * *", lambda: _forget(engine, timedelta(days=settings.keep_days)))
            engine.launch()
            _LOG.info("working as %s, in process %d", name, threading.get_native_id())
            yield Working(engine, settings, database)
        finally:
            engine.close(PATIENCE)


@contextmanager
def serving(
    project: Project, *, options: Options | None = None, connect: Connect | None = None, poll_seconds: float = 0.5
) -> Iterator[NotifyingServer]:
    """Prepare the service, and work until the end of the block. The caller runs the server.

    Raises ConfigurationError before anything listens, also for a secret that is missing.
    """
    wake, over = Event(), Event()
    with ExitStack() as leaving:
        inventory = Inventory.load(project.inventories())
        intake = project_intake(project, inventory, doubt=Remembered(lambda name: doubt_of(name, project)))
        store = leaving.enter_context(AlertStore.open(project.journal(), project=project.identity()))
        desk = AlertDesk(intake, store, wake.set)
        settings = service_settings(project.root)
        reader = None
        if settings.read is not None:
            reader = Verifier.of("read", AlertSource(format=AlertFormat.PLAIN, bearer=(settings.read,)))
        work = leaving.enter_context(working(project, options=options, connect=connect, poll_seconds=poll_seconds))
        starter = Thread(
            target=keep_starting, args=(Starter(project, store, work.engine), wake, over), name="starter", daemon=True
        )
        starter.start()

        def end() -> None:
            over.set()
            wake.set()
            starter.join(10)

        leaving.callback(end)

        def unwell() -> str | None:
            try:
                work.engine.find(new_run_id())
                store.demand()
            except (SQLAlchemyError, JournalError):
                return "a database does not answer"
            return None if starter.is_alive() else "decisions are not started any more"

        app = service_app(
            desk,
            work.engine,
            ServiceMetrics(work.engine, intake.policy.sources),
            reader=reader,
            journal=project.journal(),
            unwell=unwell,
        )
        yield http_server(app, unwell)


def _forget(engine: DbosEngine, age: timedelta) -> None:
    while engine.forget(age):
        pass
