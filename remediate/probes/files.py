"""Log files: what they are, who writes to them, and which deleted files still hold space."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from remediate.command import ROOT, Output, Run
from remediate.errors import Unreadable
from remediate.fields import AbsolutePath, FrozenModel
from remediate.probe import Fact, Probe, last_line, whole_number

LSOF: Final = "/usr/bin/lsof"
_QUIET: Final = ("-w", "-n", "-P")
_APPEND: Final = 0o2000
"""O_APPEND of open(2) on Linux."""
_NOTHING_FOUND: Final = 1

_FILES: Final = r"""
limit=$1 worth=$2; shift 2
safe() {
  at=$1
  while :; do
    set -- $(stat -c '%U %G %A' -- "$at") || return 1
    [ "$1" = root ] || return 1
    case $3 in
      l*) ;;
      ????????w?*) return 1 ;;
      ?????w*) case $2 in root|syslog|adm) ;; *) return 1 ;; esac ;;
    esac
    [ "$at" != / ] || return 0
    at=$(dirname -- "$at")
  done
}
missing() {
  up=$(dirname -- "$1")
  while [ ! -e "$up" ] && [ "$up" != / ]; do up=$(dirname -- "$up"); done
  [ -x "$up" ]
}
number=0
for path in "$@"; do
  folder=$(dirname -- "$path")
  if [ -L "$path" ]; then kind=link; elif [ -f "$path" ]; then kind=file; elif [ -e "$path" ]; then kind=other
  elif missing "$path"; then kind=missing; else kind=unseen; fi
  case $kind in
    file|link|other)
      set -- $(stat -c '%d %i %h %U %s %b %B' -- "$path")
      used=$(df --output=pcent -- "$folder" | tail -n 1 | tr -cd 0-9)
      mount=$(df --output=target -- "$folder" | tail -n 1)
      held=$(($6 * $7 / 1024))
      full=roomy; [ "${used:-0}" -lt "$limit" ] || full=full
      big=small; [ "$held" -lt "$worth" ] || big=big
      trust=loose; if real=$(realpath -e -- "$folder") && safe "$folder" && safe "$real"; then trust=safe; fi
      echo "$number $kind $1 $2 $3 $4 $full $big $trust $mount"; echo "$number $5 $held" >&2 ;;
    *) echo "$number $kind" ;;
  esac
  number=$((number + 1))
