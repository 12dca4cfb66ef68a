"""Ranges of host names, and a port after a name."""

import re
import string
from collections.abc import Iterator

from remediate.inventory.ansible_values import SourceLocation

_RANGE = re.compile(r"\[([^\[\]:]*):([^\[\]:]*)(?::([^\[\]:]*))?\]")
_IPV6_PORT = re.compile(r"\[([0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]:([0-9]+)")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])+):([0-9]+)")


def expand_range(pattern: str, place: SourceLocation) -> Iterator[str]:
    """Yield the names of a pattern: `web[01:10].example.com`, `db[a:c]` or `n[0:9:3]`.

    The last range changes fastest. Raises ConfigurationError for an invalid range.
    """
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    head, tail = pattern[: match.start()], pattern[match.end() :]
    begin, end, step = match.group(1) or "0", match.group(2), match.group(3)
    stride = 1 if step is None else _number(step, place)
    if not end or stride < 1:
        raise place.error("a host range is [begin:end] or [begin:end:step]")
    names: Iterator[str]
    if len(begin) == len(end) == 1 and begin in string.ascii_letters and end in string.ascii_letters:
        first, last = string.ascii_letters.index(begin), string.ascii_letters.index(end)
        names = iter(string.ascii_letters[first : last + 1 : stride])
    else:
        first, last = _number(begin, place), _number(end, place)
        padded = begin.startswith("0") and len(begin) > 1
        if padded and len(begin) != len(end):
            raise place.error("a host range with leading zeros needs as many digits at its begin as at its end")
        names = (str(number).zfill(len(begin) if padded else 1) for number in range(first, last + 1, stride))
    if first > last:
        raise place.error("a host range begins after its end")
    for name in names:
        for rest in expand_range(tail, place):
            yield f"{head}{name}{rest}"


def _number(text: str, place: SourceLocation) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise place.error("a host range is [begin:end] or [begin:end:step], of numbers or of single letters")
    return int(text)


def split_port(name: str) -> tuple[str, int | None]:
    """Return a host's name and the port that follows it, None without one."""
    match = _IPV6_PORT.fullmatch(name) or _PORT.fullmatch(name)
    return (name, None) if match is None else (match.group(1), int(match.group(2)[:9]))
