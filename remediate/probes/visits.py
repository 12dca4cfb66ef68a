"""Whether somebody who calls himself so visited the site lately, by its access log."""

import re
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.fields import AbsolutePath
from remediate.probe import Fact, Probe, last_line, whole_number

READ_BYTES: Final = 16 * 1024 * 1024
"""How much of the end of each log is read."""

_PROGRAM: Final = (
    'date -u +%s; wc -c < "$1" || exit 3; '
    # One that was rotated a minute ago says nothing yet: the one before it is read first.
    'for f in "$1.1" "$1"; do if [ -r "$f" ]; then tail -c "$3" -- "$f" || exit 3; fi; done | '
    # In the combined format the last quotes are around what the visitor calls himself; nginx writes his own as \x22.
    "awk -F '\"' -v a=\"$2\" 'NF > 2 && index($(NF - 1), a) { last = $0 } END { print last }'"
)
_LINE: Final = re.compile(
    r'^\S+ .*?\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4})\] "[^"]*" ([0-9]{3}) '
)


class LastVisit(Fact):
    """When somebody of that name was there last, and when that was looked at."""

    looked: AwareDatetime = Field(description="the host's own clock")
    visited: AwareDatetime | None = Field(description="None for never in what was read")
    status: int | None = Field(description="what the site answered")
    whole: bool = Field(description="whether the log was read from its beginning")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    @property
    def minutes(self) -> float | None:
        """How long ago the last visit was."""
        return None if self.visited is None else (self.looked - self.visited).total_seconds() / 60

    def describe(self) -> str:
        """See Fact."""
        if self.minutes is None:
            return "no visit in the log" if self.whole else "no visit in the end of the log"
        return f"last visit {self.minutes:.0f} min ago, answered {self.status}"


class MonitorVisits(Probe[LastVisit]):
    """Look for the last visit of a monitor in an access log, and in the one that was rotated before it.

    Anybody can call himself so: a visit is a sign of a monitor, no proof. The log has to be readable for the SSH user.
    """

    kind: Literal["nginx.visits"] = "nginx.visits"
    log: AbsolutePath = Field(description="access log in the combined format")
    agent: str = Field(pattern=r"^[A-Za-z0-9 ._/+-]{3,80}$", description="a part of the User-Agent")

    def label(self) -> str:
        """See Probe."""
        return f"visits of {self.agent}"

    def command(self) -> Run:
        """See Probe."""
        return Run.of("/bin/sh", "-c", _PROGRAM, "sh", self.log, self.agent, str(READ_BYTES), seconds=20)

    def parse(self, output: Output) -> LastVisit:
        """See Probe."""
        if output.exit != 0 or output.stderr.strip():
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        clock, size, line, *_ = *output.stdout.splitlines(), "", "", ""
        try:
            looked = datetime.fromtimestamp(whole_number(clock, self.label()), UTC)
        except (ValueError, OverflowError, OSError):
            raise Unreadable(f"{self.label()}: the host's clock says {clock[:40]!r}") from None
        whole = whole_number(size.strip(), self.label()) <= READ_BYTES
        if not line.strip():
            return LastVisit(looked=looked, visited=None, status=None, whole=whole)
        found = _LINE.match(line)
        try:
            # The C locale's names of months, which are nginx's as well.
            visited = datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z") if found else None
        except ValueError:
            visited = None
        if found is None or visited is None:
            raise Unreadable(f"{self.label()}: {self.log} is not in the combined format")
        return LastVisit(looked=looked, visited=visited, status=int(found[2]), whole=whole)
