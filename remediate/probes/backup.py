"""A test restore of a backup, into a temporary server that is removed afterwards."""

import json
import re
from datetime import datetime
from enum import Enum
from typing import Final, Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel, UserName
from remediate.core.monitoring import FilePattern, ScratchPath
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.programs.restore import restore_dump


class RestoreState(Enum):
    """The result of restoring the newest backup."""

    RESTORED = "restored"
    # The backup is at fault.
    MISSING = "missing"
    EMPTY = "empty"
    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    NO_DUMP = "no-dump"
    BROKEN = "broken"
    # The test could not be finished, so the backup may be good.
    NOT_ALLOWED = "not-allowed"
    OF_MYSQL = "of-mysql"
    WRITING = "writing"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    SEVERAL = "several"
    ODD_KIND = "odd-kind"
    ODD_NAME = "odd-name"
    ROOT = "root"
    BUSY = "busy"
    NO_PLACE = "no-place"
    NO_TOOL = "no-tool"
    NO_ROOM = "no-room"
    NO_START = "no-start"
    DIED = "died"
    UNCOUNTED = "uncounted"
    LATE = "late"


_WORDS: Final = {
    RestoreState.RESTORED: "restored",
    RestoreState.MISSING: "no file matches",
    RestoreState.EMPTY: "it is empty",
    RestoreState.DAMAGED: "it cannot be unpacked",
    RestoreState.TRUNCATED: "it ends in the middle: the line `-- Dump completed` is missing",
    RestoreState.NO_DUMP: "there is no .sql file in it",
    RestoreState.BROKEN: "it cannot be restored",
    RestoreState.NOT_ALLOWED: "it needs more permissions than a test restore has",
    RestoreState.OF_MYSQL: "it is a dump of MySQL, and MariaDB does not accept all of it",
    RestoreState.WRITING: "it is still being written, or was a moment ago",
    RestoreState.UNREADABLE: "it cannot be read",
    RestoreState.ENCRYPTED: "it is encrypted",
    RestoreState.SEVERAL: "there is more than one .sql file in it",
    RestoreState.ODD_KIND: "it is neither .sql nor .gz nor .zip",
    RestoreState.ODD_NAME: "its name has unexpected characters",
    RestoreState.ROOT: "the login is root, and no dump is restored as root",
    RestoreState.BUSY: "another restore of it is running",
    RestoreState.NO_PLACE: "no directory can be made",
    RestoreState.NO_TOOL: "a program is missing",
    RestoreState.NO_ROOM: "there is not enough room",
    RestoreState.NO_START: "the server for it does not start",
    RestoreState.DIED: "the server for it died",
    RestoreState.UNCOUNTED: "restored, but its rows could not be counted",
    RestoreState.LATE: "it exceeded its time limit",
}
_FAULTS: Final = frozenset(list(RestoreState)[1:7])
_ERROR: Final = re.compile(r"ERROR (\d{1,5}) ")
_OF_THE_TRIAL: Final = frozenset({1044, 1045, 1095, 1126, 1142, 1143, 1227, 1290, 1370, 1410, 1419, 1449, 4166})
"""Errors that refuse a right to the restoring account. A normal server would grant it."""
_NO_ROOM: Final = frozenset({3, 28, 1021, 1114})
_OF_THE_CLIENT: Final = range(2000, 2100)


class RestoredTable(FrozenModel):
    """One table that was restored from the backup."""

    database: str = Field(max_length=256)
    name: str = Field(max_length=256)
    rows: int = Field(ge=0)
    newest: str | None = Field(max_length=40, description="when a row was last created or updated, as stored")


class RestoredState(Fact):
    """The newest backup, and the result of restoring it."""

    state: RestoreState
    why: str = Field(default="", max_length=400, description="the reason, where there is one to tell")
    file: str = Field(default="", description="which one; empty without one")
    old: int = Field(default=0, description="seconds since it was written, by its host's clock")
    completed: int | None = Field(
        default=None, description="seconds since its last line says that it was completed, that read as UTC"
    )
    size: int = Field(default=0, ge=0, description="bytes of the file")
    sql: int = Field(default=0, ge=0, description="bytes of SQL in it")
    server: str = Field(default="", description="version of the server that it was restored into")
    seconds: float = Field(default=0, ge=0, description="how long restoring took, at the lowest priority")
    count: int = Field(default=0, ge=0, description="tables in it, of all databases")
    tables: tuple[RestoredTable, ...] = Field(default=(), description="those that were told about")

    @property
    @override
    def ok(self) -> bool | None:
        if self.state is RestoreState.RESTORED:
            return True
        return False if self.state in _FAULTS else None

    @override
    def describe(self) -> str:
        if self.state is RestoreState.RESTORED:
            return f"restored in {self.seconds:.1f} s: {self.count} tables"
        return f"{_WORDS[self.state]}{f': {self.why}' if self.why else ''}"


