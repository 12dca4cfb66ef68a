"""What tests ask of an outcome."""

from remediate.core.outcome import HostOutcome


def code(outcome: HostOutcome) -> str | None:
    """Why it went no further."""
    return outcome.error.code if outcome.error else None
