"""Files that processes hold open, through lsof."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import AbsolutePath, FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.files import O_APPEND

LSOF: Final = "/usr/bin/lsof"


_QUIET: Final = ("-w", "-n", "-P")


_NOTHING_FOUND: Final = 1


class OpenFile(FrozenModel):
    """A file that a process has open. Its size is in bytes."""

    pid: int
    command: str
    user: str
    device: int
    inode: int
    path: str
    size: int = 0
    appends: bool = False


class OpenFiles(Fact):
    """The files that are open, and the processes that have them open."""

    files: tuple[OpenFile, ...]

    def holders(self, device: int, inode: int) -> tuple[OpenFile, ...]:
        """Return an entry for each process that has this file open."""
        return tuple(each for each in self.files if (each.device, each.inode) == (device, inode))

    @override
    def describe(self) -> str:
        biggest = sorted({(each.size, each.path, each.command) for each in self.files}, reverse=True)[:2]
        return ", ".join(f"{path} {size // 1024**2} MiB ({command})" for size, path, command in biggest) or "none"


class _Lsof(Probe[OpenFiles]):
    """A question to lsof, answered in its fields for programs (lsof(8), OUTPUT FOR OTHER PROGRAMS)."""

    @override
    def parse(self, output: Output) -> OpenFiles:
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
            raise Unreadable(f"{self.label()}: the answer of lsof is incomplete")
        return OpenFile(
            pid=whole_number(process["p"], self.label()),
            command=process["c"],
            user=process.get("L", "?"),
            device=self._hex(file["D"]),
            inode=whole_number(file["i"], self.label()),
            path=file["n"].removesuffix(" (deleted)"),
            size=whole_number(file["s"], self.label()) if "s" in file else 0,
            appends=bool(self._hex(file["G"].partition(";")[0]) & O_APPEND) if "G" in file else False,
        )

    def _hex(self, text: str) -> int:
        digits = text.removeprefix("0x")
        if not 0 < len(digits) <= 16 or set(digits) - set("0123456789abcdef"):
            raise Unreadable(f"{self.label()}: lsof: {text[:40]!r} is not a number")
        return int(digits, 16)


class LogWriters(_Lsof):
    """Ask which processes have log files open, and whether for appending.

    After a file is shortened, a process that does not append goes on at its old end.
    """

    kind: Literal["disk.log-writers"] = "disk.log-writers"
    subject = "writers of log files"
    paths: tuple[AbsolutePath, ...] = Field(min_length=1, description="absolute paths")

    @override
    def command(self) -> Run:
        asked = Run.of(LSOF, *_QUIET, "+fg", "-F", "pcLfGDin", "--", user=ROOT, seconds=10)
        return asked.helped("log-writers", *self.paths)


class DeletedFiles(_Lsof):
    """List deleted files that are still open. They take space that no listing shows."""

    kind: Literal["disk.deleted-files"] = "disk.deleted-files"
    subject = "deleted files still open"

    @override
    def command(self) -> Run:
        return Run.of(LSOF, *_QUIET, "+L1", "-F", "pcLfsDin", user=ROOT, seconds=10).helped("deleted-files")


class HeldLogs(_Lsof):
    """List the deleted files that nginx, PHP-FPM and supervisor have open.

    Sizes are left out, so that the answer changes only with the files.
    """

    kind: Literal["disk.held-logs"] = "disk.held-logs"
    subject = "deleted logs still open"

    @override
    def command(self) -> Run:
        daemons = ("-c", "nginx", "-c", "php-fpm", "-c", "supervisord")
        return Run.of(LSOF, *_QUIET, "-a", "+L1", *daemons, "-F", "pcLfDin", user=ROOT, seconds=10).helped("held-logs")