class RestoredBackup(Probe[RestoredState]):
    r"""Restore the newest backup into a temporary MariaDB server and count its rows.

    Ask this on a host that has the files and is not production: it uses disk, memory and a core there, at the lowest
    priority. Nothing that exists on the host is changed, whatever the dump contains, and nothing is left behind. The
    server has no network, its accounts have no right to files, and mariadb(1) runs with `--binary-mode` and
    `--sandbox`, without which a dump can start programs (`\!`). A dump of MySQL 8 needs MySQL, because MariaDB does not
    know its collations.
    """

    kind: Literal["backup.restored"] = "backup.restored"
    files: FilePattern = Field(description="dumps; the newest one counts")
    scratch: ScratchPath = Field(default="/var/tmp", description="where there is room")  # noqa: S108  # on the host
    seconds: int = Field(default=1800, ge=30, le=3500, description="how long all of it may take")
    user: UserName | None = Field(default=None, description="as whom, where the login is root; never root")

    @override
    def label(self) -> str:
        return f"backup {self.files}"

    @override
    def command(self) -> Run:
        return restore_dump(self.files, self.scratch, self.seconds, self.user)

    @override
    def parse(self, output: Output) -> RestoredState:
        lines: dict[str, str] = {}
        tables: list[RestoredTable] = []
        for line in output.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "table":
                tables.append(_table(rest))
            elif word:
                lines[word] = rest
        # A restore that was ended at its deadline may have been cut off within a line, so `late` comes first.
        word, _, why = ("late", "", "") if "late" in lines else lines.get("state", "").partition(" ")
        try:
            state = RestoreState(word)
        except ValueError:
            raise Unreadable(
                f"{self.label()}: the restore ended without a result: {last_line(output.stderr)}"
            ) from None
        state = _refined(state, why, of_mysql="mysql" in lines)
        if "file" not in lines:
            if state in {RestoreState.RESTORED, RestoreState.BROKEN}:
                raise Unreadable(f"{self.label()}: restored something that is not a file")
            return RestoredState(state=state, why=why[:400])
        now, written, size, file = _words(lines["file"], 4)
        known = RestoredState(
            state=state,
            why=why[:400],
            file=file,
            old=whole_number(now, self.label()) - whole_number(written, self.label()),
            completed=_since(lines.get("completed"), whole_number(now, self.label())),
            size=whole_number(size, self.label()),
            sql=whole_number(lines.get("sql", "0"), self.label()),
            server=lines.get("server", "")[:100],
        )
        if state is not RestoreState.RESTORED:
            return known
        took, count = lines.get("took", ""), whole_number(lines.get("tables", ""), self.label())
        if not re.fullmatch(r"[0-9]{1,6}\.[0-9]", took) or count < len(tables):
            raise Unreadable(f"{self.label()}: the answer about the restore is incomplete")
        return known.model_copy(update={"seconds": float(took), "count": count, "tables": tuple(tables)})


def _refined(state: RestoreState, why: str, *, of_mysql: bool) -> RestoreState:
    """Return the more exact state that the server's error number stands for.

    It separates a fault of the dump from a limit of the test.
    """
    found = _ERROR.match(why)
    if state is not RestoreState.BROKEN or found is None:
        return state
    number = int(found[1])
    if number in _OF_THE_TRIAL:
        return RestoreState.NOT_ALLOWED
    if number in _NO_ROOM:
        return RestoreState.NO_ROOM
    if number in _OF_THE_CLIENT:
        return RestoreState.DIED
    return RestoreState.OF_MYSQL if of_mysql else state


def _since(completed: str | None, now: int) -> int | None:
    if completed is None:
        return None
    try:
        return now - int(datetime.strptime(f"{completed}+0000", "%Y-%m-%d %H:%M:%S%z").timestamp())
    except ValueError:
        raise Unreadable(f"backup: {completed[:80]!r} is not a time") from None


def _words(line: str, count: int) -> list[str]:
    words = line.split(" ", count - 1)
    if len(words) != count:
        raise Unreadable(f"backup: unexpected line {line[:80]!r}")
    return words


def _table(text: str) -> RestoredTable:
    try:
        match json.loads(text):
            case [database, name, rows, newest]:
                found = {"database": database, "name": name, "rows": rows, "newest": newest}
                return RestoredTable.model_validate(found, strict=True)
    except (ValueError, RecursionError, ValidationError):
        pass
    raise Unreadable(f"backup: unexpected line {text[:80]!r}")
