"""A playbook's declared cases: faults that it fixes, refuses or ignores."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from remediate.core.playbook import Runnable
from remediate.rehearsal.faults.fault import Fault

HOLD_SECONDS: Final = 3.0
"""Stability window of a rehearsed run, unless flapping is the fault."""
TIMEOUT_SECONDS: Final = 120.0


class Expected(Enum):
    """What `fix` has to come to on a host with this fault."""

    FIXED = "fixed"
    REFUSED = "refused"
    UNCLAIMED = "not claimed"
    UNHARMED = "healthy"


@dataclass(frozen=True)
class FollowUp:
    """What a person does after a refusal, as the report advises, and where that leads."""

    says: str
    """Words of the report that tell them so."""
    script: str = ""
    """What they type on the host, as root."""
    override: str = ""
    """Why they override the refusal."""
    by: Runnable | None = None
    """What they run then: None for the same playbook once more."""
    leads_to: str | None = None
    """Code of the next refusal, a further truth; None for a host that is well."""


@dataclass(frozen=True)
class Case:
    """One fault and what the playbook has to make of it. Made by `cured`, `refused`, `unclaimed`, `unharmed`."""

    name: str
    fault: Fault
    expected: Expected
    by: tuple[str, ...] = ()
    code: str | None = None
    needs: tuple[str, ...] = ()
    """What has to run for it to come as declared: it is not paired with a fault of that."""
    hold: float = HOLD_SECONDS
    timeout: float = TIMEOUT_SECONDS
    then: FollowUp | None = None


def cured(name: str, fault: Fault, *by: str, needs: tuple[str, ...] = ()) -> Case:
    """Declare that the playbook mends it, with remedies of these kinds and no others.

    `needs` names, in the terms of `Fault.disturbs`, what has to run for that: a case of it is not rehearsed beside.
    """
    return Case(name, fault, Expected.FIXED, by=by, needs=needs)


def refused(
    name: str,
    fault: Fault,
    code: str,
    *,
    needs: tuple[str, ...] = (),
    timeout: float = TIMEOUT_SECONDS,
    then: FollowUp | None = None,
) -> Case:
    """Declare that the playbook refuses with this code and changes nothing; it waits `timeout` seconds at most.

    `then` is what a person does next: the trial does it, so that advice which leads nowhere is a deviation.
    """
    return Case(name, fault, Expected.REFUSED, code=code, needs=needs, timeout=timeout, then=then)


def unclaimed(name: str, fault: Fault, code: str | None = None, *, hold: float = HOLD_SECONDS) -> Case:
    """Declare that it cannot mend this, and must not claim so; `hold` seconds have to be enough to notice.

    With a code it also says why, whatever else it may have mended.
    """
    return Case(name, fault, Expected.UNCLAIMED, code=code, hold=hold)


def unharmed(name: str, fault: Fault, *, needs: tuple[str, ...] = ()) -> Case:
    """Declare that this is no fault of its own: it finds the host healthy and leaves it alone."""
    return Case(name, fault, Expected.UNHARMED, needs=needs)
