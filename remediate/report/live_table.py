"""A table of the hosts at work, redrawn in place below the results on a terminal."""

import io
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, RLock, Thread
from time import monotonic
from typing import Final, NamedTuple

from remediate.core.outcome import RunVerdict
from remediate.masking.stream import Steady, Stream
from remediate.report.lines import HEADLINES
from remediate.report.wrapping import WIDTH

_EVERY: Final = 0.25
"""Seconds between two drawings."""
_LONGEST_NAME: Final = 30
_CUT: Final = "..."
"""Stands for the rest of a line. An ellipsis does not exist in every encoding, and its escape would not fit."""
_SPARE_ROWS: Final = 3
"""Rows of the terminal that stay free, for the newest result and the cursor."""


class HostRow(NamedTuple):
    """One host at work."""

    name: str
    text: str
    since: float


def table(
    rows: Sequence[HostRow], ended: Counter[RunVerdict], total: int, now: float, size: tuple[int, int]
) -> list[str]:
    """Return the lines of the table. `size` is the terminal's in columns and rows.

    The hosts that have worked longest come first. Those that do not fit are counted.
    """
    columns, height = size
    width, room = min(columns, WIDTH) - 1, max(1, height - _SPARE_ROWS)
    shown = sorted(rows, key=lambda row: row.since)
    shown = shown if len(shown) <= room - 1 else shown[: max(0, room - 2)]
    longest = min(max((_width(row.name) for row in shown), default=0), _LONGEST_NAME)
    lines = [f"  {_fit(row.name, longest)}  {now - row.since:4.0f} s  {row.text}" for row in shown]
    if len(shown) < len(rows):
        lines.append(f"  and {len(rows) - len(shown)} more at work")
    done = sum(ended.values())
    told = "".join(f", {count} {HEADLINES[verdict]}" for verdict, count in ended.items())
    lines.append(f"  {done} of {total} hosts done{told}; {len(rows)} at work, {total - done - len(rows)} waiting")
    return [_cut(line, width) for line in lines]


class LiveTable:
    """Draws the table until it is closed. Everything else that is printed meanwhile goes into `above()`."""

    def __init__(self, stream: Stream, size: Callable[[], tuple[int, int]], *, with_results: bool) -> None:
        """`with_results` says that the results go to the same terminal."""
        self._stream = Steady(stream)
        self._size = size
        self._with_results = with_results
        self._lock = RLock()
        self._rows: dict[str, HostRow] = {}
        self._ended: Counter[RunVerdict] = Counter()
        self._total = 0
        self._drawn = 0
        self._hidden = 0
        self._over = Event()
        self._drawer: Thread | None = None

    @property
    def crowded(self) -> bool:
        """Return whether the terminal has fewer rows than the run has hosts."""
        return self._with_results and self._total > self._size()[1] - _SPARE_ROWS

    def open(self, total: int) -> None:
        """Begin to draw, for a run on `total` hosts."""
        self._total = total
        self._drawer = Thread(target=self._draw_again, name="live-table", daemon=True)
        self._drawer.start()

    def working(self, name: str, text: str) -> None:
        """Show what a host is doing."""
        with self._lock:
            since = self._rows[name].since if name in self._rows else monotonic()
            self._rows[name] = HostRow(self._stream.encodable(name), self._stream.encodable(text), since)

    def waiting(self, name: str) -> None:
        """Show a host no more until it goes on."""
        with self._lock:
            self._rows.pop(name, None)

    def ended(self, name: str, verdict: RunVerdict) -> None:
        """Count a host that has ended."""
        with self._lock:
            self._rows.pop(name, None)
            self._ended[verdict] += 1

    @contextmanager
    def above(self) -> Iterator[None]:
        """Take the table away while something else is printed, or a person is asked."""
        with self._lock:
            self._hidden += 1
            self._erase()
        try:
            yield
        finally:
            with self._lock:
                self._hidden -= 1
                if not self._hidden and self._drawer is not None and not self._over.is_set():
                    self._draw()

    def close(self) -> None:
        """Take the table away for good."""
        self._over.set()
        if self._drawer is not None:
            self._drawer.join()
        with self._lock:
            self._erase()

    def _draw_again(self) -> None:
        while not self._over.wait(_EVERY):
            with self._lock:
                if not self._hidden:
                    self._draw()

    def _draw(self) -> None:
        lines = table(tuple(self._rows.values()), self._ended, self._total, monotonic(), self._size())
        # One write, so that nothing flickers. The text begins after \r, where patterns of secrets see a boundary.
        self._stream.write(self._up() + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(self._up())
            self._stream.flush()
        self._drawn = 0

    def _up(self) -> str:
        return f"\x1b[{self._drawn}A\x1b[J\r" if self._drawn else ""


def live_table(results: Stream, progress: Stream) -> LiveTable | None:
    """Return a table for progress on a terminal that can move its cursor, else None."""
    if not _is_terminal(progress) or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return LiveTable(progress, lambda: _size(progress), with_results=_is_terminal(results))


def _is_terminal(stream: Stream) -> bool:
    return isinstance(stream, io.TextIOBase) and stream.isatty()


def _size(stream: Stream) -> tuple[int, int]:
    try:
        columns, rows = os.get_terminal_size(stream.fileno()) if isinstance(stream, io.TextIOBase) else (0, 0)
    except (OSError, ValueError):  # The terminal is gone.
        columns, rows = 0, 0
    return columns or 80, rows or 24


def _width(text: str) -> int:
    """Return the columns of a text: a wide character takes two, a combining one none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) > width - len(_CUT):
        text = text[:-1]
    return f"{text}{_CUT}"


def _fit(text: str, width: int) -> str:
    text = _cut(text, width)
    return text + " " * (width - _width(text))
