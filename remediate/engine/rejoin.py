"""Finds out what a step did whose link was lost. Nothing is applied again."""

from time import monotonic
from typing import Final

from remediate.core.facts import Facts
from remediate.core.outcome import Verified
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, basis
from remediate.core.verdict import LOCKED, LOCKED_BY_OTHERS, Verdict
from remediate.engine.judge import CLOCK, explain, verification
from remediate.engine.open_host import OpenHost
from remediate.engine.orphan import locked_facts
from remediate.engine.outcomes import Ran
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable

REJOIN_SECONDS: Final = 60.0
"""Seconds in which a run tries to connect again."""
_LOCKED: Final = "the lock of the host is still held, by this step or by another run"
"""A refusal would say that nothing was changed, which is not known here."""
_PAUSE: Final = 2.0
"""Seconds between two attempts to connect again."""


def found_out(opened: OpenHost, remedy: Remedy, before: Facts, lost: ContactLost, *, wait: float) -> Ran | Unreachable:
    """Connect again, wait for the lock that the step holds on the host, and verify the step.

    Returns its result, which may be unknown, or Unreachable if it had no effect. `before` are the facts that the guard
    saw, and `wait` is the seconds for the lock.
    """
    opened.progress(f"{lost}; connecting again to find out")
    after = _rejoined(opened, wait)
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


def _rejoined(opened: OpenHost, wait: float) -> Facts | str:
    """Return the facts from after the step, or why there are none."""
    context, surveyor = opened.context, opened.surveyor
    until = monotonic() + context.rejoin
    while True:
        try:
            surveyor.reconnect()
            # Ask first: a connection that a caller keeps is made again for a question only, never for an act.
            with surveyor.look(probes=(CLOCK,)) as look:
                look.survey()
            facts = locked_facts(surveyor, (*context.owner, "rejoin"), wait)
        except (Unreachable, ContactLost) as error:
            if monotonic() >= until or context.stop.wait(_PAUSE):
                return str(error)
        else:
            if not isinstance(facts, Verdict):
                return facts
            return _LOCKED if facts.code in {LOCKED, LOCKED_BY_OTHERS} else facts.reason


def _same(remedy: Remedy, before: Facts, after: Facts) -> bool:
    try:
        was = basis(remedy, before)
        return bool(was) and was == basis(remedy, after)  # A remedy that names nothing would always be the same.
    except Unreadable:
        return False
