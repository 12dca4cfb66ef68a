"""Free space in a database's data directory."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable


class DataRoom(Fact):
    """The free space in a database's data directory, and whether it is writable."""

    writable: bool
    percent: int = Field(description="used, of the bytes that ordinary users may use")
    inodes: int = Field(description="used, in percent; 0 where the file system does not count them")

    @property
    def full(self) -> bool:
        """True if no bytes or no inodes are left."""
        return self.percent >= 100 or self.inodes >= 100

    @property
    @override
    def ok(self) -> bool | None:
        return self.writable and not self.full

    @override
    def describe(self) -> str:
        if not self.writable:
            return "mounted read-only"
        return f"{self.percent} % full{f', inodes {self.inodes} %' if self.inodes >= 95 else ''}"


class DataDirectory(Probe[DataRoom]):
    """Ask for the free space in a database's data directory.

    A full or read-only disk keeps the server from starting.
    """

    kind: Literal["mysql.data-directory"] = "mysql.data-directory"
    path: AbsolutePath = Field(default="/var/lib/mysql", description="the server's data directory")

    @override
    def label(self) -> str:
        return self.path

    @override
    def command(self) -> Run:
        asked = 'findmnt -rno OPTIONS -T "$1" && echo -- && df -P -k "$1" && echo -- && df -P -i "$1"'
        return Run.of("sh", "-c", asked, "sh", self.path, seconds=5)

    @override
    def parse(self, output: Output) -> DataRoom:
        options, _, tables = output.stdout.partition("\n--\n")
        space, divider, inodes = tables.partition("\n--\n")
        if output.exit != 0 or not divider:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        return DataRoom(
            writable="ro" not in options.strip().split(","),
            percent=self._used(space),
            inodes=self._used(inodes),
        )

    def _used(self, table: str) -> int:
        fields = table.splitlines()[-1].split(maxsplit=5) if table.strip() else []
        if len(fields) < 5:
            raise Unreadable(f"{self.label()}: df: {table[:80]!r}")
        return 0 if fields[4] == "-" else whole_number(fields[4].removesuffix("%"), "df")
