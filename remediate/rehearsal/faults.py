"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from remediate.errors import ConfigurationError
from remediate.host import AbsolutePath, UnitName

MARKER: Final = "/etc/remediate-staging"
"""Stands on hosts that may be broken on purpose; without it nothing is injected."""


class RootShell(Protocol):
    """A way to run a bash script as root that does not go over SSH."""

    @property
    def name(self) -> str:
        """The host's name."""

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a script and return its output; raises when a command of it fails."""


class Fault(BaseModel, ABC):
    """One way to break a host. `inject` and `undo` refuse a host without the staging marker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    @abstractmethod
    def describe(self) -> str:
        """Say what is broken, for a person."""

    @abstractmethod
    def breaking(self) -> str:
        """The bash script that breaks it."""

    @abstractmethod
    def mending(self) -> str:
        """The bash script that undoes it; harmless when nothing is broken."""

    def inject(self, host: RootShell) -> None:
        """Break the host. Raises ConfigurationError when it is not marked as a staging host."""
        _demand_marker(host)
        host.script(self.breaking())

    def undo(self, host: RootShell) -> None:
        """Undo it. Raises ConfigurationError when the host is not marked as a staging host."""
        _demand_marker(host)
        host.script(self.mending())


def _demand_marker(host: RootShell) -> None:
    if host.script(f"[ -f {MARKER} ] && echo marked || true").strip() != "marked":
        raise ConfigurationError(f"{host.name} does not carry {MARKER}: nothing is broken on a host that is not marked")


class UnitStopped(Fault):
    """A unit is stopped, as after a clumsy hand or a failed deploy."""

    kind: Literal["unit-stopped"] = "unit-stopped"
    unit: UnitName = Field(description="systemd unit")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} is stopped"

    def breaking(self) -> str:
        """See Fault."""
        return f"systemctl stop {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl start {self.unit}"


class UnitMasked(Fault):
    """A unit is stopped and masked: somebody wants it down."""

    kind: Literal["unit-masked"] = "unit-masked"
    unit: UnitName = Field(description="systemd unit")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} is stopped and masked"

    def breaking(self) -> str:
        """See Fault."""
        return f"systemctl mask --now {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl unmask {self.unit}; systemctl start {self.unit}"


class UnitFlapping(Fault):
    """A unit starts well and dies again after some seconds, every time."""

    kind: Literal["unit-flapping"] = "unit-flapping"
    unit: UnitName = Field(description="systemd service")
    lives: int = Field(default=4, ge=1, le=29, description="seconds that it lives")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} dies {self.lives} s after every start"

    @property
    def _drop_in(self) -> str:
        return f"/run/systemd/system/{self.unit}.service.d/remediate-fault.conf"

    def breaking(self) -> str:
        """See Fault."""
        return (
            f"mkdir -p {self._drop_in.rpartition('/')[0]}\n"
            f"printf '[Service]\\nRuntimeMaxSec={self.lives}\\nRestart=no\\n' > {self._drop_in}\n"
            f"systemctl daemon-reload\nsystemctl stop {self.unit}\n"
        )

    def mending(self) -> str:
        """See Fault."""
        return f"rm -f {self._drop_in}\nsystemctl daemon-reload\nsystemctl restart {self.unit}"


class LineAppended(Fault):
    """A configuration file has one more line, which its program does not accept; the unit is stopped or left alone."""

    kind: Literal["line-appended"] = "line-appended"
    path: AbsolutePath = Field(description="configuration file")
    line: str = Field(description="what is appended", pattern=r"^[^'\x00-\x1f]*$")
    stops: UnitName | None = Field(default=None, description="unit that is stopped as well")

    def describe(self) -> str:
        """See Fault."""
        also = f", and {self.stops} is stopped" if self.stops else ""
        return f"{self.path} ends with {self.line!r}{also}"

    def breaking(self) -> str:
        """See Fault."""
        stop = f"\nsystemctl stop {self.stops}" if self.stops else ""
        return f"cp -p '{self.path}' '{self.path}.remediate-fault'\nprintf '%s\\n' '{self.line}' >> '{self.path}'{stop}"

    def mending(self) -> str:
        """See Fault."""
        start = f"\nsystemctl start {self.stops}" if self.stops else ""
        return (
            f"if [ -f '{self.path}.remediate-fault' ]; then mv '{self.path}.remediate-fault' '{self.path}'; fi{start}"
        )


class SocketRemoved(Fault):
    """A listening socket's file is gone while its owner still runs: nobody can connect any more."""

    kind: Literal["socket-removed"] = "socket-removed"
    path: AbsolutePath = Field(description="socket file")
    unit: UnitName = Field(description="unit that makes it anew when restarted")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.path} is gone while {self.unit} runs"

    def breaking(self) -> str:
        """See Fault."""
        return f"rm -f '{self.path}'"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl restart {self.unit}"


FAULTS: Final[Mapping[str, Fault]] = {
    "php-fpm-stopped": UnitStopped(unit="php8.2-fpm"),
    "php-fpm-masked": UnitMasked(unit="php8.2-fpm"),
    "php-fpm-flapping": UnitFlapping(unit="php8.2-fpm"),
    "php-fpm-broken": LineAppended(path="/etc/php/8.2/fpm/pool.d/www.conf", line="nonsense = 1", stops="php8.2-fpm"),
    "php-fpm-socket": SocketRemoved(path="/run/php/php8.2-fpm.sock", unit="php8.2-fpm"),
    "nginx-stopped": UnitStopped(unit="nginx"),
    "nginx-broken": LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;"),
}
"""The faults that `staging.break` knows on the stock staging host, by name."""
