"""Hosts that stay connected between the calls of a library user."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.playbook import Runnable
from remediate.engine.fleet import run, select
from remediate.engine.lazy_session import KeptSession
from remediate.engine.reporter import Reporter
from remediate.errors import ConfigurationError
from remediate.transport.dialing import Connections
from remediate.transport.session import Session


class WarmSession:
    """Hosts with their connections. `session` makes it; use it in a `with` block.

    Every call asks for all facts again; only the connection and the inventory's settings are kept. A connection that
    died between two calls is opened again, once a call and before anything was begun. Threads may share it: their calls
    run one after the other.
    """

    def __init__(
        self, hosts: Sequence[Host], *, journal: str | None, connect: Callable[[Host], Session] | None
    ) -> None:
        self.hosts = tuple(hosts)
        self._journal = journal
        self._connect = connect
        self._kept: dict[tuple[str, SshTarget], KeptSession] = {}
        self._leaving = ExitStack()
        self._lock = Lock()
        self._open = False

    def check(self, runnable: Runnable, *, reporter: Reporter | None = None) -> Report:
        """Survey and judge, and change nothing: `run` with the option `plan`."""
        return self.run(runnable, options=Options(plan=True), reporter=reporter)

    def run(self, runnable: Runnable, *, options: Options | None = None, reporter: Reporter | None = None) -> Report:
        """Run a playbook, or a `SingleRemedy`, on the hosts as `remediate.run` does."""
        with self._lock:
            if not self._open:
                raise ConfigurationError("this session is not open: use it inside its `with` block")
            return run(
                runnable,
                self.hosts,
                options=options,
                reporter=reporter,
                connect=lambda host: self._kept[host.name, host.ssh],
                journal=self._journal,
            )

    def __enter__(self) -> Self:
        with self._lock:
            connect = self._connect or self._leaving.enter_context(Connections(self.hosts))
            for host in self.hosts:
                kept = self._kept[host.name, host.ssh] = KeptSession(partial(connect, host))
                self._leaving.callback(kept.leave)
            self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._open = False
            self._leaving.close()


def session(
    target: str | Sequence[Host],
    *,
    inventory: Path | Sequence[Path] | None = None,
    journal: str | None = None,
    connect: Callable[[Host], Session] | None = None,
) -> WarmSession:
    """Return the hosts of a name, group or pattern as a session that stays connected.

    For example `with session("web1") as web1: web1.check(app_down)`. The inventory is read here, once. The arguments
    are those of `remediate.run`. Raises ConfigurationError in one line.
    """
    hosts = select(target, inventory) if isinstance(target, str) else tuple(target)
    return WarmSession(hosts, journal=journal, connect=connect)
