"""The base of a fault: breaks a disposable host in one way and undoes itself."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Final, Protocol

from pydantic import StringConstraints

from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError

MARKER: Final = "/etc/remediate-staging"
"""File on hosts that may be broken on purpose; without it nothing is injected."""

Url = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.:/-]+$")]
CLIENTS_ENDED: Final = (
    "pkill -x mariadb || true\n"
    "mariadb -NBe \"SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist"
    " WHERE id <> CONNECTION_ID() AND info REGEXP 'sleep[(]|benchmark[(]'\" 2>/dev/null |"
    " mariadb -f 2>/dev/null || true"
)
"""Ends the clients of a database's faults, and their queries: a server computes on for a client that has gone."""
FAULT_SECONDS: Final = 180
"""Seconds for a fault's script. A worker may take 25 to end its job, and supervisor 90 to give up."""


class RootShell(Protocol):
    """A way to run programs as root that remediate never uses to fix a host."""

    @property
    def name(self) -> str:
        """The host's name."""

    def exec(self, argv: Sequence[str], *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program for at most `timeout` seconds; the caller judges its exit code."""

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a script and return its output; raise StagingError when a command of it fails."""


class Fault(FrozenModel, ABC):
    """One way to break a host. `inject` and `undo` refuse a host without the staging marker.

    Subclass it with a `kind` Literal, fields that each have a description, and the four abstract methods.
    """

    kind: str

    @abstractmethod
    def describe(self) -> str:
        """Describe what is broken, for a person."""

    @abstractmethod
    def disturbs(self) -> tuple[str, ...]:
        """Name what it changes on the host, and so what a fix may change.

        Everything else is a bystander. Names are units without `.service`, programs of supervisor, `port N`, and
        absolute paths of files, or of directories with a slash at the end. Indirect changes belong here too, such as
        those of a unit that writes files at every start.
        """

    @abstractmethod
    def breaking(self) -> str:
        """Return the bash script that breaks it."""

    @abstractmethod
    def mending(self) -> str:
        """Return the bash script that undoes it; harmless when nothing is broken."""

    def keepsakes(self) -> str:
        """Return the bash script that prints what must not be lost on the broken host.

        It prints the same lines each time. Override it for things that are no file, unit or process, such as the
        sessions in a Redis or the rows of a table.
        """
        return ""

    def inject(self, host: RootShell) -> None:
        """Break the host. Raises ConfigurationError when it is not marked as a staging host."""
        demand_marker(host)
        host.script(self.breaking(), FAULT_SECONDS)

    def undo(self, host: RootShell) -> None:
        """Undo it. Raises ConfigurationError when the host is not marked as a staging host."""
        demand_marker(host)
        host.script(self.mending(), FAULT_SECONDS)


def demand_marker(host: RootShell) -> None:
    """Raise ConfigurationError unless the host itself carries the staging marker."""
    if host.script(f"[ -f {MARKER} ] && echo marked || true").strip() != "marked":
        raise ConfigurationError(f"{host.name} does not carry {MARKER}: nothing is broken on a host that is not marked")


def kept(path: str) -> str:
    """Return the script that saves a copy of a file, for `restored`."""
    return f"cp -p {path} {path}.remediate-fault\n"


def restored(path: str) -> str:
    """Return the script that puts a saved file back, when there is one."""
    return f"if [ -f {path}.remediate-fault ]; then mv {path}.remediate-fault {path}; fi\n"


def waiting_clients(url: str, count: int) -> str:
    """Return the script that starts `count` clients which ask for a page and wait."""
    if not count:
        return ""
    client = f"setsid -f curl -sk -m 600 -o /dev/null {url} </dev/null >/dev/null 2>&1"
    return f"for i in $(seq {count}); do {client}; done\nsleep 3\n"