done
"""


class LogFile(FrozenModel):
    """One file by its path, without following a link."""

    path: str
    kind: Literal["file", "link", "other"]
    device: int
    inode: int
    links: int = Field(description="names that this file has")
    owner: str
    on_full: bool = Field(description="whether its file system is full")
    big: bool = Field(description="whether shortening it gives back something worth it")
    safe_folder: bool = Field(description="whether only root can put something else in its place")
    mount: str = Field(description="where its file system is mounted")
    size: int = Field(description="bytes")
    held_kib: int = Field(description="space that it takes")


class LogFileList(Fact):
    """The files that exist among those asked about."""

    files: tuple[LogFile, ...]
    unseen: tuple[str, ...] = Field(description="paths behind a folder that is closed to the user who asks")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return ", ".join(f"{each.path} {each.held_kib // 1024} MiB" for each in self.files) or "none"


class LogFiles(Probe[LogFileList]):
    """Look at the log files that may be shortened: what they are, how big, and on which disk."""

    kind: Literal["disk.log-files"] = "disk.log-files"
    paths: tuple[AbsolutePath, ...] = Field(description="absolute paths")
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    worth_kib: int = Field(default=16 * 1024, ge=1, description="space from which on shortening is worth it")

    def label(self) -> str:
        """See Probe."""
        return "log files"

    def command(self) -> Run:
        """See Probe."""
        # What is measured goes to standard error, what it is to standard output: that is what a fence compares.
        return Run.of("sh", "-c", _FILES, "sh", str(self.limit), str(self.worth_kib), *self.paths, seconds=8)

    def parse(self, output: Output) -> LogFileList:
        """See Probe."""
        sizes = self._sizes(output.stderr)
        files: list[LogFile] = []
        unseen: list[str] = []
        told = 0
        for line in output.stdout.splitlines():
            match line.split(maxsplit=9):
                case [number, "file" | "link" | "other" as kind, device, inode, links, owner, full, big, trust, mount]:
                    path = self._path(number, told)
                    if path not in sizes or full not in _FULL or big not in _BIG or trust not in _TRUST:
                        raise Unreadable(f"{self.label()}: {path} was not told about whole")
                    files.append(
                        LogFile(
                            path=path,
                            kind=kind,
                            device=whole_number(device, path),
                            inode=whole_number(inode, path),
                            links=whole_number(links, path),
                            owner=owner,
                            on_full=_FULL[full],
                            big=_BIG[big],
                            safe_folder=_TRUST[trust],
                            mount=mount,
                            size=sizes[path][0],
                            held_kib=sizes[path][1],
                        )
                    )
                case [number, "missing"]:
                    self._path(number, told)
                case [number, "unseen"]:
                    unseen.append(self._path(number, told))
                case _:
                    raise Unreadable(f"{self.label()}: {line[:80]!r} is not about a file")
            told += 1
        if told != len(self.paths):
            raise Unreadable(f"{self.label()}: {told} of {len(self.paths)} were told about: {last_line(output.stderr)}")
        return LogFileList(files=tuple(files), unseen=tuple(unseen))

    def _path(self, number: str, expected: int) -> str:
        if number != str(expected) or expected >= len(self.paths):
            raise Unreadable(f"{self.label()}: file {number[:20]} was not asked about here")
        return self.paths[expected]

    def _sizes(self, text: str) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for line in text.splitlines():
            match line.split():
                case [number, size, held] if number in _numbers(len(self.paths)):
                    path = self.paths[int(number)]
                    found[path] = (whole_number(size, path), whole_number(held, path))
                case _:
                    continue  # a warning of some program
        return found


def _numbers(count: int) -> frozenset[str]:
    return frozenset(map(str, range(count)))


_FULL: Final = {"full": True, "roomy": False}
_BIG: Final = {"big": True, "small": False}
_TRUST: Final = {"safe": True, "loose": False}


class OpenFile(FrozenModel):
    """A file that a process has open."""

    pid: int
    command: str
    user: str
    device: int
    inode: int
    path: str
    size: int = 0
    appends: bool = False


class OpenFiles(Fact):
    """Who has which files open."""

    files: tuple[OpenFile, ...]

    def holders(self, device: int, inode: int) -> tuple[OpenFile, ...]:
        """Return who has this one open."""
        return tuple(each for each in self.files if (each.device, each.inode) == (device, inode))

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        biggest = sorted({(each.size, each.path, each.command) for each in self.files}, reverse=True)[:2]
        return ", ".join(f"{path} {size // 1024**2} MiB ({command})" for size, path, command in biggest) or "none"


class _Lsof(Probe[OpenFiles]):
    """What lsof says, in the fields that it prints for other programs (lsof(8), OUTPUT FOR OTHER PROGRAMS)."""

    def parse(self, output: Output) -> OpenFiles:
        """See Probe."""
        if output.exit > _NOTHING_FOUND:
            raise Unreadable(f"{self.label()}: lsof: {last_line(output.stderr)}")
        return OpenFiles(files=tuple(self._files(output.stdout)))

    def _files(self, text: str) -> Iterator[OpenFile]:
        process: dict[str, str] = {}
        file: dict[str, str] = {}
        for line in (*text.splitlines(), "p"):
            key, value = line[:1], line[1:]
            if key in {"p", "f"}:
                if "f" in file:
                    yield self._file(process, file)
                file = {key: value} if key == "f" else {}
                process = {key: value} if key == "p" else process
            elif key in {"c", "L"}:
                process[key] = value
            elif key:
                file[key] = value

    def _file(self, process: dict[str, str], file: dict[str, str]) -> OpenFile:
        if not {"p", "c"} <= process.keys() or not {"D", "i", "n"} <= file.keys():
            raise Unreadable(f"{self.label()}: lsof did not tell everything that was asked")
        return OpenFile(
            pid=whole_number(process["p"], self.label()),
            command=process["c"],
            user=process.get("L", "?"),
            device=self._hex(file["D"]),
            inode=whole_number(file["i"], self.label()),
            path=file["n"].removesuffix(" (deleted)"),
            size=whole_number(file["s"], self.label()) if "s" in file else 0,
            appends=bool(self._hex(file["G"].partition(";")[0]) & _APPEND) if "G" in file else False,
        )

    def _hex(self, text: str) -> int:
        digits = text.removeprefix("0x")
        if not 0 < len(digits) <= 16 or set(digits) - set("0123456789abcdef"):
            raise Unreadable(f"{self.label()}: lsof: {text[:40]!r} is not a number")
        return int(digits, 16)


class LogWriters(_Lsof):
    """Ask who has these files open, and whether for appending: anybody else goes on where the file used to end."""

    kind: Literal["disk.log-writers"] = "disk.log-writers"
    paths: tuple[AbsolutePath, ...] = Field(min_length=1, description="absolute paths")

    def label(self) -> str:
        """See Probe."""
        return "writers of log files"

    def command(self) -> Run:
        """See Probe."""
        asked = Run.of(LSOF, *_QUIET, "+fg", "-F", "pcLfGDin", "--", user=ROOT, seconds=10)
        return asked.helped("log-writers", *self.paths)


class DeletedFiles(_Lsof):
    """Ask for files that are deleted and still open: they take space that no list of files shows."""

    kind: Literal["disk.deleted-files"] = "disk.deleted-files"

    def label(self) -> str:
        """See Probe."""
        return "deleted files still open"

    def command(self) -> Run:
        """See Probe."""
        return Run.of(LSOF, *_QUIET, "+L1", "-F", "pcLfsDin", user=ROOT, seconds=10).helped("deleted-files")


class HeldLogs(_Lsof):
    """Ask which deleted files nginx, PHP-FPM and supervisor have open; without sizes, so it only changes with that."""

    kind: Literal["disk.held-logs"] = "disk.held-logs"

    def label(self) -> str:
        """See Probe."""
        return "deleted logs still open"

    def command(self) -> Run:
        """See Probe."""
        daemons = ("-c", "nginx", "-c", "php-fpm", "-c", "supervisord")
        return Run.of(LSOF, *_QUIET, "-a", "+L1", *daemons, "-F", "pcLfDin", user=ROOT, seconds=10).helped("held-logs")
