"""The distribution of a host, and what it lacks for a run."""

import re
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable

_NEEDED: Final = ("flock", "timeout", "head", "tail", "id", "sed", "curl", "systemctl")
"""Programs that every run, or most probes, use."""
_PROGRAM: Final = r"""
cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release || exit
echo
for each in "$@"; do command -v "$each" >/dev/null || echo "lacks $each"; done
true
"""
_VALUE: Final = re.compile(r"""^(?P<key>[A-Z_]+)=(?P<quote>["']?)(?P<value>.*)(?P=quote)$""", re.MULTILINE)


class DistributionState(Fact):
    """The distribution, as os-release(5) describes it."""

    id: str = Field(description="for machines: debian, ubuntu, …")
    name: str = Field(description="for people, with its version")
    lacks: tuple[str, ...] = Field(default=(), description="programs that a run needs and the host has not")

    @override
    def describe(self) -> str:
        return f"{self.name}{', without ' if self.lacks else ''}{', '.join(self.lacks)}"


class Distribution(Probe[DistributionState]):
    """Ask for the host's distribution, and which programs are missing there."""

    brief: ClassVar[bool] = True

    kind: Literal["machine.distribution"] = "machine.distribution"
    subject = "distribution"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _PROGRAM, "sh", *_NEEDED, seconds=5)

    @override
    def parse(self, output: Output) -> DistributionState:
        described, _, missing = output.stdout.partition("\n\n")
        values = {found["key"]: found["value"] for found in _VALUE.finditer(described)}
        if output.exit != 0 or "ID" not in values:
            raise Unreadable(f"{self.label()}: there is no readable /etc/os-release")
        return DistributionState(
            id=values["ID"],
            name=values.get("PRETTY_NAME") or values["ID"],
            lacks=tuple(line.removeprefix("lacks ") for line in missing.splitlines() if line.startswith("lacks ")),
        )
