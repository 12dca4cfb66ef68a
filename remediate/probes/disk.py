"""Whether the host's file systems have room, in bytes and in inodes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.probe import Fact, Probe, last_line, whole_number


class DiskUse(BaseModel):
    """One file system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mount: str
    percent: int = Field(description="used, of what ordinary users may use")


class DiskState(Fact):
    """How full the fullest file systems are."""

    space: tuple[DiskUse, ...]
    inodes: tuple[DiskUse, ...]
    full: int = Field(description="percent from which on it is not well")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return all(room.percent < self.full for room in (*self.space, *self.inodes))

    def describe(self) -> str:
        """See Fact."""
        worst = max(self.space, key=lambda room: room.percent)
        crowded = max(self.inodes, key=lambda room: room.percent, default=None)
        inodes = f", inodes {crowded.mount} {crowded.percent} %" if crowded and crowded.percent >= self.full else ""
        return f"{worst.mount} {worst.percent} %{inodes}"


class Disk(Probe[DiskState]):
    """Ask how full the disks are; a full one stops logs, sessions and uploads long before it stops services."""

    kind: Literal["disk.space"] = "disk.space"
    full: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    def label(self) -> str:
        """See Probe."""
        return "disk"

    def command(self) -> Run:
        """See Probe."""
        # -l leaves out network file systems, whose server may hang.
        return Run.of("sh", "-c", "df -P -k -l; echo --; df -P -i -l", seconds=5)

    def parse(self, output: Output) -> DiskState:
        """See Probe."""
        space, divider, inodes = output.stdout.partition("\n--\n")
        rooms = _rooms(space)
        if not divider or not rooms:
            raise Unreadable(f"disk: df: {last_line(output.stderr)}")
        return DiskState(space=rooms, inodes=_rooms(inodes), full=self.full)


_NOT_DISKS = ("/dev", "/proc", "/sys", "/snap")


def _rooms(table: str) -> tuple[DiskUse, ...]:
    rooms: list[DiskUse] = []
    for line in table.splitlines()[1:]:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[4].endswith("%") and not fields[5].startswith(_NOT_DISKS):
            rooms.append(DiskUse(mount=fields[5], percent=whole_number(fields[4].removesuffix("%"), "df")))
    return tuple(rooms)
