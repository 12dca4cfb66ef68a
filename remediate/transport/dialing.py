"""Opens SSH to a run's hosts while modules are imported and the journal opens."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from remediate.errors import ConfigurationError, RemediateError, Unreachable
from remediate.project.project import Project, SshClient

if TYPE_CHECKING:
    from remediate.core.host import Host
    from remediate.core.ssh_target import SshTarget
    from remediate.transport.link import Link
    from remediate.transport.openssh.connecting import Connecting
    from remediate.transport.session import Session

AT_ONCE: Final = 20
"""The most hosts asked at the same time. Each costs a process or a thread, and a connection."""


class Dialling:
    """A connection to a host that is being opened, over OpenSSH or Fabric.

    An error is raised where the session is requested. `ssh` is started in the calling thread, since the start of a
    thread would wait for the imports that go on meanwhile.
    """

    def __init__(self, target: "SshTarget", client: SshClient | None = None) -> None:
        self._target = target
        self._why = ""
        self._process: Connecting | None = None
        self._waiting: Future[Link] | None = None
        try:
            self._client = chosen(client)
            if self._client is not SshClient.FABRIC:
                self._start_openssh()
            if self._process is None:
                self._start_fabric()
        except RemediateError as error:
            self._waiting = Future()
            self._waiting.set_exception(error)

    def link(self) -> "Link":
        """Wait for the connection. Raises Unreachable and ConfigurationError."""
        if self._process is not None:
            from remediate.transport.openssh.client import Unusable

            process, self._process = self._process, None
            try:
                return process.link()
            except Unusable as error:
                self._fall_back(error)
                self._start_fabric()
        assert self._waiting is not None  # noqa: S101  # One of the two was started.
        try:
            return self._waiting.result()
        except Unreachable as error:
            raise Unreachable(error.code, f"{error.message}{self._why}") from error
        except ConfigurationError as error:
            raise ConfigurationError(f"{error}{self._why}") from error

    def session(self) -> "Session":
        """Wait for the session. Raises Unreachable and ConfigurationError."""
        link = self.link()
        # Import this after connecting, because it is not needed earlier.
        from remediate.transport.session import ShellSession

        return ShellSession(link)

    def abandon(self) -> None:
        """Close the connection that nobody requested, now or once it is open."""
        if self._process is not None:
            self._process.close()
        elif self._waiting is not None:
            self._waiting.add_done_callback(_close)

    def _start_openssh(self) -> None:
        from remediate.transport.openssh.client import Unusable
        from remediate.transport.openssh.connecting import Connecting

        try:
            self._process = Connecting(self._target)
        except Unusable as error:
            self._fall_back(error)

    def _fall_back(self, error: Exception) -> None:
        """Note why Fabric is used. Raises ConfigurationError if the project demands OpenSSH."""
        if self._client is SshClient.OPENSSH:
            raise ConfigurationError(
                f'{self._target.address}: {error}; use ssh = "auto" or "fabric" in [tool.remediate]'
            ) from error
        self._why = f" (over Fabric: {error})"

    def _start_fabric(self) -> None:
        # Import here: the thread would compete with later imports for the interpreter, and connect later.
        from remediate.transport.ssh.connection import connect

        self._waiting = Future()
        # A daemon thread, so that a silent host does not delay the exit after a usage error.
        work = (lambda: connect(self._target), self._waiting)
        threading.Thread(target=_settle, args=work, name=f"connect-{self._target.address}", daemon=True).start()


def chosen(client: SshClient | None) -> SshClient:
    """Return the client, or the choice of the project around the working directory. Raises ConfigurationError."""
    return Project.here().ssh_client() if client is None else client


def open_link(host: "Host") -> "Link":
    """Open SSH to a host, for a caller that starts its own programs. Raises Unreachable and ConfigurationError."""
    return Dialling(host.ssh).link()


def open_session(host: "Host", client: SshClient | None = None) -> "Session":
    """Open SSH to a host. Raises Unreachable and ConfigurationError."""
    return Dialling(host.ssh, client).session()


class Connections:
    """Sessions that open at once. Call it with a host to wait for its session.

    Raises ConfigurationError for a choice of client that does not exist. Nothing is sent to a host except to open SSH.
    Leaving the block closes the sessions that were not requested.
    """

    def __init__(self, hosts: "Sequence[Host]" = (), client: SshClient | None = None) -> None:
        self._client = chosen(client)
        self._begun: dict[tuple[str, SshTarget], Dialling] = {}
        self.begin([(host.name, host.ssh) for host in hosts])

    def begin(self, addresses: "Sequence[tuple[str, SshTarget]]") -> None:
        """Begin to connect to hosts, the first of many, each by its name and address."""
        for name, target in addresses[:AT_ONCE]:
            if (name, target) not in self._begun:
                self._begun[name, target] = Dialling(target, self._client)

    def __call__(self, host: "Host") -> "Session":
        """Return the session of a host. Raises Unreachable and ConfigurationError."""
        dialling = self._begun.pop((host.name, host.ssh), None)
        return open_session(host, self._client) if dialling is None else dialling.session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread of a run that ended early may request its session at this moment, and then closes it itself.
        while self._begun:
            with suppress(KeyError):
                self._begun.popitem()[1].abandon()


def _settle(open_link: "Callable[[], Link]", waiting: "Future[Link]") -> None:
    try:
        waiting.set_result(open_link())
    except BaseException as error:  # noqa: BLE001  # It is raised again where the session is requested.
        waiting.set_exception(error)


def _close(waiting: "Future[Link]") -> None:
    if waiting.exception() is None:
        waiting.result().close()
