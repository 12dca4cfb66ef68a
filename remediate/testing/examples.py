"""Facts as healthy and broken hosts give them, to state a test's table with."""

from datetime import UTC, datetime
from typing import Final

from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.http import Answer, Failure
from remediate.probes.systemd import UnitState

RUNNING: Final = UnitState(
    load="loaded",
    active="active",
    sub="running",
    file="enabled",
    result="success",
    invocation="01ed8f9b2a0a4c6db04ef50431f9c3f7",
    main_pid=1041,
    restarts=0,
    job=0,
    exit="",
    active_since=2340.648910,
    changed_at=datetime(2026, 11, 23, 8, 31, 11, tzinfo=UTC),
)
"""A unit that has been running for long."""
STOPPED: Final = RUNNING.model_copy(
    update={"active": "inactive", "sub": "dead", "main_pid": 0, "active_since": 2340.648910, "exit": "exit 0"}
)
"""A unit that somebody stopped."""
FAILED: Final = STOPPED.model_copy(
    update={"active": "failed", "sub": "failed", "result": "exit-code", "exit": "exit 255"}
)
"""A unit whose process ended with an error."""
START_LIMIT: Final = FAILED.model_copy(update={"result": "start-limit-hit"})
"""A unit that systemd has given up on."""
STARTING: Final = STOPPED.model_copy(update={"active": "activating", "sub": "start", "job": 4711})
"""A unit on its way up."""
MASKED: Final = STOPPED.model_copy(update={"load": "masked", "file": "masked"})
"""A unit that a person has made unstartable."""
MISSING: Final = UnitState(
    load="not-found",
    active="inactive",
    sub="dead",
    file="",
    result="success",
    invocation="",
    main_pid=0,
    restarts=0,
    job=0,
    exit="",
    active_since=None,
    changed_at=None,
)
"""A unit that the host does not have."""

SOUND: Final = ConfigCheck(state=ConfigState.SOUND)
"""A configuration that its program accepts."""
BROKEN_CONFIG: Final = ConfigCheck(
    state=ConfigState.BROKEN, message='invalid parameter "bogus"', file="/etc/nginx/nginx.conf", line=3
)
"""A configuration that its program rejects."""
UNCHECKED: Final = ConfigCheck(state=ConfigState.UNCHECKED, message="(30: Read-only file system)")
"""A configuration check that could not run."""


def started_again(unit: UnitState, times: int = 1) -> UnitState:
    """Return the unit as it is after so many more starts: another invocation, another process."""
    invocation = f"{(int(unit.invocation or '0', 16) + times) % 16**32:032x}"
    return RUNNING.model_copy(update={"invocation": invocation, "main_pid": (unit.main_pid or 1041) + times})


def page(status: int = 200, *, right: bool = True, redirect: str | None = None) -> Answer:
    """Return what a request was answered with."""
    return Answer(status=status, failure=None, redirect=redirect, right=right, seconds=0.012)


def no_page(failure: Failure = Failure.REFUSED) -> Answer:
    """Return what a request comes to that got no answer."""
    return Answer(status=None, failure=failure, redirect=None, right=True, seconds=0.003)
