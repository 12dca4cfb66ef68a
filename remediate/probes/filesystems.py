"""How much room the file systems have, in numbers, and what fills a full one."""

import re
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.probe import Fact, Probe, last_line, whole_number

# Numbers of the kernel, always full by nature, or the engine's own files inside a container.
_EXCLUDED: Final = ("squashfs", "iso9660", "efivarfs", "devtmpfs", "proc", "sysfs", "ramfs", "erofs")
_NOT_DISKS: Final = ("/dev", "/proc", "/sys", "/snap", "/etc/", "/boot/efi", "/run/user/", "/run/credentials")
PASSING: Final = ("/run/", "/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/")
"""Where mounts of sessions and containers come and go; what they hold lies in memory, or on a disk that is told of."""
_COLUMNS: Final = "used,avail,pcent,itotal,iavail,ipcent,target"


class FileSystem(BaseModel):
    """One file system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mount: str
    used_kib: int
    available_kib: int = Field(description="what ordinary users may still use")
    percent: int = Field(description="used, of what ordinary users may use; rounded up")
    inodes_percent: int | None = Field(description="None where it does not count inodes")

    @property
    def share(self) -> float | None:
        """The same percentage as exactly as it is known; None where there are no blocks at all."""
        total = self.used_kib + self.available_kib
        return 100 * self.used_kib / total if total else None

    def describe(self) -> str:
        """Say how full it is, for a person."""
        inodes = f", inodes {self.inodes_percent} %" if (self.inodes_percent or 0) >= self.percent else ""
        return f"{self.mount} {self.percent} % ({self.available_kib // 1024} MiB left){inodes}"


class RoomState(Fact):
    """All file systems that matter."""

    systems: tuple[FileSystem, ...]
    limit: int = Field(description="percent from which on one is full")
    trouble: str = Field(default="", description="why a further one may be missing; empty where none is")

    @property
    def full(self) -> tuple[FileSystem, ...]:
        """Those without room for bytes."""
        return tuple(each for each in self.systems if each.percent >= self.limit)

    @property
    def crowded(self) -> tuple[FileSystem, ...]:
        """Those without room for files: no bytes given back would help."""
        return tuple(each for each in self.systems if (each.inodes_percent or 0) >= self.limit)

    def of(self, mount: str) -> FileSystem:
        """Return one by where it is mounted. Raises Unreadable when it is not there any more."""
        for each in self.systems:
            if each.mount == mount:
                return each
        raise Unreadable(f"disk: {mount} was not told about")

    def mount_of(self, path: str) -> str:
        """Return where the file system of a path is mounted, by the longest name that fits."""
        fitting = (each.mount for each in self.systems if f"{path}/".startswith(f"{each.mount.rstrip('/')}/"))
        return max(fitting, key=len, default="/")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return not (self.full or self.crowded)

    def describe(self) -> str:
        """See Fact."""
        ill = dict.fromkeys((*self.full, *self.crowded))
        worst = max(self.systems, key=lambda each: max(each.percent, each.inodes_percent or 0))
        return "; ".join(each.describe() for each in ill) or worst.describe()


class Room(Probe[RoomState]):
    """Ask for the room on every local file system that matters, in bytes and in inodes."""

    kind: Literal["disk.room"] = "disk.room"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    def label(self) -> str:
        """See Probe."""
        return "disk"

    def command(self) -> Run:
        """See Probe."""
        # -l leaves out network file systems, whose server may hang.
        without = tuple(word for each in _EXCLUDED for word in ("-x", each))
        return Run.of("df", "-l", "--block-size=1024", f"--output={_COLUMNS}", *without, seconds=5)

    def parse(self, output: Output) -> RoomState:
        """See Probe."""
        systems = [found for line in output.stdout.splitlines()[1:] if (found := self._system(line)) is not None]
        if not systems:
            raise Unreadable(f"disk: df: {last_line(output.stderr)}")
        return RoomState(systems=tuple(systems), limit=self.limit, trouble=_trouble(output))

    def _system(self, line: str) -> FileSystem | None:
        match line.split(maxsplit=6):
            case [used, available, percent, _, _, inodes, mount] if percent.endswith("%"):
                if mount.startswith(_NOT_DISKS):
                    return None
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
                raise Unreadable(f"disk: df said {line[:80]!r}")


def _trouble(output: Output) -> str:
    """Return what df says about what it could not ask, without what nobody asks about."""
    if output.exit == 0:
        return ""
    lines = [line.strip() for line in output.stderr.splitlines() if line.strip()]
    left = [line for line in lines if not line.removeprefix("df: ").lstrip("'").startswith((*_NOT_DISKS, *PASSING))]
    return "" if lines and not left else (left or [f"df ended with {output.exit}"])[0][:200]


_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_BIGGEST: Final = r"""
df -l --block-size=1024 --output=pcent,target | tail -n +2 | while read -r percent mount; do
  case ${percent%\%} in ''|*[!0-9]*) continue ;; esac
  case $mount in /dev*|/proc*|/sys*|/snap*|/etc/*) continue ;; esac
  [ "${percent%\%}" -lt "$1" ] || timeout 6 find "$mount" -xdev -type f -size +1023k -printf '%k %p\n'
done 2>/dev/null | sort -rn | head -n 5
df -l -i --output=ipcent,target | tail -n +2 | while read -r percent mount; do
  case ${percent%\%} in ''|*[!0-9]*) continue ;; esac
  case $mount in /dev*|/proc*|/sys*|/snap*|/etc/*) continue ;; esac
  [ "${percent%\%}" -lt "$1" ] || timeout 6 find "$mount" -xdev -printf 'i %h\n'
done 2>/dev/null | sort | uniq -c | sort -rn | head -n 3 | while read -r count mark folder; do
  echo "$mark $count $folder"
done
"""


class Consumer(BaseModel):
    """A big file, or a folder with many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size_kib: int = 0
    files: int = 0

    def describe(self) -> str:
        """Say what it is, for a person."""
        return f"{self.path} ({f'{self.files} files' if self.files else f'{self.size_kib // 1024} MiB'})"


class ConsumerList(Fact):
    """What fills the file systems that are full, as far as the user who asks may see."""

    consumers: tuple[Consumer, ...]

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return ", ".join(each.describe() for each in self.consumers) or "nothing that this user may see"


class Consumers(Probe[ConsumerList]):
    """Look for what fills a full file system: the biggest files, the folders with most files.

    As the user of the login, who need not see everything, and for some seconds only; not at all when none is full.
    """

    kind: Literal["disk.consumers"] = "disk.consumers"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    def label(self) -> str:
        """See Probe."""
        return "biggest on a full disk"

    def command(self) -> Run:
        """See Probe."""
        return Run.of("sh", "-c", _BIGGEST, "sh", str(self.limit), seconds=20)

    def parse(self, output: Output) -> ConsumerList:
        """See Probe."""
        found: list[Consumer] = []
        for line in output.stdout.splitlines():
            match line.split(maxsplit=2):
                case ["i", count, folder] if _NUMBER.fullmatch(count):
                    found.append(Consumer(path=folder, files=whole_number(count, self.label())))
                case [size, *path] if path and _NUMBER.fullmatch(size):
                    found.append(Consumer(path=" ".join(path), size_kib=whole_number(size, self.label())))
                case _:
                    continue  # the rest of a name with a line break in it
        return ConsumerList(consumers=tuple(found))
