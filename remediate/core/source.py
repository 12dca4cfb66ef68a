"""Python sources, read without importing them."""

import ast
from threading import Lock
from typing import Final

_ONE_AT_A_TIME: Final = Lock()


def parse(text: str, name: str = "<source>") -> ast.Module:
    """Parse a Python source, in one thread at a time.

    Threads that parse at once may get a SystemError from CPython 3.11 (gh-106905). Raises SyntaxError, ValueError,
    RecursionError and MemoryError as `ast.parse` does.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(text, name)
