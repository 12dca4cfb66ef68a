"""Shorthands for outcomes in tests."""

from remediate.core.outcome import HostOutcome


def code(outcome: HostOutcome) -> str | None:
    """Return the code of the host's error, None without one."""
    return outcome.error.code if outcome.error else None
