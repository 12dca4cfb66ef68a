"""Log files: their kind, owner, size and file system."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

O_APPEND: Final = 0o2000
"""O_APPEND of open(2) on Linux."""

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
    """One file at a path. A symbolic link is not followed."""

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
    """The files that exist at the paths that were asked about."""

    files: tuple[LogFile, ...]
    unseen: tuple[str, ...] = Field(description="paths behind a folder that is closed to the user who asks")

    @override
    def describe(self) -> str:
        return ", ".join(f"{each.path} {each.held_kib // 1024} MiB" for each in self.files) or "none"


class LogFiles(Probe[LogFileList]):
    """Ask for the kind, size and disk of the log files that may be shortened."""

    kind: Literal["disk.log-files"] = "disk.log-files"
    subject = "log files"
    paths: tuple[AbsolutePath, ...] = Field(description="absolute paths")
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    worth_kib: int = Field(default=16 * 1024, ge=1, description="space from which on shortening is worth it")

    @override
    def command(self) -> Run:
        # A fence compares standard output. Sizes change all the time, so they go to standard error.
        return Run.of("sh", "-c", _FILES, "sh", str(self.limit), str(self.worth_kib), *self.paths, seconds=8)

    @override
    def parse(self, output: Output) -> LogFileList:
        sizes = self._sizes(output.stderr)
        files: list[LogFile] = []
        unseen: list[str] = []
        told = 0
        for line in output.stdout.splitlines():
            match line.split(maxsplit=9):
                case [number, "file" | "link" | "other" as kind, device, inode, links, owner, full, big, trust, mount]:
                    path = self._path(number, told)
                    if path not in sizes or full not in _FULL or big not in _BIG or trust not in _TRUST:
                        raise Unreadable(f"{self.label()}: the answer about {path} is incomplete")
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
                    raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
            told += 1
        if told != len(self.paths):
            raise Unreadable(
                f"{self.label()}: only {told} of {len(self.paths)} were answered: {last_line(output.stderr)}"
            )
        return LogFileList(files=tuple(files), unseen=tuple(unseen))

    def _path(self, number: str, expected: int) -> str:
        if number != str(expected) or expected >= len(self.paths):
            raise Unreadable(f"{self.label()}: unexpected answer about file {number[:20]}")
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
