"""The base of a fault: breaks a disposable host in one way and undoes itself."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Final, Protocol

from pydantic import StringConstraints

from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError

MARKER: Final = "/etc/remediate-staging"
"""Stands on hosts that may be broken on purpose; without it nothing is injected."""

Url = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.:/-]+$")]
FAULT_SECONDS: Final = 180
"""Seconds for a fault's script: a worker ends its job first (25), and supervisor gives up within 90."""


class RootShell(Protocol):
    """A way to run programs as root that is not the one remediate mends a host by."""

    @property
    def name(self) -> str:
        """The host's name."""

    def exec(self, argv: Sequence[str], *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program to its end within `timeout` seconds; its exit code is the caller's to judge."""

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a script and return its output; raises when a command of it fails."""


class Fault(FrozenModel, ABC):
    """One way to break a host. `inject` and `undo` refuse a host without the staging marker.

    Subclass it with a `kind` Literal, fields that each have a description, and the four methods.
    """

    kind: str

    @abstractmethod
    def describe(self) -> str:
        """Say what is broken, for a person."""

    @abstractmethod
    def disturbs(self) -> tuple[str, ...]:
        """What it changes on the host, and therefore what a fix may change; everything else is a bystander.

        Names of units without `.service`, of supervisor's programs, `port N`, and absolute paths of files, or of
        directories with a slash at the end. What follows from it belongs here too: a unit that writes files at every
        start.
        """

    @abstractmethod
    def breaking(self) -> str:
        """The bash script that breaks it."""

    @abstractmethod
    def mending(self) -> str:
        """The bash script that undoes it; harmless when nothing is broken."""

    def keepsakes(self) -> str:
        """The bash script that prints what nobody may lose on the broken host, the same lines each time; none here.

        For what is no file, unit or process: the sessions in a Redis, the rows of a table.
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
    """Raise ConfigurationError unless the host itself says that it may be broken."""
    if host.script(f"[ -f {MARKER} ] && echo marked || true").strip() != "marked":
        raise ConfigurationError(f"{host.name} does not carry {MARKER}: nothing is broken on a host that is not marked")


def kept(path: str) -> str:
    """Return the script that keeps a file as it is, for `restored`."""
    return f"cp -p {path} {path}.remediate-fault\n"


def restored(path: str) -> str:
    """Return the script that puts a kept file back, when there is one."""
    return f"if [ -f {path}.remediate-fault ]; then mv {path}.remediate-fault {path}; fi\n"


def waiting_clients(url: str, count: int) -> str:
    """Return the script that has so many clients ask for a page and wait."""
    if not count:
        return ""
    client = f"setsid -f curl -sk -m 600 -o /dev/null {url} </dev/null >/dev/null 2>&1"
    return f"for i in $(seq {count}); do {client}; done\nsleep 3\n"
