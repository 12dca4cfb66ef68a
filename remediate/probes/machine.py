"""The identity and the clock of the machine."""

import re
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable


class MachineIdentity(Fact):
    """The machine, its present boot, and its monotonic clock, which never jumps."""

    machine_id: str = Field(description="machine-id(5): the installation")
    boot_id: str = Field(description="a new one for every boot")
    uptime: float = Field(description="seconds of the monotonic clock that systemd's timestamps use")

    @override
    def describe(self) -> str:
        return f"up {self.uptime:.0f} s"


class ThisMachine(Probe[MachineIdentity]):
    """Ask which machine answers. Every survey asks this."""

    brief: ClassVar[bool] = True

    kind: Literal["machine.identity"] = "machine.identity"
    subject = "machine"

    @override
    def command(self) -> Run:
        return Run.of("cat", "/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/proc/uptime", seconds=5)

    @override
    def parse(self, output: Output) -> MachineIdentity:
        match output.stdout.split():
            case [machine_id, boot_id, uptime, _] if re.fullmatch(r"[0-9]+(\.[0-9]+)?", uptime):
                return MachineIdentity(machine_id=machine_id, boot_id=boot_id, uptime=float(uptime))
            case _:
                raise Unreadable("machine: /etc/machine-id, boot id or uptime is missing")
