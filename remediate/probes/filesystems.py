"""Free space of the file systems, and all mount points of each."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

# These types and places show data of the kernel, are full by design, or belong to the container engine.
EXCLUDED: Final = (
    *("squashfs", "iso9660", "efivarfs", "devtmpfs", "proc", "sysfs", "ramfs", "erofs"),
    *("fuse.portal", "fuse.gvfsd-fuse"),  # of one user's desktop: nobody else may look at them
)
NOT_DISKS: Final = ("/dev", "/proc", "/sys", "/snap", "/etc/", "/boot/efi", "/run/user/", "/run/credentials")
PASSING: Final = ("/run/", "/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/")
"""Places where the mounts of sessions and containers come and go.

Their content is in memory, or on a disk that is listed anyway.
"""
_COLUMNS: Final = "used,avail,pcent,itotal,iavail,ipcent,target"
WITHOUT: Final = tuple(word for each in EXCLUDED for word in ("-x", each))
"""Options for df. The -l before them leaves out network file systems, whose server may hang."""

_ROOM: Final = r"""
df -l --block-size=1024 "$@"; status=$?
echo
awk '{
  for (i = 7; i < NF && $i != "-"; i++) ;
  kernel = $(i + 1) ~ /^(nsfs|proc|sysfs|cgroup2?|devpts|mqueue|debugfs|tracefs|bpf|autofs|squashfs)$/
  if (!kernel && $5 !~ /^\/(dev|proc|sys|run|snap|var\/lib\/(docker|containers|kubelet))\//) print $3, $5
}' /proc/self/mountinfo | head -n 300
exit "$status"
"""
"""df lists each device once, however often it is mounted. The kernel lists every mount point (proc(5), mountinfo)."""
_PLACE: Final = re.compile(r"([0-9]{1,7}):([0-9]{1,7}) (/.*)")


class FileSystem(FrozenModel):
    """One file system."""

    mount: str
    also: tuple[str, ...] = Field(default=(), description="where else the same file system is mounted")
    device: int | None = Field(
        default=None, description="its number, as stat(2) tells it of a file; None where unknown"
    )
    used_kib: int
    available_kib: int = Field(description="what ordinary users may still use")
    percent: int = Field(description="used, of what ordinary users may use; rounded up")
    inodes_percent: int | None = Field(description="None where it does not count inodes")

    @property
    def share(self) -> float | None:
        """The exact percentage, as far as it is known; None without any blocks."""
        total = self.used_kib + self.available_kib
        return 100 * self.used_kib / total if total else None

    def describe(self) -> str:
        """Return the mount points, the percentages and the free space as text."""
        inodes = f", inodes {self.inodes_percent} %" if (self.inodes_percent or 0) >= self.percent else ""
        also = f" (also {', '.join(self.also[:2])})" if self.also else ""
        return f"{self.mount}{also} {self.percent} % ({self.available_kib // 1024} MiB left){inodes}"


class DiskSpaceState(Fact):
    """The local file systems, except those that hold no data of their own."""

    systems: tuple[FileSystem, ...]
    limit: int = Field(description="percent from which on one is full")
    trouble: str = Field(default="", description="why a further one may be missing; empty where none is")

    @property
    def full(self) -> tuple[FileSystem, ...]:
        """The file systems without room for bytes."""
        return tuple(each for each in self.systems if each.percent >= self.limit)

    @property
    def crowded(self) -> tuple[FileSystem, ...]:
        """The file systems without free inodes: freeing bytes would not help there."""
        return tuple(each for each in self.systems if (each.inodes_percent or 0) >= self.limit)

    def at(self, mount: str) -> FileSystem | None:
        """Return the file system at a mount point, under any name; None without one."""
        return next((each for each in self.systems if mount in {each.mount, *each.also}), None)

    def of(self, mount: str) -> FileSystem:
        """Return the file system at a mount point. Raises Unreadable if it is not listed."""
        found = self.at(mount)
        if found is None:
            raise Unreadable(f"disk: no answer about {mount}")
        return found

    def mount_of(self, path: str, device: int | None = None) -> str:
        """Return a file's mount point, by its device or else the longest matching path."""
        for each in self.systems:
            if device is not None and each.device == device:
                return each.mount
        places = ((place, each.mount) for each in self.systems for place in (each.mount, *each.also))
        fitting = (found for found in places if f"{path}/".startswith(f"{found[0].rstrip('/')}/"))
        return max(fitting, key=lambda found: len(found[0]), default=("/", "/"))[1]

    @property
    @override
    def ok(self) -> bool | None:
        if self.full or self.crowded:
            return False
        return None if self.trouble else True  # what df could not look at may be full

    @override
    def describe(self) -> str:
        ill = dict.fromkeys((*self.full, *self.crowded))
        worst = max(self.systems, key=lambda each: max(each.percent, each.inodes_percent or 0))
        told = "; ".join(each.describe() for each in ill) or worst.describe()
        return f"{told}; {self.trouble}" if self.trouble else told


