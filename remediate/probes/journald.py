"""Disk usage of the journal."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

_JOURNAL: Final = r"""
folder=/var/log/journal; [ -d "$folder" ] || folder=/run/log/journal
[ -d "$folder" ] || { echo none; exit 0; }
echo "files $(find "$folder" -name '*.journal*' -printf '%f\n' | sort | cksum | tr ' ' :)"
echo "on $(df --output=target -- "$folder" | tail -n 1)"
echo "size $(du -sk -- "$folder" | cut -f 1)" >&2
"""


class JournalUse(Fact):
    """The disk usage of the journal's files."""

    mount: str = Field(description="where their file system is mounted; empty when there is no journal")
    size_kib: int
    files: str = Field(description="changes with the files that there are")

    @override
    def describe(self) -> str:
        return f"{self.size_kib // 1024} MiB" if self.mount else "none"


class JournalFiles(Probe[JournalUse]):
    """Ask for the disk usage of the systemd journal, and a fingerprint of its files."""

    kind: Literal["journal.use"] = "journal.use"
    subject = "journal"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _JOURNAL, seconds=8)

    @override
    def parse(self, output: Output) -> JournalUse:
        if output.stdout.strip() == "none":
            return JournalUse(mount="", size_kib=0, files="")
        told = dict(line.split(" ", 1) for line in output.stdout.splitlines() if " " in line)
        sizes = [line.split() for line in output.stderr.splitlines()]
        match [words[1] for words in sizes if len(words) == 2 and words[0] == "size"]:
            case [size] if {"files", "on"} <= told.keys() and told["on"].startswith("/"):
                return JournalUse(mount=told["on"], size_kib=whole_number(size, self.label()), files=told["files"])
            case _:
                raise Unreadable(f"journal: du: {last_line(output.stderr)}")
