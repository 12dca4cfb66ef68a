"""The parts of a process together: what it goes on with."""

from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import cast

import pytest

from remediate.alerts.store import AlertStore
from remediate.core.options import Options
from remediate.errors import JournalError
from remediate.journal.run_id import new_run_id
from remediate.service.database import engine_database
from remediate.service.dbos_engine import DbosEngine
from remediate.service.request import Attempt, RunRequest
from remediate.service.service import Health, working
from remediate.service.starter import StarterLoop
from support.durable import ToyFleet, request, until_ended


class Dying:
    """A driver whose process dies with the run."""

    def __init__(self) -> None:
        self.begun, self.dead = Event(), Event()

    def begin(self, run: str, request: RunRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        self.begun.set()
        self.dead.wait(60)
        raise InterruptedError

    def resume(self, dead: Sequence[str], run: str, request: RunRequest) -> Attempt:
        raise NotImplementedError

    def give_up(self, dead: Sequence[str], why: str) -> Attempt:
        raise NotImplementedError


def test_databases_from_a_backup_go_on_under_another_name(toys: ToyFleet) -> None:
    driver, run = Dying(), new_run_id()
    before = DbosEngine(engine_database(toys.project).url, "the-name-before", driver)
    before.launch()
    before.start(request("toy0"), run)
    assert driver.begun.wait(60)
    before.close()
    driver.dead.set()
    options = Options(hold=0)
    with working(toys.project, lambda: None, options=options, connect=toys.connect, poll_seconds=0.05) as at_work:
        (found,) = until_ended(at_work.engine.find, [run], 60)
    assert found.result is not None
    assert found.result.verdict == "fixed"
    assert toys.steps("toy0") == ["begin", "end"]


class Away:
    """A database that does not answer. An engine would wait for it without end."""

    def demand(self) -> None:
        raise JournalError("it does not answer")

    def find(self, run: str) -> None:
        pytest.fail("it would wait without end")


def test_a_database_that_is_away_is_told_at_once() -> None:
    health = Health(
        cast("DbosEngine", Away()), cast("AlertStore", Away()), cast("StarterLoop", None), Thread(), Event()
    )
    assert health() == "a database does not answer"
