"""The last visit of a User-Agent, from the access log."""

import re
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AwareDatetime, Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

READ_BYTES: Final = 16 * 1024 * 1024
"""Bytes that are read from the end of each log."""

_PROGRAM: Final = (
    'date -u +%s; wc -c < "$1" || exit 3; '
    # A log that was rotated a minute ago has few lines yet, so the one before it is read first.
    'for f in "$1.1" "$1"; do if [ -r "$f" ]; then tail -c "$3" -- "$f" || exit 3; fi; done | '
    # In the combined format the third quoted field is the User-Agent, whatever fields follow (nginx.org's own `main`
    # adds one more). nginx writes a quote within a field as \x22.
    "awk -F '\"' -v a=\"$2\" '"
    'NF > 6 && $1 ~ /^[^ ]+ .*\\[.*\\] $/ && $3 ~ /^ [0-9]+ [0-9-]/ && $5 == " " '
    "{ if (!read++) first = $0; if (index($6, a)) last = $0 } "
    "END { print NR; print first; print last }'"
)
_LINE: Final = re.compile(
    r'^\S+ .*?\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4})\] "[^"]*" ([0-9]{3}) '
)


class LastVisit(Fact):
    """The last visit with a User-Agent, and the time of the look at the log."""

    looked: AwareDatetime = Field(description="the host's own clock")
    visited: AwareDatetime | None = Field(description="None for never in what was read")
    status: int | None = Field(description="what the site answered")
    whole: bool = Field(description="whether the log was read from its beginning")
    earliest: AwareDatetime | None = Field(description="the first line that was read; None where there was none")

    @property
    def minutes(self) -> float | None:
        """The age of the last visit, in minutes; None without one."""
        return None if self.visited is None else (self.looked - self.visited).total_seconds() / 60

    @property
    def reach(self) -> float | None:
        """The age of the first line that was read, in minutes; None without one."""
        return None if self.earliest is None else (self.looked - self.earliest).total_seconds() / 60

    @override
    def describe(self) -> str:
        if self.minutes is None:
            return "no visit in the log" if self.whole else "no visit in the end of the log"
        return f"last visit {self.minutes:.0f} min ago, answered {self.status}"


class MonitorVisits(Probe[LastVisit]):
    """Search an access log, and its rotated predecessor, for the last visit of a monitor.

    The log has to be in the combined format, and readable for the SSH user. Anybody can send that User-Agent, so a
    visit is a sign of a monitor, no proof.
    """

    kind: Literal["nginx.visits"] = "nginx.visits"
    log: AbsolutePath = Field(description="access log in the combined format")
    agent: str = Field(pattern=r"^[A-Za-z0-9 ._/+-]{3,80}$", description="a part of the User-Agent")

    @override
    def label(self) -> str:
        return f"visits of {self.agent}"

    @override
    def command(self) -> Run:
        return Run.of("/bin/sh", "-c", _PROGRAM, "sh", self.log, self.agent, str(READ_BYTES), seconds=20)

    @override
    def parse(self, output: Output) -> LastVisit:
        if output.exit != 0 or output.stderr.strip():
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        clock, size, lines, first, last, *_ = *output.stdout.split("\n"), *[""] * 5
        try:
            looked = datetime.fromtimestamp(whole_number(clock, self.label()), UTC)
        except (ValueError, OverflowError, OSError):
            raise Unreadable(f"{self.label()}: the host's clock says {clock[:40]!r}") from None
        whole = whole_number(size.strip(), self.label()) <= READ_BYTES
        if not first and whole_number(lines, self.label()) > 0:
            raise self._other_format()
        earliest, _ = self._line(first) if first else (None, None)
        visited, status = self._line(last) if last else (None, None)
        return LastVisit(looked=looked, visited=visited, status=status, whole=whole, earliest=earliest)

    def _line(self, text: str) -> tuple[datetime, int]:
        """Return the time and the status of a line. Raises Unreadable."""
        found = _LINE.match(text)
        if found is None:
            raise self._other_format()
        try:
            # %b reads the month names of the C locale, which nginx writes as well.
            return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z"), int(found[2])
        except ValueError:
            raise self._other_format() from None

    def _other_format(self) -> Unreadable:
        return Unreadable(f"{self.label()}: {self.log} is not in the combined format")
