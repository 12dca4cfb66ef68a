"""The programs that listen on a TCP port."""

import re
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import Port
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable

NAMELESS: Final = "somebody"
"""The name of a listener whose process ss does not show."""


class Listeners(Fact):
    """The programs that listen on one TCP port."""

    programs: tuple[str, ...] = Field(description="name and pid of each, for example nginx (69)")
    names: tuple[str, ...]

    @override
    def describe(self) -> str:
        return ", ".join(self.programs) or "nobody"


class PortOwner(Probe[Listeners]):
    """Ask which programs listen on a TCP port.

    It runs as root, because other users only see that the port is in use.
    """

    brief: ClassVar[bool] = True

    kind: Literal["network.port-owner"] = "network.port-owner"
    port: Port = Field(description="TCP port")

    @override
    def label(self) -> str:
        return f"port {self.port}"

    @override
    def command(self) -> Run:
        asked = Run.of("/usr/bin/ss", "-ltnpH", "sport", "eq", user=ROOT, seconds=5)
        return asked.helped("port-owner", f":{self.port}")

    @override
    def parse(self, output: Output) -> Listeners:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: ss: {last_line(output.stderr)}")
        lines = [line for line in output.stdout.splitlines() if line.strip()]
        found = {pid: name for name, pid in re.findall(r'\("([^"]*)",pid=([0-9]{1,20})', output.stdout)}
        if lines and not found:  # its process ended while ss looked, or root cannot see it here
            return Listeners(programs=("a program that ss does not name",), names=(NAMELESS,))
        return Listeners(
            programs=tuple(f"{name} ({pid})" for pid, name in sorted(found.items(), key=lambda item: int(item[0]))),
            names=tuple(dict.fromkeys(found.values())),
        )
