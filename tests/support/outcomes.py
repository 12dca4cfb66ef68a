"""Shorthands for outcomes in tests."""

from remediate.core.outcome import HostOutcome


def code(outcome: HostOutcome) -> str | None:
    """Return the code of the host's error, None without one."""
    return outcome.error.code if outcome.error else None


def told(outcome: HostOutcome) -> list[tuple[str, str | None]]:
    """Say what became of each remedy."""
    return [
        (step.remedy, step.verified.value if step.verified else step.code or step.decision.value)
        for step in outcome.steps
    ]
