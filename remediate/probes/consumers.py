"""Big files on full file systems, as far as the SSH user can see them."""

import re
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.filesystems import NOT_DISKS, PASSING, WITHOUT

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_PATIENCE: Final = 7
"""Seconds for each of the two searches, for big files and for folders with many."""

_BIGGEST: Final = r"""
limit=$1 without=$2 patience=$3; shift 3
chosen='NR > 1 && $1 ~ /^[0-9]+%$/ && $1 + 0 >= limit { sub(/^ *[0-9]+% /, ""); if ($0 !~ without) print }'
full() {
  column=$1; shift
  # Never with -i: df refuses it beside --output.
  df -l --output="$column,target" "$@" | awk -v limit="$limit" -v without="$without" "$chosen"
}
# One disk may be mounted at several places, and closed to the login at the one that df names.
everywhere() {
  awk -v without="$without" '
    FNR == NR { if ($5 !~ /\\/) { device[$5] = $3; place[FNR] = $5 }; next }
    { print; told[$0] = 1; if ($0 in device) wanted[device[$0]] = 1 }
    END { for (i in place) {
      at = place[i]
      if (!(at in told) && device[at] in wanted && at !~ without) { told[at] = 1; print at }
    } }' /proc/self/mountinfo -
}
closed() {
  awk '
    /: Permission denied$/ { sub(/^find: ./, ""); sub(/.: Permission denied$/, ""); if (!n++) first = $0; next }
    /^late$/
    END { if (n) print "closed", n, first }'
}
look() {
  order=$1; shift
  { { { timeout "$patience" find "$@" 2>&3; [ $? -ne 124 ] || echo late >&3; } | "$order" >&4; } 3>&1 | closed; } 4>&1
}
big() { sort -rn | awk '!seen[$2]++' | head -n 5; }
many() {
  sort | uniq -c | sort -rn | head -n 12 | while IFS=' ' read -r count folder; do
    echo "i $count $(stat -c %d:%i -- "$folder") $folder"
  done | awk '!seen[$3]++' | head -n 3
}
bytes=$(full pcent "$@"); files=$(full ipcent "$@")
set -f; IFS='
'
if [ -n "$bytes" ]; then
  set -- $(printf '%s\n' "$bytes" | everywhere)
  printf 'on %s\n' "$@"
  look big "$@" -xdev -type f -size +1023k -printf '%k %D:%i %p\n'
fi
if [ -n "$files" ]; then
  set -- $(printf '%s\n' "$files" | everywhere)
  printf 'on %s\n' "$@"
  look many "$@" -xdev -mindepth 1 -printf '%h\n'
fi
"""


class Consumer(FrozenModel):
    """A big file, or a folder with many files."""

    path: str
    size_kib: int = 0
    files: int = 0

    def describe(self) -> str:
        """Return the path with its size or its number of files."""
        return f"{self.path} ({f'{self.files} files' if self.files else f'{self.size_kib // 1024} MiB'})"


class ConsumerList(Fact):
    """The biggest files and folders on full file systems, and what could not be searched."""

    consumers: tuple[Consumer, ...]
    places: tuple[str, ...] = Field(default=(), description="where was looked: every mount of what is full")
    closed: int = Field(default=0, ge=0, description="folders that the login may not look into")
    such_as: str = Field(default="", description="one of them")
    late: bool = Field(default=False, description="whether there was more to look at than time")

    def describe(self) -> str:
        """Return what was found, and what could not be searched, as text."""
        if not self.places:
            return "not looked at"
        found = ", ".join(each.describe() for each in self.consumers)
        folders = "1 folder" if self.closed == 1 else f"{self.closed} folders, such as"
        left = f"closed to this user: {folders} {self.such_as}" if self.closed else ""
        late = "not everything was searched in time" if self.late else ""
        nothing = "nothing that this user may see" if left else "no file of 1 MiB or more"
        return "; ".join(part for part in (found or nothing, left, late) if part)


class Consumers(Probe[ConsumerList]):
    """Search full file systems for the biggest files and the folders with most files.

    The search runs as the SSH user, who may not see everything, and only for some seconds. Nothing is searched if no
    file system is full.
    """

    kind: Literal["disk.consumers"] = "disk.consumers"
    subject = "biggest on a full disk"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")

    @override
    def command(self) -> Run:
        words = (str(self.limit), f"^({'|'.join((*NOT_DISKS, *PASSING))})", str(_PATIENCE), *WITHOUT)
        return Run.of("sh", "-c", _BIGGEST, "sh", *words, seconds=2 * _PATIENCE + 6)

    @override
    def parse(self, output: Output) -> ConsumerList:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        found: list[Consumer] = []
        places: dict[str, None] = {}
        closed, such_as, late = 0, "", False
        for line in output.stdout.splitlines():
            match line.split(maxsplit=3):
                case ["late"]:
                    late = True
                case ["on", *_] if line.startswith("on /"):
                    places[line.removeprefix("on ")] = None
                case ["closed", count, *words] if words and _NUMBER.fullmatch(count):
                    closed, such_as = closed or whole_number(count, self.label()), such_as or " ".join(words)
                case ["i", count, _, folder] if _NUMBER.fullmatch(count):
                    found.append(Consumer(path=folder, files=whole_number(count, self.label())))
                case [size, _, *path] if path and _NUMBER.fullmatch(size):
                    found.append(Consumer(path=" ".join(path), size_kib=whole_number(size, self.label())))
                case _:
                    continue  # the rest of a name that contains a line break
        return ConsumerList(consumers=tuple(found), places=tuple(places), closed=closed, such_as=such_as, late=late)
