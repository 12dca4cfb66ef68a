"""The identity and the clock of the machine."""

import re
from typing import Literal

from pydantic import Field

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.probe import Fact, Probe


class MachineIdentity(Fact):
    """The machine, its present boot, and the time on the clock that never jumps."""

    machine_id: str = Field(description="machine-id(5): the installation")
    boot_id: str = Field(description="a new one for every boot")
    uptime: float = Field(description="seconds of the monotonic clock that systemd's timestamps use")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return f"up {self.uptime:.0f} s"


class Machine(Probe[MachineIdentity]):
    """Ask which machine answers; every survey does."""

    kind: Literal["machine.identity"] = "machine.identity"

    def label(self) -> str:
        """See Probe."""
        return "machine"

    def command(self) -> Run:
        """See Probe."""
        return Run.of("cat", "/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/proc/uptime", seconds=5)

    def parse(self, output: Output) -> MachineIdentity:
        """See Probe."""
        match output.stdout.split():
            case [machine_id, boot_id, uptime, _] if re.fullmatch(r"[0-9]+(\.[0-9]+)?", uptime):
                return MachineIdentity(machine_id=machine_id, boot_id=boot_id, uptime=float(uptime))
            case _:
                raise Unreadable("machine: /etc/machine-id, boot id or uptime is missing")
