"""Lists of any length as texts of bounded length."""

from collections.abc import Iterable
from typing import Final

NAMED: Final = 8
"""The most that a text names one by one."""


def few(texts: Iterable[str], between: str = ", ", most: int = NAMED) -> str:
    """Return the first few different texts, and the number of the others."""
    once = list(dict.fromkeys(texts))
    more = f"{between}and {len(once) - most} more" if len(once) > most else ""
    return between.join(once[:most]) + more
