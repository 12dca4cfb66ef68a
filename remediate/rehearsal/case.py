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
    """The outcome that `fix` must have on a host with this fault."""

    FIXED = "fixed"
    REFUSED = "refused"
    UNCLAIMED = "not claimed"
    UNHARMED = "healthy"


@dataclass(frozen=True)
class FollowUp:
    """A person's next step after a refusal, as the report advises it, and its outcome."""

    says: str
    """Words of the report that advise it."""
    script: str = ""
    """Commands that the person types on the host, as root."""
    override: str = ""
    """The person's reason to override the refusal."""
    by: Runnable | None = None
    """The task that the person runs next; None for the same playbook again."""
    leads_to: str | None = None
    """Code of the next refusal; None when the host must be healthy then."""


@dataclass(frozen=True)
class Case:
    """One fault and its expected outcome. Made by `cured`, `refused`, `unclaimed` or `unharmed`."""

    name: str
    fault: Fault
    expected: Expected
    by: tuple[str, ...] = ()
    code: str | None = None
    needs: tuple[str, ...] = ()
    """Names that have to run for the expected outcome. The case is not paired with a fault that disturbs one of
    them."""
    hold: float = HOLD_SECONDS
    timeout: float = TIMEOUT_SECONDS
    then: FollowUp | None = None


def cured(name: str, fault: Fault, *by: str, needs: tuple[str, ...] = ()) -> Case:
    """Declare that the playbook fixes it, with remedies of these kinds and no others.

    `needs` lists what has to run for that, in the terms of `Fault.disturbs`. The case is never paired with a fault that
    disturbs one of these.
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
    """Declare that the playbook refuses with this code and changes nothing.

    It waits `timeout` seconds at most. `then` is the person's next step. The trial takes that step, so that useless
    advice is a deviation.
    """
    return Case(name, fault, Expected.REFUSED, code=code, needs=needs, timeout=timeout, then=then)


def unclaimed(name: str, fault: Fault, code: str | None = None, *, hold: float = HOLD_SECONDS) -> Case:
    """Declare that the playbook cannot fix this and must not claim that it did.

    `hold` seconds have to be enough to notice. With a code the playbook also has to report it, whatever else it may
    have fixed.
    """
    return Case(name, fault, Expected.UNCLAIMED, code=code, hold=hold)


def unharmed(name: str, fault: Fault, *, needs: tuple[str, ...] = ()) -> Case:
    """Declare that this is no fault: the playbook finds the host healthy and changes nothing."""
    return Case(name, fault, Expected.UNHARMED, needs=needs)
