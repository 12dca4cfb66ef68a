"""Processes with big files open for writing on a full file system."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.programs.logs import disk_writers

_STATES: Final = {"there": False, "deleted": True}


class DiskWriter(FrozenModel):
    """A process with a file open for writing."""

    pid: int
    parent: int
    unit: str | None = Field(description="systemd service it belongs to; of a user manager as MANAGER/UNIT")
    user: str
    name: str = Field(description="its program")
    deleted: bool = Field(description="whether the file has no name any more: its space comes back when it is closed")
    held_kib: int = Field(description="space that the file takes")
    grown_kib: int = Field(description="what it grew by in two seconds; nothing can grow where no room is left")
    path: str

    def describe(self) -> str:
        """Return the process, its file and the file's growth as text."""
        size = f"{self.path}{', deleted,' if self.deleted else ''} ({self.held_kib // 1024} MiB"
        growth = f", {self.grown_kib} KiB more in 2 s" if self.grown_kib > 0 else ""
        return f"{self.name} (pid {self.pid}{f', {self.unit}' if self.unit else ''}) writes to {size}{growth})"


class DiskWriterList(Fact):
    """The processes that write to full file systems, the biggest file first."""

    writers: tuple[DiskWriter, ...]

    def of(self, pid: int, path: str) -> DiskWriter | None:
        """Return the entry of a process, preferably for this path; None without any."""
        own = [each for each in self.writers if each.pid == pid]
        return next((each for each in own if each.path == path), own[0] if own else None)

    @override
    def describe(self) -> str:
        return "; ".join(each.describe() for each in self.writers[:2]) or "nothing of 1 MiB or more"


class DiskWriters(Probe[DiskWriterList]):
    """List processes with files of 1 MiB or more open for writing on full disks.

    Files are compared by device: one counts wherever its disk is mounted, and whatever path the process uses. Nothing
    is searched if no disk is full.
    """

    kind: Literal["disk.writers"] = "disk.writers"
    subject = "writers on a full disk"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    @override
    def command(self) -> Run:
        return disk_writers(self.limit, ROOT)

    @override
    def parse(self, output: Output) -> DiskWriterList:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        return DiskWriterList(writers=tuple(map(self._writer, output.stdout.splitlines())))

    def _writer(self, line: str) -> DiskWriter:
        match line.split(" ", 8):
            case [pid, parent, unit, user, name, ("there" | "deleted") as state, held, grown, path] if path:
                return DiskWriter(
                    pid=whole_number(pid, self.label()),
                    parent=whole_number(parent, self.label()),
                    unit=None if unit == "-" else unit,
                    user=user,
                    name=name,
                    deleted=_STATES[state],
                    held_kib=whole_number(held, self.label()),
                    grown_kib=-whole_number(grown[1:], self.label())
                    if grown.startswith("-")
                    else whole_number(grown, self.label()),
                    path=path,
                )
            case _:
                raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
