"""Sizes of a rolling change: batches of hosts, and how many of them may fail."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_SIZE: Final = re.compile(r"[1-9][0-9]{0,5}|(?:[1-9][0-9]?|100)%")


def _serial(text: str) -> str:
    sizes = [size.strip() for size in text.split(",")]
    if not all(map(_SIZE.fullmatch, sizes)):
        raise ValueError(f"takes a number of hosts, a percentage, or a list like 1,5,20%, not {text!r}")
    return ",".join(sizes)


def _most(text: str) -> str:
    text = text.strip()
    if text not in {"0", "0%"} and not _SIZE.fullmatch(text):
        raise ValueError(f"takes a number of hosts or a percentage, like 2 or 10%, not {text!r}")
    return text


Serial = Annotated[str, AfterValidator(_serial)]
"""Sizes of the batches, separated by commas: hosts, or a percentage of all that need a change. The last one repeats."""
MaxFail = Annotated[str, AfterValidator(_most)]
"""A number of hosts, or a percentage of all that need a change."""


def batch_size(serial: str, batch: int, total: int) -> int:
    """Return the number of hosts in a batch, counted from 0, when `total` need a change."""
    sizes = serial.split(",")
    return max(1, _hosts(sizes[min(batch, len(sizes) - 1)], total))


def failures_allowed(max_fail: str, total: int) -> int:
    """Return the number of hosts that may fail without stopping the rest."""
    return _hosts(max_fail, total)


def _hosts(size: str, total: int) -> int:
    return int(size[:-1]) * total // 100 if size.endswith("%") else int(size)
