"""Faults of systemd units and of their configuration."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, Port, UnitName
from remediate.rehearsal.faults.fault import Fault


class OfUnit(Fault):
    """A base for faults of one systemd unit."""

    unit: UnitName = Field(description="systemd unit")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.unit,)

    @property
    def _drop_in(self) -> str:
        return f"/run/systemd/system/{self.unit}.service.d/remediate-fault.conf"

    def _with(self, settings: str) -> str:
        """Return the script that gives the unit further settings."""
        return (
            f"mkdir -p {self._drop_in.rpartition('/')[0]}\nprintf '[Service]\\n{settings}\\n' > {self._drop_in}\n"
            "systemctl daemon-reload\n"
        )

    @property
    def _without(self) -> str:
        return f"rm -f {self._drop_in}\nsystemctl daemon-reload\n"


class UnitStopped(OfUnit):
    """A unit is stopped, as after a mistake or a failed deploy."""

    kind: Literal["unit-stopped"] = "unit-stopped"

    @override
    def describe(self) -> str:
        return f"{self.unit} is stopped"

    @override
    def breaking(self) -> str:
        return f"systemctl stop {self.unit}"

    @override
    def mending(self) -> str:
        return f"systemctl start {self.unit}"


class UnitMasked(OfUnit):
    """A unit is stopped and masked, because somebody wants it down."""

    kind: Literal["unit-masked"] = "unit-masked"

    @override
    def describe(self) -> str:
        return f"{self.unit} is stopped and masked"

    @override
    def breaking(self) -> str:
        return f"systemctl mask --now {self.unit}"

    @override
    def mending(self) -> str:
        return f"systemctl unmask {self.unit}; systemctl start {self.unit}"


class UnitFlapping(OfUnit):
    """A unit starts well and dies after some seconds, every time."""

    kind: Literal["unit-flapping"] = "unit-flapping"
    lives: int = Field(default=4, ge=1, le=29, description="seconds that it lives")
    again: int | None = Field(
        default=None, ge=1, le=29, description="seconds after which systemd starts it again; None leaves it down"
    )

    @override
    def describe(self) -> str:
        comes_back = "" if self.again is None else f", and systemd starts it again {self.again} s later"
        return f"{self.unit} dies {self.lives} s after every start{comes_back}"

    @override
    def breaking(self) -> str:
        restart = "Restart=no" if self.again is None else f"Restart=always\\nRestartSec={self.again}"
        begin = "stop" if self.again is None else "restart"
        return f"{self._with(f'RuntimeMaxSec={self.lives}{chr(92)}n{restart}')}systemctl {begin} {self.unit}\n"

    @override
    def mending(self) -> str:
        # Not a restart: MariaDB may lose the SIGTERM while it starts, and systemd would wait 15 minutes for its end.
        return f"{self._without}systemctl start {self.unit}"


class UnitKilled(OfUnit):
    """A unit's main process is killed with -9, as by the kernel without memory."""

    kind: Literal["unit-killed"] = "unit-killed"

    @override
    def describe(self) -> str:
        return f"{self.unit} was killed with -9"

    @override
    def breaking(self) -> str:
        return f"kill -KILL $(systemctl show -p MainPID --value {self.unit}); sleep 0.3"

    @override
    def mending(self) -> str:
        # Children that outlived it (KillMode=process) would go on beside the new ones.
        leftover = f"systemctl kill --signal=KILL {self.unit} || true"
        return f"{leftover}; systemctl reset-failed {self.unit} || true; systemctl restart {self.unit}"


class LineAppended(Fault):
    """A configuration file ends with a line that its program rejects.

    A unit may be stopped as well.
    """

    kind: Literal["line-appended"] = "line-appended"
    path: AbsolutePath = Field(description="configuration file")
    line: str = Field(description="what is appended", pattern=r"^[^'\x00-\x1f]*$")
    stops: UnitName | None = Field(default=None, description="unit that is stopped as well")

    @override
    def describe(self) -> str:
        also = f", and {self.stops} is stopped" if self.stops else ""
        return f"{self.path} ends with {self.line!r}{also}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path, *((self.stops,) if self.stops else ()))

    @override
    def breaking(self) -> str:
        stop = f"\nsystemctl stop {self.stops}" if self.stops else ""
        return f"cp -p '{self.path}' '{self.path}.remediate-fault'\nprintf '%s\\n' '{self.line}' >> '{self.path}'{stop}"

    @override
    def mending(self) -> str:
        start = f"\nsystemctl start {self.stops}" if self.stops else ""
        return (
            f"if [ -f '{self.path}.remediate-fault' ]; then mv '{self.path}.remediate-fault' '{self.path}'; fi{start}"
        )


class SocketRemoved(OfUnit):
    """A listening socket's file is gone while its owner runs, so nobody can connect."""

    kind: Literal["socket-removed"] = "socket-removed"
    path: AbsolutePath = Field(description="socket file")
    unit: UnitName = Field(description="unit that makes it anew when restarted")

    @override
    def describe(self) -> str:
        return f"{self.path} is gone while {self.unit} runs"

    @override
    def breaking(self) -> str:
        return f"rm -f '{self.path}'"

    @override
    def mending(self) -> str:
        return f"systemctl restart {self.unit}"


class SocketAstray(Fault):
    """nginx passes requests to a socket without a pool, as after another PHP was installed."""

    kind: Literal["socket-astray"] = "socket-astray"
    path: AbsolutePath = Field(description="socket that a pool listens on, and that nginx should ask")
    nginx: UnitName = Field(description="unit of the web server")

    @override
    def describe(self) -> str:
        return f"nginx uses another socket than {self.path}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("/etc/nginx/", self.nginx)

    @override
    def breaking(self) -> str:
        return self._edit(f"s|unix:{self.path};|unix:{self.path}.astray;|")

    @override
    def mending(self) -> str:
        return self._edit(f"s|unix:{self.path}.astray;|unix:{self.path};|")

    def _edit(self, how: str) -> str:
        # A reload returns before the new workers answer.
        return f"sed -i --follow-symlinks '{how}' /etc/nginx/sites-enabled/*; systemctl reload {self.nginx}; sleep 1"


class PortTaken(Fault):
    """A unit is stopped, and another program listens on its port and answers."""

    kind: Literal["port-taken"] = "port-taken"
    unit: UnitName = Field(description="unit that is stopped")
    port: Port = Field(description="port that the stranger takes")

    @override
    def describe(self) -> str:
        return f"{self.unit} is stopped, and another program listens on port {self.port}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.unit, "remediate-stranger", f"port {self.port}")

    @override
    def breaking(self) -> str:
        stranger = (
            f"systemd-run --quiet --unit=remediate-stranger python3 -m http.server {self.port} --directory /var/empty"
        )
        return f"systemctl stop {self.unit}\nmkdir -p /var/empty\n{stranger}\nsleep 1"

    @override
    def mending(self) -> str:
        return f"systemctl stop remediate-stranger || true; systemctl start {self.unit}"
