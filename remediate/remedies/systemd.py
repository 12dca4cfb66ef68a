"""Shared parts of remedies that start or restart a systemd unit."""

from collections.abc import Iterator

from remediate.command import ROOT, Run
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.systemd import SYSTEMCTL, UnitState, full_name
from remediate.verdict import (
    CONFIG_BROKEN,
    CONFIG_UNCHECKED,
    START_LIMIT_HIT,
    UNIT_MASKED,
    UNIT_MISSING,
    Verdict,
    refuse,
)

UNIT_REFUSALS = (UNIT_MISSING, UNIT_MASKED, START_LIMIT_HIT)
CONFIG_REFUSALS = (CONFIG_BROKEN, CONFIG_UNCHECKED)


def unstartable(unit: UnitState, name: str) -> Verdict | None:
    """Say why this unit cannot be started, or None."""
    if unit.missing:
        return refuse(UNIT_MISSING, f"{name} is not installed on this host")
    if unit.masked:
        return refuse(UNIT_MASKED, f"{name} is masked; unmask it if it should run")
    return None


def start_limited(unit: UnitState, name: str) -> Verdict | None:
    """Say that systemd gave the unit up, or None.

    Ask this last: it can be overridden, and what is overridden hides every refusal that would have come after it.
    """
    if unit.result != "start-limit-hit":
        return None
    return refuse(START_LIMIT_HIT, f"{name} was started too often and systemd gave up: its log says why")


def unsound(config: ConfigCheck, label: str) -> Verdict | None:
    """Say why a start with this configuration would not end well, or None."""
    if config.state is ConfigState.SOUND:
        return None
    code = CONFIG_BROKEN if config.state is ConfigState.BROKEN else CONFIG_UNCHECKED
    return refuse(code, f"{label}: {config.describe()}")


def restarts(unit: str, *, seconds: float = 100) -> tuple[Run, Run]:
    """Return the commands that forget a start limit and restart a unit.

    The restart may wait for systemd's own stop timeout (90 s by default). Ending the client does not cancel the job.
    """
    name = full_name(unit)
    return (
        Run.of(SYSTEMCTL, "reset-failed", name, user=ROOT, seconds=10),
        Run.of(SYSTEMCTL, "restart", name, user=ROOT, seconds=seconds),
    )


def restarting(state: UnitState, unit: str, *, seconds: float = 100) -> Iterator[Run]:
    """Yield what restarts a unit that is in this state: its start limit is forgotten only where it was hit."""
    reset, restart = restarts(unit, seconds=seconds)
    if state.result == "start-limit-hit":
        yield reset
    yield restart
