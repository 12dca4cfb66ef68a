"""Repetitions of tests that depend on chance: few in CI, many in `make soak`."""

import os


def times(ci: int, soak: int) -> int:
    """Return the first number in CI, the second one in `make soak`."""
    return soak if os.environ.get("SOAK") else ci
