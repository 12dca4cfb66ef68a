"""serve and worker: the processes of the service."""

import os
import re
import signal
from threading import Event
from typing import Final

from remediate.commands.given import Flags, text_of
from remediate.commands.signals import not_ignored, reported
from remediate.commands.terminal import Terminal
from remediate.errors import FAILED_EXIT_CODE, ConfigurationError
from remediate.project.project import Project

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EXTRA: Final = frozenset({"dbos", "fastapi", "prometheus_client", "starlette", "uvicorn"})


def serve(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Take alerts and work on runs, until told to stop."""
    project.demand_root()
    try:
        from remediate.service.logs import log_json
        from remediate.service.server import HERE, PORT, listening
        from remediate.service.service import serving
    except ModuleNotFoundError as error:
        raise _missing("serve", error) from None
    log_json()
    address = text_of(flags, "bind") or HERE
    port = _port(text_of(flags, "port"), PORT)
    with (
        listening(address, port, behind_proxy=bool(flags.get("behind_tls_proxy"))) as socket,
        serving(project) as server,
        reported(not_ignored(_SIGNALS), lambda _: server.end()),
    ):
        terminal.progress(f"listening on {address} port {socket.getsockname()[1]}")
        server.run(sockets=[socket])
    return _ended(terminal, failed=server.failed)


def work(project: Project, terminal: Terminal) -> int:
    """Work on the runs of a shared database, until told to stop."""
    project.demand_root()
    try:
        from remediate.service.database import demand_shared, engine_database
        from remediate.service.logs import log_json
        from remediate.service.service import working
        from remediate.service.systemd import notify
    except ModuleNotFoundError as error:
        raise _missing("worker", error) from None
    demand_shared(engine_database(project))
    log_json()
    over, lost = Event(), Event()

    def gone() -> None:
        lost.set()
        over.set()

    with working(project, gone) as at_work, reported(not_ignored(_SIGNALS), lambda _: over.set()):
        terminal.progress(f"working as {at_work.engine.worker}")
        notify("READY=1")
        over.wait()
        notify("STOPPING=1")
    return _ended(terminal, failed=lost.is_set())


def _ended(terminal: Terminal, *, failed: bool) -> int:
    """End this process although threads may still wait for hosts: what they had begun is resumed at the next start."""
    terminal.progress("the database was lost, so others take the runs over" if failed else "stopped")
    terminal.out.flush()
    terminal.err.flush()
    os._exit(FAILED_EXIT_CODE if failed else 0)


def _port(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if re.fullmatch("[0-9]{1,5}", text) is None or int(text) > 65535:
        raise ConfigurationError("--port takes a number from 0 to 65535; 0 takes a free one")
    return int(text)


def _missing(command: str, error: ModuleNotFoundError) -> Exception:
    name = (error.name or "").partition(".")[0]
    if name not in _EXTRA:
        return error
    return ConfigurationError(f"{command} needs the service's packages: pip install 'remediate[service]'")
