"""Repetitions of tests that depend on chance: few in CI, many in `make soak`."""

import os
from typing import TypeVar

T = TypeVar("T")


def times(ci: T, soak: T) -> T:
    """Return the first value in CI, the second one in `make soak`."""
    return soak if os.environ.get("SOAK") else ci
