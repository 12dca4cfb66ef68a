"""How often a test repeats what chance decides: a few times in CI, many times in `make soak`."""

import os


def times(ci: int, soak: int) -> int:
    """Return the first number, or the second one in `make soak`."""
    return soak if os.environ.get("SOAK") else ci
