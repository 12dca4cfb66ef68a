"""One remedy on one open Fabric connection, for fabfiles that use nothing else of remediate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.playbook import HostPlan, Severity
from remediate.core.remedy import Remedy
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError
from remediate.transport.session import Session, ShellSession

if TYPE_CHECKING:
    from fabric.connection import Connection


@dataclass(frozen=True)
class _Given:
    """A remedy whose fields are complete: it takes nothing from an inventory."""

    remedy: Remedy
    severity: ClassVar[Severity | None] = None
    discovers: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"do.{self.remedy.kind}"

    def __call__(self, host: Host) -> HostPlan:  # noqa: ARG002  # The protocol requires this signature.
        return HostPlan(symptoms=(), diagnosis=(), remedies=(self.remedy,))


def apply(
    remedy: Remedy, connection: "Connection", *, host_key: str | None = None, options: Options | None = None
) -> Report:
    """Apply one remedy over a connection that a fabfile has: guarded, locked, verified, held, reported.

    The server's key is checked first, against known_hosts or against `host_key` (`SHA256:…`), because Fabric accepts
    any key. A changed or unknown key ends in `unreachable`, and nothing is sent. The call itself is the consent to a
    change. Raises ConfigurationError, one line, for an invalid user or port.
    """
    address = str(connection.host)
    port = connection.port
    if isinstance(port, str) and port.isdecimal():
        port = int(port)
    try:
        target = SshTarget(address=address, port=port, user=connection.user, host_key=host_key)
    except ValueError as error:
        raise ConfigurationError(f"{address}: {error}") from None

    def connect(_: Host) -> Session:
        from remediate.transport.ssh.connection import connection_link

        return ShellSession(connection_link(connection, host_key=host_key))

    consented = (options or Options()).model_copy(update={"yes": True})
    return run(_Given(remedy), (Host(name=address, ssh=target),), connect=connect, options=consented)
