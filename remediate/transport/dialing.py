"""Opens SSH to a run's hosts while modules are imported and the journal opens."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from remediate.core.host import Host, SshTarget
    from remediate.transport.session import Session

AT_ONCE: Final = 20
"""The most hosts asked at the same time. Each costs a thread and a connection."""


def open_session(host: "Host") -> "Session":
    """Open SSH to a host. Raises Unreachable and ConfigurationError."""
    from remediate.transport.ssh.connection import connect

    link = connect(host.ssh)
    # Import this after connecting, because it is not needed earlier.
    from remediate.transport.session import ShellSession

    return ShellSession(link)


class Connections:
    """Sessions that open at once, in one thread each. Call it with a host to wait for its session.

    Nothing is sent to a host except to open SSH. Leaving the block closes the sessions that were not requested.
    """

    def __init__(self, hosts: "Sequence[Host]") -> None:
        # Import here: the threads would compete with later imports for the interpreter, and connect later.
        import remediate.transport.ssh.connection  # noqa: F401  # for open_session

        self._begun: dict[tuple[str, SshTarget], Future[Session]] = {}
        for host in hosts[:AT_ONCE]:
            if (host.name, host.ssh) in self._begun:
                continue
            session = self._begun[host.name, host.ssh] = Future()
            # A daemon thread, so that a silent host does not delay the exit after a usage error.
            threading.Thread(target=_open, args=(host, session), name=f"connect-{host.name}", daemon=True).start()

    def __call__(self, host: "Host") -> "Session":
        """Return the session of a host. Raises Unreachable and ConfigurationError."""
        session = self._begun.pop((host.name, host.ssh), None)
        return open_session(host) if session is None else session.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._begun.values():
            session.add_done_callback(_close)


def _open(host: "Host", session: "Future[Session]") -> None:
    try:
        session.set_result(open_session(host))
    except BaseException as error:  # noqa: BLE001  # It is raised again where the session is requested.
        session.set_exception(error)


def _close(session: "Future[Session]") -> None:
    if session.exception() is None:
        session.result().close()
