"""One remedy on one open Fabric connection, for fabfiles that use nothing else of remediate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import ValidationError

from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.playbook import HostPlan, Severity
from remediate.core.remedy import Remedy
from remediate.engine.fleet import run
from remediate.errors import ConfigurationError, one_line
from remediate.transport.session import Session, ShellSession

if TYPE_CHECKING:
    from fabric.connection import Connection


@dataclass(frozen=True)
class _Given:
    """A remedy whose fields say everything: nothing is taken from an inventory."""

    remedy: Remedy
    severity: ClassVar[Severity | None] = None
    discovers: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"do.{self.remedy.kind}"

    def __call__(self, host: Host) -> HostPlan:  # noqa: ARG002  # the protocol's signature
        return HostPlan(symptoms=(), diagnosis=(), remedies=(self.remedy,))


def apply(
    remedy: Remedy, connection: "Connection", *, host_key: str | None = None, options: Options | None = None
) -> Report:
    """Apply one remedy over a connection that a fabfile has: guarded, locked, verified, held, reported.

    The connection is used once its server key has been checked against known_hosts, or against `host_key`
    (`SHA256:…`): Fabric itself accepts any key. A changed or unknown one ends in `unreachable`, nothing sent. To
    call this is to consent. Raises ConfigurationError, one line, for a user or port that cannot be.
    """
    address = str(connection.host)
    try:
        target = SshTarget(address=address, port=connection.port, user=connection.user, host_key=host_key)
    except ValidationError as error:
        # A login name is no secret, and pydantic's words alone do not say what is accepted.
        what = {"user": f"{connection.user!r}: letters, digits, '_', '.' and '-' are accepted, no digit first"}
        wrong = str(error.errors(include_input=False)[0]["loc"][0])
        raise ConfigurationError(f"{address}: {wrong} {what.get(wrong) or one_line(error)}") from None

    def connect(_: Host) -> Session:
        from remediate.transport.ssh.connection import connection_link

        return ShellSession(connection_link(connection, host_key=host_key))

    consented = (options or Options()).model_copy(update={"yes": True})
    return run(_Given(remedy), (Host(name=address, ssh=target),), connect=connect, options=consented)
