"""A small terminal: what a person sees of text that moves the cursor."""

import io
import re
from typing import Final

_PART: Final = re.compile(r"\x1b\[(\d*)([AJ])|(\r)|(\n)|([^\x1b\r\n]+)")


class Screen(io.StringIO):
    """A terminal of any height. Anything but the sequences that a live table uses is an error."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """The screen's lines, and those that scrolled away."""
        return drawn(self.getvalue())


def drawn(text: str) -> list[str]:
    lines, row, column, end = [""], 0, 0, 0
    for part in _PART.finditer(text):
        assert part.start() == end, repr(text[end : part.start()])
        end = part.end()
        if part[2] == "A":
            row -= int(part[1])
            assert row >= 0, "above the first line"
        elif part[2] == "J":
            lines = [*lines[:row], lines[row][:column]]
        elif part[3]:
            column = 0
        elif part[4]:
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = f"{lines[row]:<{column}}"[:column] + part[5] + lines[row][column + len(part[5]) :]
            column += len(part[5])
    assert end == len(text), repr(text[end:])
    return lines
