"""Living workers, known by a lock that each holds in the database.

The lock ends with its connection, so no clock is compared.
A worker whose connection is lost, or gives no answer, gets the lock back at once, or stops its runs before another one
takes them over. What still acts on a host then keeps that host's lock, which is the fence.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from remediate.errors import ConfigurationError
from remediate.service.tries import why_failed

LOOK_SECONDS: Final = 2.0
DEAD_SECONDS: Final = 8.0
"""Seconds for which a lock has to be free until its worker counts as dead, and in which a living one gets it back."""
_WAIT_SECONDS: Final = 30.0
"""Seconds to wait at the start for a name that a peer is just taking over."""
_LOG: Final = logging.getLogger(__name__)
_KEEPALIVE: Final = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
}
"""A connection without an answer is given up within seconds."""
_SERVER: Final = ("tcp_keepalives_idle = 3", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 2")
"""The same for the server's end: a machine that lost its power never closes a connection."""


class Takeover(Protocol):
    """The part of an engine that finds and takes over the runs of other workers."""

    def workers(self) -> frozenset[str]:
        """Return the names of the workers that have begun something, the dead ones too."""

    def take_over(self, worker: str) -> int:
        """Queue again what a dead worker had begun. Returns how many."""


class Presence:
    """The lock of one worker in PostgreSQL, and a look at those of the others."""

    def __init__(self, url: str, worker: str) -> None:
        self.worker = worker
        self._engine: Engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args=_KEEPALIVE
        )
        self._held: Connection | None = None
        self._free_since: dict[str, float] = {}

    def take(self, seconds: float = _WAIT_SECONDS) -> None:
        """Take the lock of this worker. Raises ConfigurationError if another process keeps it."""
        until = time.monotonic() + seconds
        while not self._taken():
            if time.monotonic() > until:
                raise ConfigurationError(
                    f"another process works as {self.worker}: was the state directory copied? remove its worker-*.lock"
                )
            time.sleep(0.2)

    def release(self) -> None:
        """Give the lock back."""
        if self._held is not None:
            with suppress(SQLAlchemyError):
                self._held.close()
        self._held = None
        self._engine.dispose()

    def holds(self) -> bool:
        """Return whether this worker still has its lock. It is taken again if the connection was lost."""
        if self._held is not None:
            try:
                self._held.execute(text("SELECT 1"))
            except SQLAlchemyError:
                with suppress(SQLAlchemyError):
                    self._held.invalidate()
                    self._held.close()
                self._held = None
                # The database was away, so no worker could hold its lock. What was seen before proves nothing now.
                self._free_since.clear()
            else:
                return True
        return self._taken()

    def look(self, engine: Takeover) -> int:
        """Take over the runs of workers that are dead for long enough. Returns how many runs."""
        others = engine.workers() - {self.worker}
        for name in self._free_since.keys() - others:
            del self._free_since[name]
        return sum(self._take_over(name, engine) for name in sorted(others))

    def _take_over(self, name: str, engine: Takeover) -> int:
        with self._free(name) as free:
            if not free:
                self._free_since.pop(name, None)
                return 0
            since = self._free_since.setdefault(name, time.monotonic())
            if time.monotonic() - since < DEAD_SECONDS:
                return 0
            # We hold its lock now. So no peer takes the same runs over, and the worker itself cannot return.
            taken = engine.take_over(name)
        _LOG.warning("worker %s is dead: %d of its runs are taken over", name, taken)
        return taken

    def _taken(self) -> bool:
        try:
            connection = self._connected()
        except SQLAlchemyError:
            return False
        try:
            if _try_lock(connection, self.worker):
                self._held = connection
                return True
        except SQLAlchemyError:
            pass
        connection.close()
        return False

    @contextmanager
    def _free(self, name: str) -> Iterator[bool]:
        """Hold a worker's lock if nobody has it."""
        with self._connected() as connection:
            yield _try_lock(connection, name)

    def _connected(self) -> Connection:
        connection = self._engine.connect()
        try:
            for setting in _SERVER:
                connection.execute(text(f"SET {setting}"))
        except SQLAlchemyError:
            connection.close()
            raise
        return connection


def stay_present(presence: Presence, engine: Takeover, over: Event, lost: Callable[[], None]) -> None:
    """Look after this worker and the others, until told to stop. Calls `lost` once its lock is not sure for too long.

    A connection may give no answer for ever, so the lock and the others are asked for in threads of their own.
    """
    sure = _LastSure()
    for task in (partial(_hold, presence, sure), partial(_look, presence, engine, sure)):
        Thread(target=_repeated, args=(task, over), name="presence of workers", daemon=True).start()
    while not over.wait(LOOK_SECONDS / 4):
        if sure.age() > DEAD_SECONDS - LOOK_SECONDS:
            _LOG.error("the database does not answer: this worker stops its runs, and others take them over")
            over.set()
            lost()


class _LastSure:
    """The last moment at which the lock was certainly ours."""

    def __init__(self) -> None:
        self.moment = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self.moment


def _repeated(task: Callable[[], None], over: Event) -> None:
    while not over.wait(LOOK_SECONDS / 2):
        # If an error ended this thread, nobody would notice, and runs of dead workers would stay where they are.
        why_failed("the workers cannot be looked after, which is tried again", task)


def _hold(presence: Presence, sure: _LastSure) -> None:
    asked = time.monotonic()  # The time before the question, because the answer may have taken long.
    if presence.holds():
        sure.moment = asked


def _look(presence: Presence, engine: Takeover, sure: _LastSure) -> None:
    if sure.age() > LOOK_SECONDS:
        return  # While the database does not answer, no worker can be called dead.
    try:
        presence.look(engine)
    except SQLAlchemyError as error:
        _LOG.warning("other workers cannot be looked at: %s", type(error).__name__)


def _try_lock(connection: Connection, name: str) -> bool:
    number = int.from_bytes(hashlib.sha256(f"remediate worker {name}".encode()).digest()[:8], "big", signed=True)
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar_one())
