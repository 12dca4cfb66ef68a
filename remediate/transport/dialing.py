"""Opens SSH to the hosts of a run: begun before the rest of it is imported and its journal opened."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from remediate.core.host import Host, SshTarget
    from remediate.transport.session import Session

AT_ONCE: Final = 20
"""Hosts asked at the same time; each costs a thread and a connection."""


def open_session(host: "Host") -> "Session":
    """Open SSH to a host. Raises Unreachable."""
    from remediate.transport.ssh.connection import connect

    link = connect(host.ssh)
    # After connecting: until then it need not be there.
    from remediate.transport.session import ShellSession

    return ShellSession(link)


class Connections:
    """Sessions whose opening begins at once, a thread each; call it with a host to wait for that one's.

    Nothing is sent to a host but what opens SSH. Leaving the block closes what nobody has asked for.
    """

    def __init__(self, hosts: "Sequence[Host]") -> None:
        # Here, not in the threads: those share the interpreter with whatever is imported next, and would be the later.
        import remediate.transport.ssh.connection  # noqa: F401  # for open_session

        self._begun: dict[tuple[str, SshTarget], Future[Session]] = {}
        for host in hosts[:AT_ONCE]:
            if (host.name, host.ssh) in self._begun:
                continue
            session = self._begun[host.name, host.ssh] = Future()
            # A daemon: a host that does not answer keeps nobody from leaving after a usage error.
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
    except BaseException as error:  # noqa: BLE001  # raised where the session is asked for
        session.set_exception(error)


def _close(session: "Future[Session]") -> None:
    if session.exception() is None:
        session.result().close()
