"""Finds out what a step did whose link was lost. Nothing is applied again."""

from time import monotonic
from typing import Final

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.outcome import Verified
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, basis
from remediate.core.verdict import Verdict
from remediate.engine.apply import Ran
from remediate.engine.context import Context
from remediate.engine.judge import explain, verification
from remediate.engine.orphan import locked_facts
from remediate.engine.surveyor import Surveyor
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable

REJOIN_SECONDS: Final = 60.0
"""Seconds in which a run tries to connect again."""
_PAUSE: Final = 2.0
"""Seconds between two attempts to connect again."""


def found_out(
    context: Context,
    host: Host,
    surveyor: Surveyor,
    remedy: Remedy,
    before: Facts,
    lost: ContactLost,
    *,
    wait: float,
) -> Ran | Unreachable:
    """Connect again, wait for the lock that the step holds on the host, and verify the step.

    Returns its result, which may be unknown, or Unreachable if it had no effect. `before` are the facts that the guard
    saw, and `wait` is the seconds for the lock.
    """
    context.reporter.progress(host, f"{lost}; connecting again to find out")
    after = _rejoined(context, host, surveyor, wait)
    if isinstance(after, str):
        return Ran((), Verified.UNKNOWN, f"{lost}; {after}")
    result = verification(remedy, before, after)
    seen = f"the link was lost while it acted; afterwards: {explain(result)}"
    match result:
        case Proven():
            return Ran((), Verified.PROVEN, seen)
        case NotYet() | Failed() if _same(remedy, before, after):
            why = f"the link died; {remedy.title()} is as it was before: no command ran, or none had an effect"
            return Unreachable(UnreachableCode.LOST, why)
        case NotYet() | Failed():
            return Ran((), Verified.FAILED, seen)
        case _:
            return Ran((), Verified.UNKNOWN, f"{lost}; {explain(result)}")


def _rejoined(context: Context, host: Host, surveyor: Surveyor, wait: float) -> Facts | str:
    """Return the facts from after the step, or why there are none."""
    until = monotonic() + context.rejoin
    while True:
        try:
            surveyor.rejoin(context.connect(host))
            facts = locked_facts(surveyor, (*context.owner, "rejoin"), wait)
        except (Unreachable, ContactLost) as error:
            if monotonic() >= until or context.stop.wait(_PAUSE):
                return str(error)
        else:
            return facts.reason if isinstance(facts, Verdict) else facts


def _same(remedy: Remedy, before: Facts, after: Facts) -> bool:
    try:
        return basis(remedy, before) == basis(remedy, after)
    except Unreadable:
        return False