class DiskSpace(Probe[DiskSpaceState]):
    """Ask for the room on every local file system that matters, in bytes and inodes."""

    kind: Literal["disk.room"] = "disk.room"
    subject = "disk"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _ROOM, "sh", f"--output={_COLUMNS}", *WITHOUT, seconds=5)

    @override
    def parse(self, output: Output) -> DiskSpaceState:
        table, _, places = output.stdout.partition("\n\n")
        told = [found for line in table.splitlines()[1:] if (found := self._system(line)) is not None]
        systems = tuple(_placed(told, _devices(places)))
        if not systems:
            raise Unreadable(f"disk: df: {last_line(output.stderr)}")
        return DiskSpaceState(systems=systems, limit=self.limit, trouble=_trouble(output))

    def _system(self, line: str) -> FileSystem | None:
        match line.split(maxsplit=6):
            case [used, available, percent, _, _, inodes, mount] if percent.endswith("%"):
                return FileSystem(
                    mount=mount,
                    used_kib=whole_number(used, "df"),
                    available_kib=whole_number(available, "df"),
                    percent=whole_number(percent.removesuffix("%"), "df"),
                    inodes_percent=whole_number(inodes.removesuffix("%"), "df") if inodes.endswith("%") else None,
                )
            case [*fields] if len(fields) == 7:  # a file system without a size, such as an automounter's
                return None
            case _:
                raise Unreadable(f"disk: unexpected line from df: {line[:80]!r}")


def _trouble(output: Output) -> str:
    """Return df's first complaint about a file system that matters; empty without any."""
    if output.exit == 0:
        return ""
    lines = [line.strip() for line in output.stderr.splitlines() if line.strip()]
    left = [line for line in lines if not line.removeprefix("df: ").lstrip("'").startswith((*NOT_DISKS, *PASSING))]
    return "" if lines and not left else (left or [f"df ended with {output.exit}"])[0][:200]


def _devices(text: str) -> Mapping[str, int]:
    """Return the device of each mount point; of several mounts on one place, the last."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        if place := _PLACE.fullmatch(line):
            name = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place[3])
            found[name] = os.makedev(int(place[1]), int(place[2]))
    return found


def _placed(systems: list[FileSystem], devices: Mapping[str, int]) -> Iterator[FileSystem]:
    """Yield each file system with its further mount points.

    Subvolumes that df lists separately stay separate.
    """
    told = {each.mount for each in systems}
    seen: set[int] = set()
    for each in systems:
        device = devices.get(each.mount)
        others = () if device is None or device in seen else (place for place in devices if devices[place] == device)
        seen |= set() if device is None else {device}
        # df names a device by its shortest mount point. If that is excluded here, another one may not be.
        places = [each.mount, *(place for place in others if place not in told)]
        disks = [place for place in places if not place.startswith(NOT_DISKS)]
        if disks:
            yield each.model_copy(update={"mount": disks[0], "also": tuple(disks[1:]), "device": device})
